#include "app/write_stage.h"

#include <algorithm>
#include <exception>

namespace smartcodec {

WriteStage::WriteStage(Mp4Writer& writer, Queue<WriteItem>& in, FirstFailure& failure)
    : writer_(writer), in_(in), failure_(failure) {}

void WriteStage::run() {
    for (;;) {
        WriteItem item = in_.take();
        if (auto* packet = std::get_if<Packet>(&item)) {
            if (!failed_)
                write(std::move(*packet));
        } else if (const auto* end = std::get_if<End>(&item)) {
            finish(failed_ ? End{.time = std::min(end->time, failedAt_), .cut = true} : *end);
            return;
        }
    }
}

void WriteStage::write(Packet packet) {
    const Stopwatch working;
    const CaptureTime presentation = packet.presentation;
    const bool video = packet.stream == 0;
    const std::size_t size = packet.data.size();
    try {
        failed_ = !check(writer_.write(std::move(packet)));
    } catch (const std::exception& error) {
        failed_ = !check(Status::failure(error.what()));
    }
    if (failed_) {
        failedAt_ = presentation;
    } else if (video) {
        pictures_.fetch_add(1, std::memory_order_relaxed);
        videoBytes_ += size;
    }
    bytes_.store(writer_.bytesWritten(), std::memory_order_relaxed);
    time_.add(working.elapsed());
}

void WriteStage::finish(const End& end) {
    const Stopwatch working;
    try {
        (void)check(writer_.finish(end.time, end.cut ? CopiedTail::Cut : CopiedTail::Keep));
    } catch (const std::exception& error) {
        (void)check(Status::failure(error.what()));
    }
    bytes_.store(writer_.bytesWritten(), std::memory_order_relaxed);
    time_.total += working.elapsed();
}

bool WriteStage::check(const Status& status) {
    if (!status.ok())
        failure_.report(status.message());
    return status.ok();
}

}  // namespace smartcodec
