#include "app/write_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace smartcodec {

namespace {

/// A packet waits in memory no longer, should no other come that ends its fragment.
constexpr std::chrono::milliseconds kLongestWait(500);
/// Between two looks at a disk that is still busy with the last sync.
constexpr std::chrono::nanoseconds kShortestWait = std::chrono::milliseconds(20);

}  // namespace

WriteStage::WriteStage(OpenOutput first, FileSeries& files, const Syncing& syncing, Queue<WriteItem>& in,
                       FirstFailure& failure)
    : output_(std::move(first)),
      series_(files),
      syncing_(syncing),
      in_(in),
      failure_(failure),
      leftOut_(output_->writer->leftOut()) {}

void WriteStage::run() {
    for (;;) {
        WriteItem item = next();
        if (auto* packet = std::get_if<Packet>(&item)) {
            if (!failed_)
                write(std::move(*packet));
        } else if (const auto* next = std::get_if<NewFile>(&item)) {
            if (!failed_)
                goOnIn(*next);
        } else if (const auto* fileEnd = std::get_if<FileEnd>(&item)) {
            if (!failed_)
                endFile(*fileEnd);
        } else if (const auto* end = std::get_if<End>(&item)) {
            finish(failed_ ? End{.time = std::min(end->time, failedAt_),
                                 .cut = true,
                                 .motion = end->motion,
                                 .event = end->event}
                           : *end);
            syncing_.stage.end();
            series_.end();
            return;
        }
        attend();
    }
}

/// A monostate where none comes before there is something else to do.
WriteItem WriteStage::next() {
    std::optional<Moment> wake;
    if (waitingSince_)
        wake = *waitingSince_ + kLongestWait;
    if (output_ && !failed_ && output_->writer->bytesWritten() != syncedBytes_)
        wake = std::min(wake.value_or(Moment::max()), lastSync_ + syncing_.interval);
    if (!wake)
        return in_.take();
    WriteItem item;
    (void)in_.takeWithin(item, std::max(*wake - std::chrono::steady_clock::now(), kShortestWait));
    return item;
}

/// Sees to it that what has come gets into the file and from there to the disk.
void WriteStage::attend() {
    if (failed_ || !output_) {
        waitingSince_.reset();
        return;
    }
    const Moment now = std::chrono::steady_clock::now();
    FileWriter& writer = *output_->writer;
    if (waitingSince_ && now - *waitingSince_ >= kLongestWait) {
        const Stopwatch working;
        failed_ = !succeeds([&] { return writer.flush(); });
        if (failed_)
            failedAt_ = lastPresentation_;
        takeFigures();
        time_.total += working.elapsed();
        waitingSince_.reset();
    }
    if (UniqueFd first = series_.toSyncFirst()) {
        if (!syncing_.stage.sync(std::move(first)))
            return;
        series_.firstIsSynced();
    }
    if (now - lastSync_ >= syncing_.interval && writer.bytesWritten() != syncedBytes_ && !failed_) {
        if (UniqueFd file = writer.toSync(); file && syncing_.stage.sync(std::move(file))) {
            lastSync_ = now;
            syncedBytes_ = writer.bytesWritten();
        }
    }
}

void WriteStage::write(Packet packet) {
    const Stopwatch working;
    const CaptureTime presentation = packet.presentation;
    const bool video = packet.stream == 0;
    if (video && !fileStart_) {
        fileStart_ = presentation;
        first_ = first_.value_or(presentation);
        series_.begun(presentation);
    }
    const std::uint64_t before = output_->writer->bytesWritten();
    failed_ = !succeeds([&] { return output_->writer->write(std::move(packet)); });
    if (failed_)
        failedAt_ = presentation;
    lastPresentation_ = presentation;
    if (!waitingSince_ || output_->writer->bytesWritten() != before)
        waitingSince_ = std::chrono::steady_clock::now();
    if (video)
        series_.grew(output_->writer->bytesWritten(), presentation);
    takeFigures();
    time_.add(working.elapsed());
}

void WriteStage::goOnIn(const NewFile& next) {
    if (output_ && next.segment == 0 && output_->writer->goOnWith(next.parameterSets)) {
        if (fileStart_)
            spdlog::info("the encoder began anew with other parameter sets: {} goes on with them", output_->path);
        return;
    }
    const Stopwatch working;
    const bool goesOn = output_ && fileStart_;
    if (output_) {
        failed_ = !succeeds([&] { return output_->writer->endBefore(next.start, following_); });
        closeFile({.time = next.start, .motion = next.motion, .event = next.event});
    }
    failed_ = failed_ || !succeeds([&] { return openNext(next); });
    if (failed_)
        failedAt_ = next.start;
    else if (goesOn && next.segment == 0)
        spdlog::info("the encoder began anew with other parameter sets: the recording goes on in {}", output_->path);
    takeFigures();
    time_.total += working.elapsed();
}

Status WriteStage::openNext(const NewFile& next) {
    output_ = series_.open({.parameterSets = next.parameterSets,
                            .insteadOfLast = !fileStart_,
                            .start = next.start,
                            .segment = next.segment,
                            .event = next.event,
                            .recordingStart = next.recordingStart});
    fileStart_.reset();
    syncedBytes_ = 0;
    for (Packet& packet : std::exchange(following_, {})) {
        if (Status status = output_->writer->write(std::move(packet)); !status.ok())
            return status;
    }
    return {};
}

/// Sound of later than that is in none.
void WriteStage::endFile(const FileEnd& end) {
    if (!output_)
        return;
    const Stopwatch working;
    failed_ = !succeeds([&] { return output_->writer->endBefore(end.time, following_); });
    following_.clear();
    if (failed_)
        failedAt_ = end.time;
    closeFile(end);
    takeFigures();
    time_.total += working.elapsed();
}

void WriteStage::finish(const End& end) {
    if (!output_)
        return;
    const Stopwatch working;
    (void)succeeds([&] { return output_->writer->end(end.time, end.cut ? CopiedTail::Cut : CopiedTail::Keep); });
    closeFile({.time = end.time, .motion = end.motion, .event = end.event});
    takeFigures();
    time_.total += working.elapsed();
}

/// The file is ended, well or not.
void WriteStage::closeFile(const FileEnd& end) {
    const std::uint64_t pictures = output_->writer->videoPackets();
    if (pictures == 0) {
        series_.discard(*output_);
        output_.reset();
        return;
    }
    finished_.pictures += pictures;
    finished_.videoBytes += output_->writer->videoBytes();
    std::uint64_t bytes = output_->writer->bytesWritten();
    const EndedFile ended{.start = *fileStart_, .end = end.time, .motion = end.motion, .event = end.event};
    failed_ = !succeeds([&] { return series_.close(*output_, ended); }) || failed_;
    if (output_->writer) {
        bytes = output_->writer->bytesWritten();
        files_.push_back({.path = output_->path, .pictures = pictures, .bytes = bytes, .start = *fileStart_ - *first_});
    }
    finished_.bytes += bytes;
    ++fileCount_;
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
