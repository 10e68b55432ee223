#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

#include "app/settings.h"
#include "app/stage.h"
#include "app/summary.h"
#include "capture/source.h"

namespace smartcodec {

/// Takes what the source has, keeps to `--duration`, `--frames` and `--realtime`, and hands it on.
///
/// A file or the scene waits while the queue is full, so nothing of it is ever lost. With `--realtime` each frame is
/// handed on at its own moment, as a camera would, and is dropped and counted if there is no room then. A frame whose
/// capture time is not after that of the one before is dropped and counted, and that is said once. Pictures that a live
/// source left out itself, whose sequence numbers are missing, count as dropped too.
class CaptureStage final : public SourceSink {
  public:
    /// `source`, `out` and `failure` are borrowed for the stage's life.
    CaptureStage(Source& source, const Settings& settings, Queue<CaptureItem>& out, FirstFailure& failure);

    /// Runs the source to its end, then puts End. For the stage's own thread.
    void run();

    [[nodiscard]] bool deliver(Frame frame) override;
    [[nodiscard]] bool deliver(Packet packet) override;
    void offer(Frame frame) override;

    /// Frames that the source had, dropped ones included. Any thread.
    [[nodiscard]] std::uint64_t frames() const { return frames_.load(std::memory_order_relaxed); }
    /// From the first frame to the end of the last. Any thread.
    [[nodiscard]] std::chrono::nanoseconds duration() const {
        return std::chrono::nanoseconds(duration_.load(std::memory_order_relaxed));
    }

    /// Since the source's end; 0: it has not ended. Any thread.
    [[nodiscard]] std::chrono::nanoseconds sinceEnd() const;

    // Valid once `run` has returned.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    [[nodiscard]] const StageTime& time() const { return time_; }

  private:
    [[nodiscard]] End end() const;
    [[nodiscard]] bool wanted(const Frame& frame);
    [[nodiscard]] bool isBeyondLimit(CaptureTime time) const;
    [[nodiscard]] bool isLater(const Frame& frame);
    [[nodiscard]] bool waitUntilDue(CaptureTime time);
    void account(const Frame& frame);
    void drop();
    void putOrDrop(Frame frame);

    Source& source_;
    Queue<CaptureItem>& out_;
    FirstFailure& failure_;
    std::stop_token stop_;
    const std::optional<std::chrono::nanoseconds> durationLimit_;
    const std::optional<std::uint64_t> frameLimit_;
    const bool realtime_;
    const std::chrono::nanoseconds nominalFrameTime_;

    std::optional<CaptureTime> first_;
    std::optional<CaptureTime> last_;                // of the frames taken
    std::optional<std::uint64_t> lastSequence_;      // of those that a camera offered
    bool limitReached_ = false;                      // by what the source has, of --duration
    bool refused_ = false;                           // the source had more, or might have had
    std::optional<std::uint64_t> repeated_;          // the first frame with the time of the one before
    std::chrono::steady_clock::time_point start_{};  // when the first frame came
    std::mutex mutex_;                               // of the wait only: it guards nothing
    std::condition_variable_any due_;
    std::atomic<std::uint64_t> frames_{0};
    std::atomic<std::int64_t> duration_{0};
    std::atomic<std::chrono::nanoseconds> endedAt_{std::chrono::nanoseconds(0)};  // of the steady clock; 0: not yet
    std::uint64_t dropped_ = 0;
    StageTime time_;
    Stopwatch working_;
};

}  // namespace smartcodec
