#include "app/capture_stage.h"

#include <algorithm>
#include <exception>

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
        if (const Status status = source_.run(*this, stop_); !status.ok())
            failure_.report(status.message());
    } catch (const std::exception& error) {
        failure_.report(source_.info().name + ": " + error.what());
    }
    const CaptureTime end = first_.value_or(CaptureTime{}) + duration();
    out_.put(End{durationLimit_ && first_ ? std::min(end, *first_ + *durationLimit_) : end});
}

bool CaptureStage::deliver(Frame frame) {
    time_.add(working_.elapsed());
    if (!wanted(frame))
        return false;
    if (realtime_) {
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
    const bool tooLate = durationLimit_ && packet.presentation >= first_.value_or(CaptureTime{}) + *durationLimit_;
    time_.total += working_.elapsed();
    if (!tooLate)
        out_.put(std::move(packet));
    working_ = {};
    return !stop_.stop_requested();
}

void CaptureStage::offer(Frame frame) {
    if (wanted(frame))
        putOrDrop(std::move(frame));
    else
        failure_.stopSource().request_stop();
}

bool CaptureStage::wanted(const Frame& frame) const {
    if (stop_.stop_requested() || (frameLimit_ && frames() >= *frameLimit_))
        return false;
    return !durationLimit_ || !first_ || frame->time - *first_ < *durationLimit_;
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
    const auto length = frame->duration.count() > 0 ? frame->duration : nominalFrameTime_;
    duration_.store((frame->time + length - *first_).count(), std::memory_order_relaxed);
    frames_.fetch_add(1, std::memory_order_relaxed);
}

void CaptureStage::putOrDrop(Frame frame) {
    account(frame);
    CaptureItem item = std::move(frame);
    if (!out_.tryPut(item))
        ++dropped_;
}

}  // namespace smartcodec
