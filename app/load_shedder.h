#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace smartcodec {

/// What is left undone while the machine cannot keep up with a live source, cheapest to lose first. Each includes those
/// before it. Only when all of it is not enough are frames lost at the camera.
enum class Shedding {
    Nothing,
    Stabiliser,       ///< pictures are recorded as they come, noise and all
    EverySecondLook,  ///< every second frame is recorded without a look at it
    MostLooks,        ///< three of four
};

/// Decides how much is left undone, from how many frames wait for the analysis. More as soon as the queue fills; less
/// again after five seconds without a wait, and if that proves too early, after twice as long the next time, up to a
/// minute. Pure; thread-bound.
class LoadShedder {
  public:
    /// `most`: frames that can wait.
    explicit LoadShedder(std::size_t most) : most_(most) {}

    /// To be called for each frame, `waiting` others being queued behind it.
    [[nodiscard]] Shedding update(std::chrono::nanoseconds time, std::size_t waiting);

    [[nodiscard]] Shedding current() const { return current_; }

  private:
    void shedMore(std::chrono::nanoseconds time);

    std::size_t most_;
    Shedding current_ = Shedding::Nothing;
    std::chrono::nanoseconds calm_ = kShortestCalm;  // without a wait before less is left undone
    std::optional<std::chrono::nanoseconds> calmSince_;
    std::optional<std::chrono::nanoseconds> eased_;  // when less was left undone the last time
    int settling_ = kStart;                          // frames until a change can have shown what it does
    std::optional<std::chrono::nanoseconds> began_;

    // Encoders take their time with the first frames: so many, or what comes within so long.
    static constexpr int kStart = 30;
    static constexpr std::chrono::nanoseconds kStartTime = std::chrono::seconds(2);

    static constexpr std::chrono::nanoseconds kShortestCalm = std::chrono::seconds(5);
    static constexpr std::chrono::nanoseconds kLongestCalm = std::chrono::seconds(60);
};

/// Whether a frame is looked at, the `number`-th one.
[[nodiscard]] constexpr bool isLookedAt(Shedding shedding, std::uint64_t number) {
    switch (shedding) {
        case Shedding::EverySecondLook:
            return number % 2 == 0;
        case Shedding::MostLooks:
            return number % 4 == 0;
        default:
            return true;
    }
}

}  // namespace smartcodec
