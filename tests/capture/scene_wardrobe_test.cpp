#include "capture/scene_wardrobe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "capture/scene_sprite.h"

using namespace smartcodec;

namespace {

/// Every picture shows one more person for a while; the last few of them are in the picture at the same time.
constexpr int kTogether = 2;
constexpr int kPicturesEach = 40;

SceneLook person(int number) {
    return {.shape = SceneShape::Person,
            .width = 30,
            .height = 60,
            .luma = 60 + number,
            .texture = 5,
            .seed = static_cast<std::uint64_t>(number)};
}

bool same(const SceneSprite& a, const SceneSprite& b) {
    const auto spans = [](const std::vector<SceneSprite::Span>& one, const std::vector<SceneSprite::Span>& other) {
        return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                          [](const auto& x, const auto& y) { return x.begin == y.begin && x.end == y.end; });
    };
    return a.size == b.size && a.alpha == b.alpha && a.luma == b.luma && a.chromaAlpha == b.chromaAlpha &&
           a.cb == b.cb && a.cr == b.cr && spans(a.spans, b.spans) && spans(a.chromaSpans, b.chromaSpans) &&
           a.left == b.left && a.top == b.top && a.right == b.right && a.bottom == b.bottom;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("ever new looks live in the memory of those that went") {
        SceneWardrobe wardrobe(1);
        std::set<const std::uint8_t*> places;
        const int postures = scenePostures(SceneShape::Person);
        for (int picture = 0; picture < 50 * kPicturesEach; ++picture) {
            wardrobe.nextPicture();
            for (int i = 0; i < kTogether; ++i) {
                const SceneSprite& sprite =
                    wardrobe.sprite(person(picture / kPicturesEach + i), false, picture % postures);
                places.insert(sprite.luma.data());
            }
        }
        // One look more than are there together: it has just left and may come back.
        CHECK(wardrobe.held() <= static_cast<std::size_t>((kTogether + 1) * postures));
        CHECK(places.size() <= static_cast<std::size_t>((kTogether + 1) * postures));
    }

    TEST_CASE("a look in the memory of another one is as if made anew") {
        const SceneLook large{.shape = SceneShape::Animal, .width = 80, .height = 50, .luma = 90};
        const SceneLook additive{.shape = SceneShape::Box, .width = 12, .height = 9, .contrast = 20.0};
        const SceneLook small{.shape = SceneShape::Car, .width = 40, .height = 20, .luma = 180, .cb = 90};
        SceneWardrobe wardrobe(1);
        for (const SceneLook& look : {large, additive, small, large, additive}) {
            SceneSprite expected;
            SceneSpriteMaker().make(look, {.scale = 1}, expected);
            CHECK(same(wardrobe.sprite(look, false, 0), expected));
            for (int i = 0; i < 100; ++i)
                wardrobe.nextPicture();
        }
        CHECK(wardrobe.held() == 1);
    }

    TEST_CASE("a look that is asked for in every picture stays where it is") {
        SceneWardrobe wardrobe(1);
        const SceneSprite* first = &wardrobe.sprite(person(0), false, 3);
        for (int picture = 0; picture < 200; ++picture) {
            wardrobe.nextPicture();
            CHECK(&wardrobe.sprite(person(0), false, 3) == first);
            (void)wardrobe.sprite(person(1 + picture), true, 0);
        }
    }
}
