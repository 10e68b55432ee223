#include "app/write_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace smartcodec {

WriteStage::WriteStage(OpenOutput first, OpenNext openNext, Queue<WriteItem>& in, FirstFailure& failure)
    : output_(std::move(first)),
      openNext_(std::move(openNext)),
      in_(in),
      failure_(failure),
      leftOut_(output_->writer->leftOut()) {}

void WriteStage::run() {
    for (;;) {
        WriteItem item = in_.take();
        if (auto* packet = std::get_if<Packet>(&item)) {
            if (!failed_)
                write(std::move(*packet));
        } else if (const auto* next = std::get_if<NewFile>(&item)) {
            if (!failed_)
                goOnIn(*next);
        } else if (const auto* end = std::get_if<End>(&item)) {
            finish(failed_ ? End{.time = std::min(end->time, failedAt_), .cut = true} : *end);
            return;
        }
    }
}

void WriteStage::write(Packet packet) {
    const Stopwatch working;
    const CaptureTime presentation = packet.presentation;
    if (packet.stream == 0 && !fileStart_) {
        fileStart_ = presentation;
        first_ = first_.value_or(presentation);
    }
    failed_ = !succeeds([&] { return output_->writer->write(std::move(packet)); });
    if (failed_)
        failedAt_ = presentation;
    takeFigures();
    time_.add(working.elapsed());
}

void WriteStage::goOnIn(const NewFile& next) {
    if (output_->writer->goOnWith(next.parameterSets)) {
        if (fileStart_)
            spdlog::info("the encoder began anew with other parameter sets: {} goes on with them", output_->path);
        return;
    }
    const Stopwatch working;
    failed_ = !succeeds([&] { return output_->writer->finishBefore(next.start, following_); });
    closeFile();
    failed_ = failed_ || !succeeds([&] { return openNext(next); });
    if (failed_)
        failedAt_ = next.start;
    takeFigures();
    time_.total += working.elapsed();
}

Status WriteStage::openNext(const NewFile& next) {
    output_ = openNext_({.parameterSets = next.parameterSets, .insteadOfLast = !fileStart_});
    if (fileStart_)
        spdlog::info("the encoder began anew with other parameter sets: the recording goes on in {}", output_->path);
    fileStart_.reset();
    for (Packet& packet : std::exchange(following_, {})) {
        if (Status status = output_->writer->write(std::move(packet)); !status.ok())
            return status;
    }
    return {};
}

void WriteStage::finish(const End& end) {
    if (!output_)
        return;
    const Stopwatch working;
    (void)succeeds([&] { return output_->writer->finish(end.time, end.cut ? CopiedTail::Cut : CopiedTail::Keep); });
    closeFile();
    takeFigures();
    time_.total += working.elapsed();
}

/// The file is finished, well or not.
void WriteStage::closeFile() {
    const FileWriter& writer = *output_->writer;
    std::error_code ignored;  // what cannot be removed stays, which harms nobody
    if (writer.videoPackets() > 0) {
        finished_.pictures += writer.videoPackets();
        finished_.bytes += writer.bytesWritten();
        finished_.videoBytes += writer.videoBytes();
        files_.push_back({.path = output_->path,
                          .pictures = writer.videoPackets(),
                          .bytes = writer.bytesWritten(),
                          .start = *fileStart_ - *first_});
    } else if (std::filesystem::is_regular_file(output_->path, ignored)) {
        std::filesystem::remove(output_->path, ignored);
    }
    output_.reset();
}

/// The writer's own: it holds packets back, and what it holds when the disk fails is not in the file.
void WriteStage::takeFigures() {
    pictures_.store(finished_.pictures + (output_ ? output_->writer->videoPackets() : 0), std::memory_order_relaxed);
    bytes_.store(finished_.bytes + (output_ ? output_->writer->bytesWritten() : 0), std::memory_order_relaxed);
}

bool WriteStage::succeeds(const std::function<Status()>& work) {
    std::string failure;
    try {
        failure = work().message();
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (!failure.empty())
        failure_.report(failure);
    return failure.empty();
}

}  // namespace smartcodec
