#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "app/settings.h"
#include "app/wall_clock.h"

namespace smartcodec {

/// Says which picture is to begin a segment. It is asked before the picture is encoded, since a segment begins with a
/// key frame; the file is changed when that key frame arrives there. All lengths are of the pictures' own time: of the
/// wall clock a plan with aligned segments asks, at each beginning, how far it is to the next round time. Thread-bound,
/// but for `full`.
class SegmentPlan {
  public:
    SegmentPlan(const SegmentSettings& settings, WallTimes times);

    /// Whether the picture captured at `time` is to begin a segment. Not the first one, whose segment is there already.
    /// `time` rises from call to call.
    [[nodiscard]] bool isDue(CaptureTime time);

    /// It does: asked for at `time`. The segment's number, from 1 on; 0 is the one that the recording begins with.
    [[nodiscard]] std::uint64_t begin(CaptureTime time);

    /// An event begins: its length counts from `time` on.
    void restart(CaptureTime time);

    /// The segment of that number is as large as one is to be. Any thread.
    void full(std::uint64_t segment) { full_.store(segment, std::memory_order_relaxed); }

  private:
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};

    [[nodiscard]] bool isFull() const { return full_.load(std::memory_order_relaxed) == segment_; }
    [[nodiscard]] CaptureTime nextEnd(CaptureTime start) const;

    const std::optional<std::chrono::nanoseconds> length_;
    const bool aligned_;
    WallTimes times_;
    std::uint64_t segment_ = 0;
    std::optional<CaptureTime> end_;  // of this segment, if there is one in time
    std::atomic<std::uint64_t> full_{kNone};
};

}  // namespace smartcodec
