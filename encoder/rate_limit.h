#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "analysis/bitrate.h"
#include "capture/clock.h"

namespace smartcodec {

/// Watches that no 10 s of the recording take more than 1.1 times the highest cap. The encoders' rate buffer alone does
/// not see to that: full after a quiet time it lends two seconds' worth to the first seconds of a movement, which makes
/// 1.2. What was lent above the limit is taken back here from the seconds that follow. Times are capture times.
/// Thread-bound.
class RateLimit {
  public:
    explicit RateLimit(Bitrate maxBitrate);

    void packet(std::size_t bytes, CaptureTime presentation);

    /// The highest rate that the next frames may have. Far above the highest cap as long as nothing was lent.
    [[nodiscard]] Bitrate allowed() const;

  private:
    struct Sent {
        CaptureTime time;
        double bits = 0;
    };

    double budgetBits_;
    std::deque<Sent> sent_;  // of the last 10 s
};

}  // namespace smartcodec
