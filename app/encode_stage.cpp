#include "app/encode_stage.h"

#include <algorithm>
#include <exception>

namespace smartcodec {

EncodeStage::EncodeStage(Encoder& encoder, const Queues& queues, FirstFailure& failure)
    : encoder_(encoder), queues_(queues), failure_(failure) {}

void EncodeStage::run() {
    for (;;) {
        JobItem item = queues_.in.take();
        if (auto* job = std::get_if<Job>(&item)) {
            ++jobs_;
            if (!failedAt_)
                encode(std::move(*job));
        } else if (auto* packet = std::get_if<Packet>(&item)) {
            if (!failedAt_)
                queues_.out.put(std::move(*packet));
        } else if (const auto* last = std::get_if<End>(&item)) {
            end(*last);
            return;
        }
    }
}

void EncodeStage::encode(Job job) {
    const Stopwatch working;
    const CaptureTime time = job.frame->time;
    const EncodeParameters parameters{.keyFrame = job.keyFrame, .bitrate = job.bitrate, .qpMap = &job.qpMap};
    try {
        check(encoder_.encode(std::move(job.frame), parameters), time);
    } catch (const std::exception& error) {
        check(Status::failure(encoder_.capabilities().name + ": " + error.what()), time);
    }
    time_.add(working.elapsed());
    (void)queues_.spareMaps.tryPut(job.qpMap);  // no room: its memory is freed
    if (!failedAt_)
        noteGaps(time, job.keyFrame);
    handOn();
}

void EncodeStage::end(End end) {
    if (!failedAt_ && last_) {
        const Stopwatch working;
        try {
            check(encoder_.drain(), end.time);
        } catch (const std::exception& error) {
            check(Status::failure(encoder_.capabilities().name + ": " + error.what()), end.time);
        }
        time_.total += working.elapsed();
        handOn();
    }
    if (failedAt_)
        end = {.time = std::min(end.time, *failedAt_), .cut = true};
    if (last_)
        noteGaps(end.time, true);
    queues_.out.put(end);
}

void EncodeStage::handOn() {
    while (std::optional<Packet> packet = encoder_.takePacket())
        queues_.out.put(std::move(*packet));
}

void EncodeStage::check(const Status& status, CaptureTime time) {
    if (status.ok())
        return;
    failedAt_ = time;
    failure_.report(status.message());
}

void EncodeStage::noteGaps(CaptureTime time, bool keyFrame) {
    if (last_)
        longestHold_ = std::max(longestHold_, time - *last_);
    if (keyFrame && lastKey_)
        longestKeyGap_ = std::max(longestKeyGap_, time - *lastKey_);
    last_ = time;
    if (keyFrame)
        lastKey_ = time;
}

}  // namespace smartcodec
