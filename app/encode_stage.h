#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "app/stage.h"
#include "app/summary.h"
#include "encoder/encoder.h"

namespace smartcodec {

/// Feeds the encoder and hands on its packets, and those of copied tracks in between. Where the encoder had to begin
/// anew with other parameter sets, a new file is asked for. What the encoder notes while it runs is logged. Once the
/// encoder has failed it takes what comes without looking at it, so that nobody before it waits for ever.
class EncodeStage {
  public:
    struct Queues {
        Queue<JobItem>& in;
        Queue<HoldItem>& out;
        Queue<QpMap>& spareMaps;
    };

    /// Which kind of queue the jobs must come in for this encoder.
    [[nodiscard]] static QueueWaiting waitingFor(const Encoder& encoder) {
        return encoder.finishesByItself() ? QueueWaiting::Descriptor : QueueWaiting::Take;
    }

    /// Everything is borrowed for the stage's life.
    EncodeStage(Encoder& encoder, const Queues& queues, FirstFailure& failure);

    /// Until End, which it hands on. For the stage's own thread.
    void run();

    // Valid once `run` has returned.
    [[nodiscard]] const StageTime& time() const { return time_; }
    [[nodiscard]] std::uint64_t jobs() const { return jobs_; }
    [[nodiscard]] std::chrono::nanoseconds longestHold() const { return longestHold_; }
    [[nodiscard]] std::chrono::nanoseconds longestKeyGap() const { return longestKeyGap_; }

  private:
    [[nodiscard]] JobItem next();
    void waitForEncoder();
    void encode(Job job);
    void end(End end);
    void handOn();
    void handOn(Packet packet);
    void check(const Status& status);
    void tellNews();
    void noteHold(CaptureTime time);
    void noteKeyFrame(CaptureTime time);

    Encoder& encoder_;
    const Queues queues_;
    FirstFailure& failure_;
    bool failed_ = false;
    std::size_t notesTold_;
    struct Inside {
        CaptureTime time;
        std::uint64_t segment;
        std::optional<std::chrono::nanoseconds> motion;
        std::optional<EventMark> mark;
    };
    void leave(const Inside& frame);

    std::deque<Inside> inside_;  // of the frames that went in, later than every packet that came out
    std::uint64_t segment_ = 0;  // is to begin with the next key frame; 0: none
    // Of the frames that came out, or never will, since the last packet:
    std::optional<std::chrono::nanoseconds> motion_;
    std::optional<EventMark> mark_;
    std::optional<CaptureTime> last_;
    std::optional<CaptureTime> lastKey_;
    std::uint64_t jobs_ = 0;
    StageTime time_;
    std::chrono::nanoseconds longestHold_{0};
    std::chrono::nanoseconds longestKeyGap_{0};
};

}  // namespace smartcodec
