#include "app/capture_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace smartcodec {

namespace {

/// How long a frame stands of which neither its own duration nor the source's rate is known.
constexpr std::chrono::milliseconds kUnknownFrameTime{40};

std::chrono::nanoseconds frameTime(FrameRate rate) {
    return rate.known() ? std::chrono::nanoseconds(1'000'000'000LL * rate.denominator / rate.numerator)
                        : kUnknownFrameTime;
}

}  // namespace

CaptureStage::CaptureStage(Source& source, const Settings& settings, Queue<CaptureItem>& out, FirstFailure& failure)
    : source_(source),
      out_(out),
      failure_(failure),
      stop_(failure.stopSource().get_token()),
      durationLimit_(settings.duration),
      frameLimit_(settings.frames),
      realtime_(settings.realtime),
      nominalFrameTime_(frameTime(source.info().frameRate)) {}

void CaptureStage::run() {
    working_ = {};
    try {
        const Status status = source_.run(*this, stop_);
        refused_ = refused_ || stop_.stop_requested();
        if (!status.ok())
            failure_.report(status.message());
    } catch (const std::exception& error) {
        failure_.report(source_.info().name + ": " + error.what());
    }
    if (repeated_)  // not when it was seen: that may be on a camera's thread, which nothing is to hold up
        spdlog::warn("{}: the capture time of frame {} was not after that of the frame before: such frames are dropped",
                     source_.info().name, *repeated_);
    endedAt_.store(std::chrono::steady_clock::now().time_since_epoch(), std::memory_order_relaxed);
    out_.put(end());
}

std::chrono::nanoseconds CaptureStage::sinceEnd() const {
    const std::chrono::nanoseconds ended = endedAt_.load(std::memory_order_relaxed);
    return ended.count() == 0 ? ended : std::chrono::steady_clock::now().time_since_epoch() - ended;
}

End CaptureStage::end() const {
    const CaptureTime first = first_.value_or(CaptureTime{});
    if (limitReached_)
        return {.time = first + *durationLimit_, .cut = true};
    const auto recorded = durationLimit_ ? std::min(duration(), *durationLimit_) : duration();
    return {.time = first + recorded, .cut = refused_};
}

bool CaptureStage::deliver(Frame frame) {
    time_.add(working_.elapsed());
    if (!wanted(frame))
        return false;
    if (!isLater(frame)) {
        drop();
    } else if (realtime_) {
        if (!waitUntilDue(frame->time))
            return false;
        putOrDrop(std::move(frame));
    } else {
        account(frame);
        out_.put(std::move(frame));
    }
    working_ = {};
    return true;
}

bool CaptureStage::deliver(Packet packet) {
    const bool tooLate = isBeyondLimit(packet.presentation);
    limitReached_ = limitReached_ || tooLate;
    time_.total += working_.elapsed();
    if (!tooLate)
        out_.put(std::move(packet));
    working_ = {};
    return !stop_.stop_requested();
}

void CaptureStage::offer(Frame frame) {
    if (lastSequence_ && frame->sequence > *lastSequence_ + 1) {  // the camera had no buffer for them, or they failed
        std::uint64_t missing = frame->sequence - *lastSequence_ - 1;
        if (frameLimit_)
            missing = std::min(missing, *frameLimit_ - std::min(*frameLimit_, frames()));
        frames_.fetch_add(missing, std::memory_order_relaxed);
        dropped_ += missing;
    }
    lastSequence_ = frame->sequence;
    if (!wanted(frame))
        failure_.stopSource().request_stop();
    else if (isLater(frame))
        putOrDrop(std::move(frame));
    else
        drop();
}

bool CaptureStage::wanted(const Frame& frame) {
    limitReached_ = limitReached_ || isBeyondLimit(frame->time);
    refused_ = limitReached_ || stop_.stop_requested() || (frameLimit_ && frames() >= *frameLimit_);
    return !refused_;
}

bool CaptureStage::isBeyondLimit(CaptureTime time) const {
    return durationLimit_ && first_ && time - *first_ >= *durationLimit_;
}

/// A file has no place for a picture that is not later than the one before. Sources of this project give none; a driver
/// may repeat a time.
bool CaptureStage::isLater(const Frame& frame) {
    if (!last_ || frame->time > *last_)
        return true;
    if (!repeated_)
        repeated_ = frame->sequence;
    return false;
}

bool CaptureStage::waitUntilDue(CaptureTime time) {
    const auto now = std::chrono::steady_clock::now();
    if (!first_)
        start_ = now;
    const auto due = start_ + (time - first_.value_or(time));
    if (due > now) {
        std::unique_lock lock(mutex_);
        due_.wait_until(lock, stop_, due, [] { return false; });
    }
    return !stop_.stop_requested();
}

void CaptureStage::account(const Frame& frame) {
    if (!first_)
        first_ = frame->time;
    last_ = frame->time;
    const auto length = frame->duration.count() > 0 ? frame->duration : nominalFrameTime_;
    duration_.store((frame->time + length - *first_).count(), std::memory_order_relaxed);
    frames_.fetch_add(1, std::memory_order_relaxed);
}

void CaptureStage::drop() {
    frames_.fetch_add(1, std::memory_order_relaxed);
    ++dropped_;
}

void CaptureStage::putOrDrop(Frame frame) {
    account(frame);
    CaptureItem item = std::move(frame);
    if (!out_.tryPut(item))
        ++dropped_;
}

}  // namespace smartcodec
