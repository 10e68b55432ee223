#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/file_series.h"
#include "app/stage.h"
#include "app/summary.h"
#include "app/sync_stage.h"

namespace smartcodec {

/// Writes the recording's file. Where a segment begins, or the video begins anew with other parameter sets and the
/// file's format cannot hold both, ends it and goes on in the next one: every packet goes into one file, those of
/// copied tracks into the one in which they begin. What was written is in the file within half a second of its coming,
/// and is handed on to be synced at an interval. A file that got no picture is removed. Once the disk has failed the
/// stage takes what comes without looking at it, so that nobody before it waits for ever, and then makes whole what was
/// written.
class WriteStage {
  public:
    struct Syncing {
        SyncStage& stage;  ///< borrowed for the stage's life; ended by `run`
        std::chrono::nanoseconds interval;
    };

    /// `first` was opened of `files`. That, `in` and `failure` are borrowed for the stage's life.
    WriteStage(OpenOutput first, FileSeries& files, const Syncing& syncing, Queue<WriteItem>& in,
               FirstFailure& failure);

    /// Until End; the file is finished then. For the stage's own thread.
    void run();

    /// Pictures in the files; while the recording runs some more are on their way. Any thread.
    [[nodiscard]] std::uint64_t pictures() const { return pictures_.load(std::memory_order_relaxed); }
    /// In the files; those that somebody else closes grow by what that adds. Any thread.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

    /// A line for each thing of the source that has no place in the files.
    [[nodiscard]] const std::vector<std::string>& leftOut() const { return leftOut_; }

    // Valid once `run` has returned.
    [[nodiscard]] std::uint64_t videoBytes() const { return finished_.videoBytes; }
    /// Those that were closed here, in the order in which they were written.
    [[nodiscard]] const std::vector<WrittenFile>& files() const { return files_; }
    [[nodiscard]] std::uint64_t fileCount() const { return fileCount_; }
    [[nodiscard]] const StageTime& time() const { return time_; }

  private:
    using Moment = std::chrono::steady_clock::time_point;
    struct Figures {
        std::uint64_t pictures = 0;
        std::uint64_t bytes = 0;
        std::uint64_t videoBytes = 0;
    };

    [[nodiscard]] WriteItem next();
    void attend();
    void write(Packet packet);
    void goOnIn(const NewFile& next);
    [[nodiscard]] Status openNext(const NewFile& next);
    void endFile(const FileEnd& end);
    void finish(const End& end);
    void closeFile(const FileEnd& end);
    void takeFigures();
    /// Reports what goes wrong.
    [[nodiscard]] bool succeeds(const std::function<Status()>& work);

    std::optional<OpenOutput> output_;  // empty: finished
    FileSeries& series_;
    const Syncing syncing_;
    Queue<WriteItem>& in_;
    FirstFailure& failure_;
    const std::vector<std::string> leftOut_;
    std::optional<Moment> waitingSince_;  // for something that has come and may not be in the file yet
    Moment lastSync_ = std::chrono::steady_clock::now();
    std::uint64_t syncedBytes_ = 0;  // of the file that is open
    bool failed_ = false;
    CaptureTime lastPresentation_{};        // of what came last
    CaptureTime failedAt_{};                // when the picture that could not be written should have been shown
    std::optional<CaptureTime> first_;      // picture of the recording
    std::optional<CaptureTime> fileStart_;  // first picture of the file that is open
    std::vector<Packet> following_;         // of copied tracks: they belong into the next file
    Figures finished_;                      // of the files that are finished
    std::vector<WrittenFile> files_;
    std::uint64_t fileCount_ = 0;
    std::atomic<std::uint64_t> pictures_{0};
    std::atomic<std::uint64_t> bytes_{0};
    StageTime time_;
};

}  // namespace smartcodec
