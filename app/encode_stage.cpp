#include "app/encode_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

namespace smartcodec {

EncodeStage::EncodeStage(Encoder& encoder, const Queues& queues, FirstFailure& failure)
    : encoder_(encoder), queues_(queues), failure_(failure), notesTold_(encoder.capabilities().notes.size()) {}

void EncodeStage::run() {
    for (;;) {
        JobItem item = next();
        if (auto* job = std::get_if<Job>(&item)) {
            ++jobs_;
            if (!failed_)
                encode(std::move(*job));
        } else if (auto* packet = std::get_if<Packet>(&item)) {
            if (!failed_)
                queues_.out.put(std::move(*packet));
        } else if (const auto* last = std::get_if<End>(&item)) {
            end(*last);
            return;
        }
    }
}

/// Waits for it, and meanwhile for packets of an encoder that finishes them by itself.
JobItem EncodeStage::next() {
    if (queues_.in.descriptor() < 0)
        return queues_.in.take();
    JobItem item;
    while (!failed_ && !queues_.in.takeOrArm(item))
        waitForEncoder();
    return std::holds_alternative<std::monostate>(item) ? queues_.in.take() : std::move(item);
}

void EncodeStage::waitForEncoder() {
    try {
        check(encoder_.wait(queues_.in.descriptor()));
    } catch (const std::exception& error) {
        check(Status::failure(encoder_.capabilities().name + ": " + error.what()));
    }
    handOn();
}

void EncodeStage::encode(Job job) {
    const Stopwatch working;
    const CaptureTime time = job.frame->time;
    inside_.push_back({.time = time, .segment = job.segment, .motion = job.motion, .mark = job.mark});
    const EncodeParameters parameters{.keyFrame = job.keyFrame, .bitrate = job.bitrate, .qpMap = &job.qpMap};
    try {
        check(encoder_.encode(std::move(job.frame), parameters));
    } catch (const std::exception& error) {
        check(Status::failure(encoder_.capabilities().name + ": " + error.what()));
    }
    time_.add(working.elapsed());
    (void)queues_.spareMaps.tryPut(job.qpMap);  // no room: its memory is freed
    if (!failed_)
        noteHold(time);
    handOn();
}

void EncodeStage::end(End end) {
    if (!failed_ && last_) {
        const Stopwatch working;
        try {
            check(encoder_.drain());
        } catch (const std::exception& error) {
            check(Status::failure(encoder_.capabilities().name + ": " + error.what()));
        }
        time_.total += working.elapsed();
        handOn();
    }
    // What is still inside is lost with the encoder: the picture shown last stands until the next one was captured.
    if (failed_)
        end = {.time = inside_.empty() ? end.time : std::min(end.time, inside_.front().time), .cut = true};
    else
        std::ranges::for_each(inside_, [this](const Inside& frame) { leave(frame); });
    end.mark = joined(std::exchange(mark_, std::nullopt), end.mark);
    if (last_)
        noteHold(end.time);
    if (lastKey_)
        noteKeyFrame(end.time);
    queues_.out.put(end);
}

void EncodeStage::handOn() {
    tellNews();
    while (std::optional<Packet> packet = encoder_.takePacket())
        handOn(std::move(*packet));
}

void EncodeStage::handOn(Packet packet) {
    while (!inside_.empty() && inside_.front().time < packet.presentation) {
        leave(inside_.front());
        inside_.pop_front();
    }
    const bool itself = !inside_.empty() && inside_.front().time == packet.presentation;
    if (itself)
        segment_ = std::max(segment_, inside_.front().segment);
    if (packet.keyFrame)
        noteKeyFrame(packet.presentation);
    const bool cut = packet.keyFrame && segment_ != 0;
    if (packet.newStream || cut) {
        const std::span<const std::byte> sets = encoder_.parameterSets();
        NewFile next;
        next.parameterSets.assign(sets.begin(), sets.end());
        next.start = packet.presentation;
        next.segment = cut ? std::exchange(segment_, 0) : 0;
        queues_.out.put(std::move(next));
    }
    if (itself) {
        inside_.front().segment = 0;
        leave(inside_.front());
        inside_.pop_front();
    }
    queues_.out.put(Encoded{.packet = std::move(packet),
                            .motion = std::exchange(motion_, std::nullopt),
                            .mark = std::exchange(mark_, std::nullopt)});
}

/// The frame is in the file, or never will be: its segment is still to begin then.
void EncodeStage::leave(const Inside& frame) {
    segment_ = std::max(segment_, frame.segment);
    if (frame.motion)
        motion_ = motion_.value_or(std::chrono::nanoseconds(0)) + *frame.motion;
    mark_ = joined(mark_, frame.mark);
}

void EncodeStage::check(const Status& status) {
    if (status.ok())
        return;
    failed_ = true;
    failure_.report(status.message());
}

void EncodeStage::tellNews() {
    const EncoderCapabilities& can = encoder_.capabilities();
    for (; notesTold_ < can.notes.size(); ++notesTold_)
        spdlog::warn("{}: {}", can.name, can.notes[notesTold_]);
}

void EncodeStage::noteHold(CaptureTime time) {
    if (last_)
        longestHold_ = std::max(longestHold_, time - *last_);
    last_ = time;
}

void EncodeStage::noteKeyFrame(CaptureTime time) {
    if (lastKey_)
        longestKeyGap_ = std::max(longestKeyGap_, time - *lastKey_);
    lastKey_ = time;
}

}  // namespace smartcodec
