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
    try {
        failed_ = !check(writer_.write(std::move(packet)));
    } catch (const std::exception& error) {
        failed_ = !check(Status::failure(error.what()));
    }
    if (failed_)
        failedAt_ = presentation;
    takeFigures();
    time_.add(working.elapsed());
}

void WriteStage::finish(const End& end) {
    const Stopwatch working;
    try {
        (void)check(writer_.finish(end.time, end.cut ? CopiedTail::Cut : CopiedTail::Keep));
    } catch (const std::exception& error) {
        (void)check(Status::failure(error.what()));
    }
    takeFigures();
    time_.total += working.elapsed();
}

/// The writer's own: it holds packets back, and what it holds when the disk fails is not in the file.
void WriteStage::takeFigures() {
    pictures_.store(writer_.videoPackets(), std::memory_order_relaxed);
    bytes_.store(writer_.bytesWritten(), std::memory_order_relaxed);
}

bool WriteStage::check(const Status& status) {
    if (!status.ok())
        failure_.report(status.message());
    return status.ok();
}

}  // namespace smartcodec
