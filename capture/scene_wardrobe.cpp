#include "capture/scene_wardrobe.h"

#include <algorithm>
#include <utility>

namespace smartcodec {

namespace {

/// Pictures for which a look keeps its memory without being asked for: those of about a second. Pictures asked for to
/// and fro then do not take from each other.
constexpr std::uint64_t kKeptPictures = 30;

}  // namespace

std::size_t SceneWardrobe::Outfit::held() const {
    return static_cast<std::size_t>(
        std::count_if(postures.begin(), postures.end(), [](const auto& posture) { return posture != nullptr; }));
}

void SceneWardrobe::nextPicture() {
    ++picture_;
    std::erase_if(outfits_, [](const Outfit& outfit) { return outfit.held() == 0; });
}

const SceneSprite& SceneWardrobe::sprite(const SceneLook& look, bool mirrored, int posture) {
    Outfit& outfit = find(look, mirrored);
    outfit.lastAsked = picture_;
    std::unique_ptr<SceneSprite>& kept = outfit.postures[static_cast<std::size_t>(posture)];
    if (!kept) {
        std::unique_ptr<SceneSprite> made = takeMemory();
        maker_.make(look, {.scale = scale_, .posture = posture, .mirrored = mirrored}, *made);
        kept = std::move(made);
    }
    return *kept;
}

std::size_t SceneWardrobe::held() const {
    std::size_t count = 0;
    for (const Outfit& outfit : outfits_)
        count += outfit.held();
    return count;
}

SceneWardrobe::Outfit& SceneWardrobe::find(const SceneLook& look, bool mirrored) {
    const auto found = std::find_if(outfits_.begin(), outfits_.end(), [&](const Outfit& outfit) {
        return outfit.look == look && outfit.mirrored == mirrored;
    });
    if (found != outfits_.end())
        return *found;
    Outfit& outfit = outfits_.emplace_back(Outfit{look, mirrored, picture_, {}});
    outfit.postures.resize(static_cast<std::size_t>(scenePostures(look.shape)));
    return outfit;
}

/// A sprite of the look that has been away longest, else a new one.
std::unique_ptr<SceneSprite> SceneWardrobe::takeMemory() {
    Outfit* longest = nullptr;
    for (Outfit& outfit : outfits_)
        if (outfit.lastAsked + kKeptPictures < picture_ && outfit.held() > 0 &&
            (!longest || outfit.lastAsked < longest->lastAsked))
            longest = &outfit;
    if (longest)
        return std::move(*std::find_if(longest->postures.begin(), longest->postures.end(),
                                       [](const auto& posture) { return posture != nullptr; }));
    return std::make_unique<SceneSprite>();
}

}  // namespace smartcodec
