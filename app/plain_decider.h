#pragma once

#include <chrono>
#include <optional>

#include "analysis/decision.h"

namespace smartcodec {

/// Decides without looking at the pictures: every frame is recorded, with a key frame often enough. For recordings with
/// nothing smart, and for the rest of one whose analysis has failed. Thread-bound.
class PlainDecider {
  public:
    struct Config {
        bool smartGop = false;                                       ///< off: a key frame every second
        std::chrono::nanoseconds maxGop = std::chrono::seconds(10);  ///< longest time between key frames, in any case
        Bitrate bitrate;
    };

    explicit PlainDecider(const Config& config);

    /// Of a frame captured at `time` and shown for `duration` (0 if nobody knows). Valid until the next call.
    [[nodiscard]] const Decision& decide(std::chrono::nanoseconds time, std::chrono::nanoseconds duration);

    /// The next frame shall be a key frame, for that reason.
    void requestKeyFrame(KeyFrameReason reason) { requested_ = reason; }

    /// Somebody else decided on this frame.
    void follow(std::chrono::nanoseconds time, const Decision& decision);

  private:
    const std::chrono::nanoseconds longestGop_;
    Decision decision_;
    KeyFrameReason requested_ = KeyFrameReason::None;
    std::optional<std::chrono::nanoseconds> lastSeen_;
    std::optional<std::chrono::nanoseconds> lastKeyFrame_;
};

}  // namespace smartcodec
