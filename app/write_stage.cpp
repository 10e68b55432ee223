#include "app/write_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include "mux/output_file.h"

namespace smartcodec {

namespace {

/// A packet waits in memory no longer, should no other come that ends its fragment.
constexpr std::chrono::milliseconds kLongestWait(500);
/// Between two looks at a disk that is still busy with the last sync.
constexpr std::chrono::nanoseconds kShortestWait = std::chrono::milliseconds(20);

/// What `work` came to, be it thrown.
Status attempt(const std::function<Status()>& work) {
    try {
        return work();
    } catch (const std::system_error& error) {
        return Status::failure(error.what(), error.code());
    } catch (const std::exception& error) {
        return Status::failure(error.what());
    }
}

}  // namespace

WriteStage::WriteStage(OpenOutput first, FileSeries& files, const Syncing& syncing, Queue<WriteItem>& in,
                       FirstFailure& failure, const std::optional<Survival>& survival)
    : output_(std::move(first)),
      series_(files),
      syncing_(syncing),
      in_(in),
      failure_(failure),
      leftOut_(output_->writer->leftOut()) {
    if (!survival)
        return;
    retries_.emplace(survival->retries);
    keyFrames_ = &survival->keyFrames;
    ending_ = survival->ending;
    file_.parameterSets.assign(survival->parameterSets.begin(), survival->parameterSets.end());
}

void WriteStage::run() {
    for (;;) {
        WriteItem item = next();
        const DiskWatch::Busy busy(watch_);
        if (auto* packet = std::get_if<Packet>(&item)) {
            take(std::move(*packet));
        } else if (auto* next = std::get_if<NewFile>(&item)) {
            goOnIn(std::move(*next));
        } else if (const auto* fileEnd = std::get_if<FileEnd>(&item)) {
            endFile(*fileEnd);
        } else if (const auto* end = std::get_if<End>(&item)) {
            finish(*end);
            syncing_.stage.end();
            series_.end();
            return;
        }
        attend();
    }
}

/// A monostate where none comes before there is something else to do.
WriteItem WriteStage::next() {
    if (keyFrame_) {
        waitForDisk();
        Packet packet = std::move(*keyFrame_);
        keyFrame_.reset();
        return packet;
    }
    std::optional<Moment> wake;
    if (waitingSince_)
        wake = *waitingSince_ + kLongestWait;
    if (state_ == State::Writing && output_ && output_->writer->bytesWritten() != syncedBytes_)
        wake = std::min(wake.value_or(Moment::max()), lastSync_ + syncing_.interval);
    if (!wake)
        return in_.take();
    WriteItem item;
    (void)in_.takeWithin(item, std::max(*wake - std::chrono::steady_clock::now(), kShortestWait));
    return item;
}

/// Sees to it that what has come gets into the file and from there to the disk.
void WriteStage::attend() {
    if (state_ != State::Writing || !output_) {
        waitingSince_.reset();
        return;
    }
    const Moment now = std::chrono::steady_clock::now();
    FileWriter& writer = *output_->writer;
    if (waitingSince_ && now - *waitingSince_ >= kLongestWait) {
        const Stopwatch working;
        waitingSince_.reset();
        const Status flushed = attempt([&] { return writer.flush(); });
        takeFigures();
        time_.total += working.elapsed();
        if (!flushed.ok())
            return lose(flushed, lastPresentation_);
        noteReturn();
    }
    if (UniqueFd first = series_.toSyncFirst()) {
        if (!syncing_.stage.sync(std::move(first)))
            return;
        series_.firstIsSynced();
    }
    if (now - lastSync_ >= syncing_.interval && writer.bytesWritten() != syncedBytes_) {
        if (UniqueFd file = writer.toSync(); file && syncing_.stage.sync(std::move(file))) {
            lastSync_ = now;
            syncedBytes_ = writer.bytesWritten();
        }
    }
}

void WriteStage::take(Packet packet) {
    const bool video = packet.stream == 0;
    if (video && state_ == State::Writing && retries_) {
        if (const Status synced = syncing_.stage.takeFailure(); !synced.ok())
            lose(synced, packet.presentation);
    }
    if (video && state_ == State::Away && packet.keyFrame) {
        comeBack(packet.presentation);
        if (state_ == State::Away) {
            keyFrame_ = std::move(packet);
            return;
        }
    }
    received_ += video ? 1 : 0;
    if (state_ == State::Writing && output_)
        write(std::move(packet));
    else
        motionKnown_ = motionKnown_ && !video;
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
    const Status written = attempt([&] { return output_->writer->write(std::move(packet)); });
    lastPresentation_ = presentation;
    if (!waitingSince_ || output_->writer->bytesWritten() != before)
        waitingSince_ = std::chrono::steady_clock::now();
    if (video)
        series_.grew(output_->writer->bytesWritten(), presentation);
    takeFigures();
    time_.add(working.elapsed());
    if (!written.ok())
        lose(written, presentation);
    else
        noteReturn();
}

void WriteStage::goOnIn(NewFile next) {
    const bool sameSegment = next.segment == 0;
    const std::optional<std::chrono::nanoseconds> motion = next.motion;
    next.segment = std::max(next.segment, file_.segment);
    file_ = std::move(next);
    if (state_ == State::Away) {
        motionKnown_ = true;
        lostFrom_ = lostFrom_.value_or(file_.start);
    }
    if (state_ != State::Writing)
        return;
    const bool goesOn = output_ && fileStart_ && sameSegment;
    if (output_ && sameSegment && output_->writer->goOnWith(file_.parameterSets)) {
        if (goesOn)
            spdlog::info("the encoder began anew with other parameter sets: {} goes on with them", output_->path);
        return;
    }
    const Stopwatch working;
    Status status;
    if (output_) {
        status = attempt([&] { return output_->writer->endBefore(file_.start, following_); });
        noteReturn();
        const Status closed =
            closeFile({.end = file_.start, .motion = motion, .event = file_.event, .isTold = !status.ok()});
        if (status.ok())
            status = closed;
    }
    if (status.ok())
        status = attempt([&] { return openNext(file_.start); });
    takeFigures();
    time_.total += working.elapsed();
    if (!status.ok())
        lose(status, file_.start);
    else if (goesOn)
        spdlog::info("the encoder began anew with other parameter sets: the recording goes on in {}", output_->path);
    motionKnown_ = true;
}

Status WriteStage::openNext(CaptureTime start, bool afterTrouble) {
    output_ = series_.open({.parameterSets = file_.parameterSets,
                            .insteadOfLast = discarded_,
                            .start = start,
                            .segment = file_.segment,
                            .event = file_.event,
                            .recordingStart = file_.recordingStart,
                            .afterTrouble = afterTrouble});
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
    if (state_ == State::Away)
        countTimeLost(end.time);
    if (state_ != State::Writing || !output_)
        return;
    const Stopwatch working;
    Status status = attempt([&] { return output_->writer->endBefore(end.time, following_); });
    following_.clear();
    noteReturn();
    const Status closed =
        closeFile({.end = end.time, .motion = end.motion, .event = end.event, .isTold = !status.ok()});
    if (status.ok())
        status = closed;
    takeFigures();
    time_.total += working.elapsed();
    if (!status.ok())
        lose(status, end.time);
    if (state_ == State::Away)
        countTimeLost(end.time);
}

void WriteStage::finish(const End& end) {
    const bool failed = state_ == State::Failed;
    if (output_) {
        const Stopwatch working;
        const CaptureTime time = failed ? std::min(end.time, *lostFrom_) : end.time;
        const CopiedTail tail = failed || end.cut ? CopiedTail::Cut : CopiedTail::Keep;
        Status status = attempt([&] { return output_->writer->end(time, tail); });
        noteReturn();
        const Status closed =
            closeFile({.end = time, .motion = end.motion, .event = end.event, .isTold = !status.ok()});
        if (status.ok())
            status = closed;
        takeFigures();
        time_.total += working.elapsed();
        if (!status.ok())
            failure_.report(status.message());
    }
    countTimeLost(end.time);
    if (state_ == State::Away || state_ == State::Gone || returning_)
        spdlog::error("the recording ends without its disk: {} pictures are lost", picturesLost() - lostBefore_);
}

/// Its writer is ended, well or not. `file.start` need not be told.
Status WriteStage::closeFile(const EndedFile& file) {
    const std::uint64_t pictures = output_->writer->videoPackets();
    discarded_ = pictures == 0;
    if (discarded_) {
        series_.discard(*output_);
        output_.reset();
        return {};
    }
    finished_.pictures += pictures;
    finished_.videoBytes += output_->writer->videoBytes();
    std::uint64_t bytes = output_->writer->bytesWritten();
    EndedFile ended = file;
    ended.start = *fileStart_;
    if (!motionKnown_)
        ended.motion.reset();
    Status closed = attempt([&] { return series_.close(*output_, ended); });
    if (output_->writer) {
        bytes = output_->writer->bytesWritten();
        files_.push_back({.path = output_->path, .pictures = pictures, .bytes = bytes, .start = *fileStart_ - *first_});
    }
    finished_.bytes += bytes;
    ++fileCount_;
    output_.reset();
    return closed;
}

/// The disk does not take what would have been shown from `at` on.
void WriteStage::lose(const Status& why, CaptureTime at) {
    const bool survives = retries_ && !isDiskFull(why.code());
    if (survives && output_) {
        (void)attempt([&] { return output_->writer->end(at, CopiedTail::Cut); });
        noteReturn();
    }
    lostFrom_ = lostFrom_.value_or(at);
    if (!survives) {
        if (std::exchange(returning_, false) && fileStart_) {  // one loss is over, and another begins
            countTimeLost(*fileStart_);
            lostFrom_ = at;
        }
        state_ = State::Failed;
        failure_.report(why.message());
        return;
    }
    if (!returning_) {
        ++outages_;
        spdlog::error(
            "{}. The recording goes on as soon as a new file can be made; what comes until then is held in memory, "
            "from the next key frame on and as far as there is room",
            why.message());
    }
    state_ = State::Away;
    returning_ = false;
    failure_.note(why.message());
    if (output_)
        (void)closeFile({.end = at, .event = file_.event, .isTold = true});
    motionKnown_ = false;
    takeFigures();
    following_.clear();
    retries_->failed(std::chrono::steady_clock::now());
    keyFrames_->ask();
}

/// Until it is time to try again, or the end comes.
void WriteStage::waitForDisk() {
    std::unique_lock lock(waitMutex_);
    (void)wait_.wait_until(lock, ending_, retries_->next(), [] { return false; });
}

/// Tries to, where it is time, with a key frame of that time. At the end it is so for the last time.
void WriteStage::comeBack(CaptureTime start) {
    const bool last = ending_.stop_requested();
    const Moment now = std::chrono::steady_clock::now();
    if (!retries_->isDue(now) && !last)
        return;
    (void)syncing_.stage.takeFailure();  // of a file that is given up
    const Status opened = attempt([&] { return openNext(start, true); });
    if (opened.ok()) {
        retries_->worked(now);
        state_ = State::Writing;
        returning_ = true;
        lostNow_ = picturesLost() - lostBefore_;
    } else if (isDiskFull(opened.code())) {
        state_ = State::Failed;
        failure_.report(opened.message());
    } else if (last) {
        state_ = State::Gone;
    } else {
        retries_->failed(now);
    }
}

/// Once something of the new file is on the disk: that it could be made says little.
void WriteStage::noteReturn() {
    if (!returning_ || output_->writer->videoPackets() == 0)
        return;
    returning_ = false;
    lostBefore_ += lostNow_;
    countTimeLost(*fileStart_);
    spdlog::info("the disk is back, and the recording goes on in {}: {} pictures are lost", output_->path, lostNow_);
}

/// What is lost now is lost until then.
void WriteStage::countTimeLost(CaptureTime until) {
    if (lostFrom_)
        timeLost_ += std::max(std::chrono::nanoseconds(0), until - *lostFrom_);
    lostFrom_.reset();
}

/// The writer's own: it holds packets back, and what it holds when the disk fails is not in the file.
void WriteStage::takeFigures() {
    pictures_.store(finished_.pictures + (output_ ? output_->writer->videoPackets() : 0), std::memory_order_relaxed);
    bytes_.store(finished_.bytes + (output_ ? output_->writer->bytesWritten() : 0), std::memory_order_relaxed);
}

}  // namespace smartcodec
