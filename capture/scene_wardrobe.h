#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "capture/scene_description.h"
#include "capture/scene_sprite.h"

namespace smartcodec {

/// The looks of a scene's objects, each posture rasterised when first asked for and kept. Once as many looks as are
/// ever in the picture at a time have been there, memory stays the same for as long as the scene runs: a new look takes
/// that of one which has not been asked for lately. Bound to one thread.
class SceneWardrobe {
  public:
    /// `scale`: rendered pixels per pixel of a look.
    explicit SceneWardrobe(double scale) : scale_(scale) {}

    /// Begins a picture: what the ones before asked for may be given up from now on.
    void nextPicture();

    /// A look's posture, valid until the next picture begins.
    [[nodiscard]] const SceneSprite& sprite(const SceneLook& look, bool mirrored, int posture);

    /// Postures in memory.
    [[nodiscard]] std::size_t held() const;

  private:
    struct Outfit {
        SceneLook look;
        bool mirrored = false;
        std::uint64_t lastAsked = 0;                         // number of the picture
        std::vector<std::unique_ptr<SceneSprite>> postures;  // null: not in memory
        [[nodiscard]] std::size_t held() const;
    };
    [[nodiscard]] Outfit& find(const SceneLook& look, bool mirrored);
    [[nodiscard]] std::unique_ptr<SceneSprite> takeMemory();

    double scale_;
    std::uint64_t picture_ = 0;
    std::vector<Outfit> outfits_;
    SceneSpriteMaker maker_;
};

}  // namespace smartcodec
