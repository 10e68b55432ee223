#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// One rasterised posture of a look: coverage and surface, in luma and chroma resolution. Its outermost samples are
/// transparent, so that it can be drawn at places between samples. Surfaces with a given contrast hold 128 + what they
/// add, and no chroma.
struct SceneSprite {
    Size size;  ///< luma samples, even; chroma planes have half of it
    std::vector<std::uint8_t> alpha, luma;
    std::vector<std::uint8_t> chromaAlpha, cb, cr;
    /// The part of a row outside which it is transparent.
    struct Span {
        int begin = 0;
        int end = 0;
    };
    std::vector<Span> spans, chromaSpans;
    /// What is covered by half or more, relative to the sprite's top left; right and bottom excluded.
    int left = 0, top = 0, right = 0, bottom = 0;
};

/// Postures of a shape that walks, evenly over two steps; the others have one.
[[nodiscard]] int scenePostures(SceneShape shape);
/// Distance over which a shape goes through its postures, in its heights; 0 if it has but one.
[[nodiscard]] double sceneStride(SceneShape shape);

struct SceneSpriteFormat {
    double scale = 1;  ///< rendered pixels per pixel of the look
    int posture = 0;   ///< 0 .. scenePostures - 1
    bool mirrored = false;
};

/// Rasterises sprites. Keeps planes to work in; bound to one thread.
class SceneSpriteMaker {
  public:
    /// Into a sprite whose memory, of another one perhaps, is used again.
    void make(const SceneLook& look, const SceneSpriteFormat& format, SceneSprite& sprite);

  private:
    std::vector<float> texture_;
    std::vector<double> cb_, cr_;
};

/// Draws a sprite into a picture, or marks what it covers, its top left at a place in eighths of a luma sample. Keeps
/// rows to work in; bound to one thread.
class SceneSpritePainter {
  public:
    struct Place {
        int x = 0;  ///< of the sprite's top left corner, eighths of a luma sample
        int y = 0;
    };
    /// `additive`: the look has a contrast of its own.
    void draw(const Picture& picture, const SceneSprite& sprite, Place place, bool additive);
    /// Sets the samples of a luma-sized mask that `draw` may change to 255.
    void mark(std::uint8_t* mask, Size size, const SceneSprite& sprite, Place place);

  private:
    std::vector<std::uint8_t> alpha_, surface_;
};

}  // namespace smartcodec
