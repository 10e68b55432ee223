#include "app/segment_series.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "mux/output_file.h"

namespace smartcodec {

namespace {

/// About what is on its way to the file when a segment is asked for.
constexpr std::chrono::seconds kUnderWay(1);

std::string withSuffix(const std::string& name, int number) {
    const std::filesystem::path path(name);
    const std::string last = path.stem().string() + "-" + std::to_string(number) + path.extension().string();
    return (path.parent_path() / last).string();
}

void enter(const std::optional<EventNote>& event, SegmentRecord& record) {
    if (!event)
        return;
    record.event = event->number;
    record.reason = reasonOf(event->cause);
}

}  // namespace

SegmentSeries::SegmentSeries(Config config, const Parts& parts, WallTimes times)
    : config_(std::move(config)), parts_(parts), times_(std::move(times)) {}

OpenOutput SegmentSeries::open(const Next& next) {
    if (next.afterTrouble) {
        if (parts_.index.comeBack())
            remains_.clear();  // what is called so there is none of them
        removeRemains();
    }
    for (;;) {
        try {
            return create(next);
        } catch (const std::system_error& error) {
            if (!isDiskFull(error.code()) || !config_.rotates || !makeRoom())
                throw;
        }
    }
}

OpenOutput SegmentSeries::create(const Next& next) {
    if (next.recordingStart && !times_.begun())
        times_.begin(*next.recordingStart);
    record_ = newRecord(next);
    unused_.reset();
    for (const std::string& folder : parts_.folder.makeFoldersFor(record_.file))
        parts_.index.noteFolder(folder);
    parts_.index.begin(record_);
    entered_ = true;
    FileConfig file = config_.file;
    file.path = parts_.folder.pathOf(record_.file);
    file.parameterSets = next.parameterSets;
    file.overwrite = false;
    if (config_.rotates)
        file.makeRoom = [this] { return makeRoom(); };
    OpenOutput output{.path = file.path, .writer = nullptr};
    try {
        output.writer = createFile(file);
    } catch (...) {
        forget(record_.file);
        throw;
    }
    segment_ = std::max(segment_, next.segment);
    asked_ = false;
    sampledBytes_ = 0;
    growth_ = 0;
    return output;
}

/// With a name that is free.
SegmentRecord SegmentSeries::newRecord(const Next& next) const {
    SegmentRecord record;
    if (next.start) {
        record.sensorStart = next.start;
        record.start = lastEnd_ && *next.start == lastSensorEnd_ ? *lastEnd_ : times_.wall(*next.start);
    } else {
        record.start = times_.now();
    }
    enter(next.event, record);
    record.boot = parts_.index.boot();
    record.number = unused_.value_or(parts_.index.nextNumber());
    record.file = config_.name.name(record.start, record.number);
    const std::string first = record.file;
    for (int suffix = 2; parts_.folder.isTaken(record.file); ++suffix) {
        if (config_.name.hasNumber())
            record.file = config_.name.name(record.start, ++record.number);
        else
            record.file = withSuffix(first, suffix);
    }
    return record;
}

/// Where all are still being closed, one of them is waited for: the disk is slower than the recording.
bool SegmentSeries::makeRoom() {
    for (;;) {
        const std::uint64_t kept = parts_.keeper.kept();
        if (parts_.index.removeOldest())
            return true;
        if (!parts_.keeper.waitForMore(kept))
            return false;
    }
}

void SegmentSeries::begun(CaptureTime first) {
    if (!times_.begun())
        times_.begin(first);
    sampled_ = first;
    if (record_.sensorStart)
        return;
    record_.sensorStart = first;
    record_.start = times_.wall(first);
    (void)parts_.index.update(record_);  // it is entered again when it ends
}

void SegmentSeries::grew(std::uint64_t bytes, CaptureTime time) {
    if (!config_.bytes || asked_)
        return;
    if (time - sampled_ >= kUnderWay) {
        growth_ = bytes - sampledBytes_;
        sampled_ = time;
        sampledBytes_ = bytes;
    }
    if (bytes + growth_ < *config_.bytes)
        return;
    asked_ = true;
    parts_.plan.full(segment_);
}

Status SegmentSeries::close(OpenOutput& output, const EndedFile& file) {
    record_.end = times_.wall(file.end);
    record_.sensorStart = file.start;
    record_.sensorEnd = file.end;
    record_.bootEnd = times_.boot(file.end);
    record_.frames = output.writer->videoPackets();
    record_.motion = file.motion;
    enter(file.event, record_);
    lastEnd_ = record_.end;
    lastSensorEnd_ = file.end;
    parts_.keeper.put({.output = std::move(output), .record = record_, .isTold = file.isTold});
    return {};
}

void SegmentSeries::discard(OpenOutput& output) {
    FileSeries::discard(output);
    forget(record_.file);
    if (remains_.empty() || remains_.back() != record_.file)
        unused_ = record_.number;
}

void SegmentSeries::end() {
    removeRemains();
    parts_.keeper.end();
}

/// What should have been removed. Where it is still there it stays in the index too.
void SegmentSeries::forget(const std::string& file) {
    if (parts_.folder.isTaken(file))
        remains_.push_back(file);
    else
        parts_.index.forget(file);
}

void SegmentSeries::removeRemains() {
    for (const std::string& file : std::exchange(remains_, {})) {
        (void)parts_.folder.removeFile(file);
        forget(file);
    }
}

}  // namespace smartcodec
