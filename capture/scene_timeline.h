#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_description.h"
#include "capture/scene_effects.h"

namespace smartcodec {

/// When each frame is, in exact arithmetic.
class SceneTimeline {
  public:
    SceneTimeline(FrameRate rate, std::chrono::nanoseconds period) : rate_(rate), period_(period) {}

    [[nodiscard]] std::chrono::nanoseconds time(std::uint64_t index) const;
    [[nodiscard]] std::uint64_t cycle(std::uint64_t index) const;
    /// Since the start of the frame's cycle.
    [[nodiscard]] std::chrono::nanoseconds timeInCycle(std::uint64_t index) const;
    /// Frames since the first one not before `start` in the same cycle; nothing if that one is yet to come.
    [[nodiscard]] std::optional<std::uint64_t> framesSince(std::chrono::nanoseconds start, std::uint64_t index) const;
    [[nodiscard]] FrameRate rate() const { return rate_; }

  private:
    FrameRate rate_;
    std::chrono::nanoseconds period_;
};

/// What a cycle's events amount to at one frame.
struct SceneMoment {
    std::chrono::nanoseconds time{0};  ///< since the start of the scene
    int background = 0;
    SceneAim aim;
    double gain = 1;
    double noise = 1;
    bool color = true;
    std::vector<const SceneLamp*> lamps;
    std::vector<const SceneRain*> rain;
    std::vector<const SceneFoliage*> foliage;
    std::vector<const SceneClock*> clocks;
};

/// `margin` bounds the aim, in luma samples. The result points into `cycle`.
[[nodiscard]] SceneMoment momentOf(const SceneCycle& cycle, const SceneTimeline& timeline, std::uint64_t index,
                                   Size picture, Size margin);

/// How far any of the events moves the camera, in luma samples, rounded up to even.
[[nodiscard]] Size marginFor(const SceneCycle& cycle, Size picture);

}  // namespace smartcodec
