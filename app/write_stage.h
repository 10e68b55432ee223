#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "app/disk_watch.h"
#include "app/file_series.h"
#include "app/key_frame_request.h"
#include "app/retry_plan.h"
#include "app/stage.h"
#include "app/summary.h"
#include "app/sync_stage.h"

namespace smartcodec {

/// Writes the recording's file. Where a segment begins, or the video begins anew with other parameter sets and the
/// file's format cannot hold both, ends it and goes on in the next one: every packet goes into one file, those of
/// copied tracks into the one in which they begin. What was written is in the file within half a second of its coming,
/// and is handed on to be synced at an interval. A file that got no picture is removed.
///
/// When the disk fails the file is made as whole as it can be. A live recording goes on in a new file, with the next
/// key frame: from that on all is left in the queue until the file can be made, which whoever fills it has to bear, and
/// which is tried a last time when the end comes. Any other recording, and each one on a full disk, is to end: the
/// stage takes what still comes without looking at it, so that nobody before it waits for ever.
class WriteStage {
  public:
    struct Syncing {
        SyncStage& stage;  ///< borrowed for the stage's life; ended by `run`
        std::chrono::nanoseconds interval;
    };

    /// How a live recording outlives its disk.
    struct Survival {
        KeyFrameRequest& keyFrames;                ///< borrowed for the stage's life
        std::span<const std::byte> parameterSets;  ///< of the first file, borrowed for the call
        std::stop_token ending;                    ///< is told when what comes is in the queue already
        RetryPlan::Config retries = {};
    };

    /// `first` was opened of `files`. That, `in` and `failure` are borrowed for the stage's life.
    WriteStage(OpenOutput first, FileSeries& files, const Syncing& syncing, Queue<WriteItem>& in, FirstFailure& failure,
               const std::optional<Survival>& survival = {});

    /// Until End; the file is finished then. For the stage's own thread.
    void run();

    /// Pictures in the files; while the recording runs some more are on their way. Any thread.
    [[nodiscard]] std::uint64_t pictures() const { return pictures_.load(std::memory_order_relaxed); }
    /// In the files; those that somebody else closes grow by what that adds. Any thread.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

    /// For how long the disk has not answered; 0: it is not asked. Any thread.
    [[nodiscard]] std::chrono::nanoseconds waiting() const { return watch_.waiting(); }

    /// A line for each thing of the source that has no place in the files.
    [[nodiscard]] const std::vector<std::string>& leftOut() const { return leftOut_; }

    // Valid once `run` has returned.
    [[nodiscard]] std::uint64_t videoBytes() const { return finished_.videoBytes; }
    /// Those that were closed here, in the order in which they were written.
    [[nodiscard]] const std::vector<WrittenFile>& files() const { return files_; }
    [[nodiscard]] std::uint64_t fileCount() const { return fileCount_; }
    [[nodiscard]] const StageTime& time() const { return time_; }
    /// How often the disk failed, pictures that came and are in no file, and for how long they were to be shown.
    [[nodiscard]] std::uint64_t outages() const { return outages_; }
    [[nodiscard]] std::uint64_t picturesLost() const { return received_ - finished_.pictures; }
    [[nodiscard]] std::chrono::nanoseconds timeLost() const { return timeLost_; }

  private:
    using Moment = std::chrono::steady_clock::time_point;
    struct Figures {
        std::uint64_t pictures = 0;
        std::uint64_t bytes = 0;
        std::uint64_t videoBytes = 0;
    };

    enum class State {
        Writing,  ///< or between two files
        Away,     ///< no file is open until one can be made again
        Gone,     ///< it is still away at the end
        Failed,   ///< the recording is to end
    };

    [[nodiscard]] WriteItem next();
    void attend();
    void take(Packet packet);
    void write(Packet packet);
    void goOnIn(NewFile next);
    [[nodiscard]] Status openNext(CaptureTime start, bool afterTrouble = false);
    void endFile(const FileEnd& end);
    void finish(const End& end);
    [[nodiscard]] Status closeFile(const EndedFile& file);
    void lose(const Status& why, CaptureTime at);
    void waitForDisk();
    void comeBack(CaptureTime start);
    void noteReturn();
    void countTimeLost(CaptureTime until);
    void takeFigures();

    std::optional<OpenOutput> output_;  // empty: between two files, or finished
    FileSeries& series_;
    const Syncing syncing_;
    Queue<WriteItem>& in_;
    FirstFailure& failure_;
    const std::vector<std::string> leftOut_;
    std::optional<Moment> waitingSince_;  // for something that has come and may not be in the file yet
    Moment lastSync_ = std::chrono::steady_clock::now();
    std::uint64_t syncedBytes_ = 0;  // of the file that is open
    DiskWatch watch_;

    State state_ = State::Writing;
    std::optional<RetryPlan> retries_;      // empty: no disk is waited for
    KeyFrameRequest* keyFrames_ = nullptr;  // with them
    std::stop_token ending_;                // likewise
    std::mutex waitMutex_;
    std::condition_variable_any wait_;     // for the disk, or the end
    std::optional<Packet> keyFrame_;       // that waits for the disk
    bool returning_ = false;               // after an outage, and nothing of the file is on the disk yet
    std::optional<CaptureTime> lostFrom_;  // when the first picture that is in no file should have been shown
    std::uint64_t received_ = 0;           // pictures
    std::uint64_t lostBefore_ = 0;         // of them, in earlier outages
    std::uint64_t lostNow_ = 0;
    std::uint64_t outages_ = 0;
    std::chrono::nanoseconds timeLost_{0};

    NewFile file_;                          // that is open, or would be with a disk
    CaptureTime lastPresentation_{};        // of what came last
    std::optional<CaptureTime> first_;      // picture of the recording
    std::optional<CaptureTime> fileStart_;  // first picture of the file that is open
    bool discarded_ = false;                // the file before, since it got no picture
    bool motionKnown_ = true;               // of what came since that was asked for
    std::vector<Packet> following_;         // of copied tracks: they belong into the next file
    Figures finished_;                      // of the files that are finished
    std::vector<WrittenFile> files_;
    std::uint64_t fileCount_ = 0;
    std::atomic<std::uint64_t> pictures_{0};
    std::atomic<std::uint64_t> bytes_{0};
    StageTime time_;
};

}  // namespace smartcodec
