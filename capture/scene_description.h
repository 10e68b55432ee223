#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

namespace smartcodec {

// Everything in a scene is described at 1920x1080 and scaled to the size that is rendered: positions by width and
// height apart, lengths (sizes, radii, amplitudes) by the smaller of the two. Times count from the start of the scene's
// cycle.

/// Sensor noise as a variance per luma sample, shot * value + read * read, in grey levels of 8 bits. Chroma has half
/// the standard deviation that luma has at mid grey (128). Below about 0.4 grey levels rounding leaves no noise.
struct SceneNoiseLevel {
    double shot = 0.012;
    double read = 0.8;
    int grain = 1;  ///< samples that neighbours share, in both directions: 1 (white noise) or 3
    friend bool operator==(const SceneNoiseLevel&, const SceneNoiseLevel&) = default;
};

enum class SceneView { Plain, Hall, Room, Street, Yard };

struct SceneBackground {
    SceneView view = SceneView::Hall;
    std::uint64_t seed = 1;
    double brightness = 1;  ///< factor on luma above black
    double saturation = 1;
    int luma = 126;  ///< of SceneView::Plain, 16..235; the other views have their own
};

enum class SceneShape { Box, Ellipse, Person, Animal, Car };

/// What an object looks like. Objects with equal looks share their rasterised pictures.
struct SceneLook {
    SceneShape shape = SceneShape::Box;
    double width = 64;  ///< pixels
    double height = 64;
    int luma = 150;  ///< mean of the surface
    int cb = 128;
    int cr = 128;
    /// Given: the object is no surface of its own, it adds this many grey levels to what is behind it (-100..100), so
    /// that its contrast is exact everywhere. `luma`, `cb` and `cr` then mean nothing.
    std::optional<double> contrast{};
    double texture = 10;    ///< amplitude of the surface's texture, grey levels
    double softness = 1.5;  ///< width of the edge, pixels; one rendered pixel at least
    std::uint64_t seed = 1;
    friend bool operator==(const SceneLook&, const SceneLook&) = default;
};

/// Where an object's centre is at a time. Between two points it moves evenly.
struct ScenePathPoint {
    std::chrono::nanoseconds time{0};
    double x = 0;  ///< pixels
    double y = 0;
};

/// Is there from the first point's time until just before the last one's. Later ones of a list hide earlier ones.
struct SceneObject {
    SceneLook look{};
    std::vector<ScenePathPoint> path{};  ///< times rise; fewer than two points: never there
};

/// A light with a smooth fall-off around a point.
struct SceneLamp {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double x = 960;
    double y = 540;
    double radius = 500;  ///< where a quarter of the gain is left, pixels
    double gain = 0.6;    ///< added to the factor 1 at the centre
};

/// Automatic exposure: the whole picture's factor goes evenly from `from` to `to` and stays there. Several multiply.
struct SceneExposure {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double from = 1;
    double to = 1;
};

struct SceneFlash {
    std::chrono::nanoseconds start{0};
    int frames = 1;  ///< from the first frame not before `start`
    double gain = 1.7;
};

/// From `start` on another background (an index into SceneDescription::backgrounds).
struct SceneCut {
    std::chrono::nanoseconds start{0};
    int background = 1;
};

/// The camera trembles. Weaker in the first and last fifth.
struct SceneShake {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double amplitude = 6;  ///< pixels, peak
    std::uint64_t seed = 1;
};

/// The camera's aim goes evenly by (x, y) pixels and stays there. Several add up.
struct ScenePan {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double x = 0;
    double y = 0;
};

/// Infrared cut filter out: colour is gone, brightness and noise change.
struct SceneInfrared {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double gain = 0.9;
    double noise = 2;  ///< factor on the noise's standard deviation
};

struct SceneRain {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    int drops = 250;
    int brightness = 22;  ///< grey levels added in a streak's middle
    std::uint64_t seed = 1;
};

/// The background sways inside a rectangle, most in its middle.
struct SceneFoliage {
    std::chrono::nanoseconds start{0};
    std::chrono::nanoseconds end{0};
    double x = 0;  ///< left, top, pixels
    double y = 0;
    double width = 400;
    double height = 400;
    double amplitude = 5;  ///< pixels
};

/// hh:mm:ss of the scene's time since 12:00:00, burnt in as a camera does: over the noise, white on black.
struct SceneClock {
    double x = 60;  ///< left, top, pixels
    double y = 50;
    double height = 42;  ///< of a digit
};

using SceneEvent = std::variant<SceneLamp, SceneExposure, SceneFlash, SceneCut, SceneShake, ScenePan, SceneInfrared,
                                SceneRain, SceneFoliage, SceneClock>;

/// What happens in one cycle.
struct SceneCycle {
    std::vector<SceneObject> objects{};
    std::vector<SceneEvent> events{};
};

/// A whole scene.
struct SceneDescription {
    std::vector<SceneBackground> backgrounds =
        std::vector<SceneBackground>(1);  ///< the first one is what it starts with
    SceneNoiseLevel noise;
    std::uint64_t seed = 1;  ///< of the noise
    SceneCycle cycle;        ///< the first one, or all there is
    /// Length of a cycle; 0: there is one only, and it goes on for ever.
    std::chrono::nanoseconds period{0};
    /// Makes cycle 1, 2, ...; must give the same for the same number, and not move the camera further than `cycle`
    /// does. Without it `cycle` repeats as it is.
    std::function<SceneCycle(std::uint64_t)> repeat;
    bool frameNumber = false;  ///< see scene_overlay.h
};

}  // namespace smartcodec
