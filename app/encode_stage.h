#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "app/stage.h"
#include "app/summary.h"
#include "encoder/encoder.h"

namespace smartcodec {

/// Feeds the encoder and hands on its packets, and those of copied tracks in between. Once the encoder has failed it
/// takes what comes without looking at it, so that nobody before it waits for ever.
class EncodeStage {
  public:
    struct Queues {
        Queue<JobItem>& in;
        Queue<WriteItem>& out;
        Queue<QpMap>& spareMaps;
    };

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
    void encode(Job job);
    void end(End end);
    void handOn();
    void check(const Status& status);
    void noteGaps(CaptureTime time, bool keyFrame);

    Encoder& encoder_;
    const Queues queues_;
    FirstFailure& failure_;
    bool failed_ = false;
    std::deque<CaptureTime> inside_;  // of the frames that went in, later than every packet that came out
    std::optional<CaptureTime> last_;
    std::optional<CaptureTime> lastKey_;
    std::uint64_t jobs_ = 0;
    StageTime time_;
    std::chrono::nanoseconds longestHold_{0};
    std::chrono::nanoseconds longestKeyGap_{0};
};

}  // namespace smartcodec
