#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/picture.h"

namespace smartcodec {

/// A painted background in 4:2:0, larger than the picture by a margin that the camera may move into. Rows have one
/// spare sample at their end and planes a spare row, so that interpolation may look at the next neighbour.
struct SceneBackdrop {
    Size size;        ///< with the margins, without the spare samples; even
    int marginX = 0;  ///< luma samples on each side, even
    int marginY = 0;
    std::vector<std::uint8_t> luma, cb, cr;

    [[nodiscard]] std::size_t strideBytes(int plane) const {
        return static_cast<std::size_t>(plane == 0 ? size.width : size.width / 2) + 1;
    }
    [[nodiscard]] const std::vector<std::uint8_t>& plane(int plane) const {
        return plane == 0 ? luma : plane == 1 ? cb : cr;
    }
};

struct ScenePoint {
    double x = 0;  ///< pixels at 1920x1080
    double y = 0;
};

/// What a shape is filled with.
struct ScenePaint {
    double luma = 126;
    double cb = 128;
    double cr = 128;
    double shade = 0;   ///< luma added from the shape's top to its bottom
    double fine = 0;    ///< amplitude of a texture of a few pixels
    double coarse = 0;  ///< amplitude of a texture of some hundred pixels
};

/// Draws anti-aliased shapes in the units of SceneDescription, whatever the size in pixels.
class SceneCanvas {
  public:
    struct Format {
        Size picture;
        int marginX = 0;
        int marginY = 0;
        std::uint64_t seed = 1;  ///< of the textures
    };
    explicit SceneCanvas(const Format& format);

    void rectangle(ScenePoint topLeft, ScenePoint bottomRight, const ScenePaint& paint);
    /// Convex, corners in order.
    void polygon(std::span<const ScenePoint> corners, const ScenePaint& paint);
    void line(ScenePoint from, ScenePoint to, double width, const ScenePaint& paint);
    void ellipse(ScenePoint center, double radiusX, double radiusY, const ScenePaint& paint);
    /// Multiplies luma above black, from 1 in the centre to 1 - amount in the corners.
    void vignette(double amount);

    /// The lens's softness, brightness and saturation, then 8 bits within 16..235 and 4:2:0 with chroma sited left.
    [[nodiscard]] SceneBackdrop finish(double brightness, double saturation);

  private:
    struct Bounds {
        int left, top, right, bottom;  // right and bottom excluded
    };
    [[nodiscard]] ScenePoint toPixels(ScenePoint point) const;
    [[nodiscard]] Bounds clip(double left, double top, double right, double bottom) const;
    void put(int x, int y, float coverage, const ScenePaint& paint, float shade);
    void soften();

    Format format_;
    Size size_;
    std::vector<float> luma_, cb_, cr_;
    std::vector<float> fine_, coarse_;  // textures, about -1..1
};

/// Several octaves of value noise over a plane, about -1..1. `cell` is the largest octave's, in samples; each next one
/// has half the cell and `persistence` of the amplitude, down to `smallest`.
struct SceneTexture {
    double cell = 32;
    double smallest = 2;
    double persistence = 0.6;
    std::uint64_t seed = 1;
};
[[nodiscard]] std::vector<float> makeSceneTexture(Size size, const SceneTexture& texture);
/// The same into memory that is used again.
void makeSceneTexture(Size size, const SceneTexture& texture, std::vector<float>& plane);

}  // namespace smartcodec
