#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace smartcodec {

/// Turns the times that a file gives for one of its streams into times that can be relied on: each later than the one
/// before, exact wherever the file is usable, made up where it says nothing. Pure.
///
/// - No time (raw H.264): when the piece before it ends.
/// - A time that has fallen back by more than kRestart: the clock was started again (recordings joined end to end).
///   The piece follows the one before it, and from then on the stream keeps its own spacing from there.
/// - A time that equals the one before or lies a little behind it: half a duration after the one before. That is a
///   moment of its own, and early enough that the next piece, if it is on time, keeps its exact time. Should the next
///   be late too, whole durations follow, so that a clock that stands still does not make the video run fast.
class StreamTimeline {
  public:
    /// Fine enough that a day of frames of 1/30 s adds up without a nanosecond lost.
    using Duration = std::chrono::duration<std::int64_t, std::pico>;

    /// Reordering and rounding faults are some frames long; joined recordings fall back by their whole length. Between
    /// the two lies a second.
    static constexpr std::chrono::nanoseconds kRestart = std::chrono::seconds(1);

    /// The time of the next piece, for which the file gives `time`, and which lasts `duration`.
    [[nodiscard]] std::chrono::nanoseconds place(std::optional<std::chrono::nanoseconds> time, Duration duration);

  private:
    std::optional<std::chrono::nanoseconds> last_;
    Duration lastDuration_{0};
    Duration carried_{0};  // what a made-up time lost when it was cut to whole nanoseconds
    std::chrono::nanoseconds shift_{0};
    bool late_ = false;
};

}  // namespace smartcodec
