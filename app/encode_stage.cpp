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

void EncodeStage::encode(Job job) {
    const Stopwatch working;
    const CaptureTime time = job.frame->time;
    inside_.push_back(time);
    const EncodeParameters parameters{.keyFrame = job.keyFrame, .bitrate = job.bitrate, .qpMap = &job.qpMap};
    try {
        check(encoder_.encode(std::move(job.frame), parameters));
    } catch (const std::exception& error) {
        check(Status::failure(encoder_.capabilities().name + ": " + error.what()));
    }
    time_.add(working.elapsed());
    (void)queues_.spareMaps.tryPut(job.qpMap);  // no room: its memory is freed
    if (!failed_)
        noteGaps(time, job.keyFrame);
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
        end = {.time = inside_.empty() ? end.time : std::min(end.time, inside_.front()), .cut = true};
    if (last_)
        noteGaps(end.time, true);
    queues_.out.put(end);
}

void EncodeStage::handOn() {
    while (std::optional<Packet> packet = encoder_.takePacket()) {
        while (!inside_.empty() && inside_.front() <= packet->presentation)
            inside_.pop_front();
        queues_.out.put(std::move(*packet));
    }
}

void EncodeStage::check(const Status& status) {
    if (status.ok())
        return;
    failed_ = true;
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
