#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_canvas.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// How far the camera looks from its usual aim, in eighths of a luma sample.
struct SceneAim {
    int x = 0;
    int y = 0;
    friend bool operator==(const SceneAim&, const SceneAim&) = default;
};

/// Copies what the camera sees of a backdrop into a kYuv420 picture. `aim` is within the backdrop's margins.
void drawBackdrop(const Picture& picture, const SceneBackdrop& backdrop, SceneAim aim);

/// Draws the part of the backdrop inside `foliage` again as the wind moves it `time` after the scene's start.
void drawFoliage(const Picture& picture, const SceneBackdrop& backdrop, SceneAim aim, const SceneFoliage& foliage,
                 std::chrono::nanoseconds time);

void drawRain(const Picture& picture, const SceneRain& rain, std::chrono::nanoseconds time);

/// Multiplies the whole picture above black by `factor`.
void applyGain(const Picture& picture, double factor);

/// What a lamp adds, for each luma sample of a picture, in 256ths of the factor.
[[nodiscard]] std::vector<std::uint16_t> makeLightMap(const SceneLamp& lamp, Size picture);
void applyLight(const Picture& picture, const std::vector<std::uint16_t>& lightMap);

void removeColor(const Picture& picture);

}  // namespace smartcodec
