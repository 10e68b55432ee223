#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "capture/picture.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// Burns hh:mm:ss of `time` since 12:00:00 into a kYuv420 picture.
void drawSceneClock(const Picture& picture, const SceneClock& clock, std::chrono::nanoseconds time);

/// Writes a number into the top left fifth of a kYuv420 picture's width and tenth of its height, as 12x4 black and
/// white blocks: 32 bits and a checksum of 16. It survives strong compression, and scaling, since all is in proportion.
/// Needs a picture of kFrameNumberMinimum at least.
constexpr Size kFrameNumberMinimum{120, 80};
void drawFrameNumber(const Picture& picture, std::uint32_t number);

/// What drawFrameNumber wrote, from the luma plane of a picture of any size; nothing where the checksum is wrong.
[[nodiscard]] std::optional<std::uint32_t> readFrameNumber(const Plane& luma, Size size);

}  // namespace smartcodec
