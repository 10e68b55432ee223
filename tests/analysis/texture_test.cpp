#include "analysis/texture.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace {

using namespace smartcodec;

/// The texture of a main picture of `width` x `height`, seen in one `shrink` times as small.
std::vector<float> textureOf(int width, int height, int shrink, const std::function<int(int x, int y)>& luma) {
    const int w = width / shrink;
    const int h = height / shrink;
    std::vector<std::uint8_t> samples;
    for (int y = 0; y < h; ++y)
        for (int x = 0; x < w; ++x)
            samples.push_back(static_cast<std::uint8_t>(luma(x, y)));
    std::vector<float> texture;
    measureTexture({samples.data(), w, h, w}, width, height, texture);
    return texture;
}

TEST_SUITE("unit") {
    TEST_CASE("texture is the variance of a block in doublings") {
        const auto texture = textureOf(64, 32, 1, [](int x, int y) {
            const int amplitude = x / 16;  // 0 to 3
            return 100 + ((x + y) % 2 == 0 ? amplitude : -amplitude);
        });
        REQUIRE(texture.size() == 8);
        for (std::size_t i = 0; i < 8; ++i)
            CHECK(texture[i] == doctest::Approx(std::log2(static_cast<double>((i % 4) * (i % 4)) + 1.0 / 12)));
    }

    TEST_CASE("texture is found in a smaller picture and in blocks that the edge cuts") {
        for (const int shrink : {1, 2, 4, 8}) {
            CAPTURE(shrink);
            // the last column of blocks is 8 pixels wide, the last row 8 high; what is flat is left of 160
            const auto texture = textureOf(328, 200, shrink, [&](int x, int y) {
                return x * shrink < 160 ? 50 : 100 + ((x + y) % 2 == 0 ? 16 : -16);
            });
            REQUIRE(texture.size() == 21 * 13);
            for (std::size_t i = 0; i < texture.size(); ++i) {
                const std::size_t column = i % 21;
                if (column < 9)
                    CHECK(texture[i] == doctest::Approx(std::log2(1.0 / 12)));
                else if (column > 10)
                    CHECK(texture[i] == doctest::Approx(8).epsilon(0.01));
            }
        }
    }

    TEST_CASE("the least pictures have texture too") {
        CHECK(textureOf(16, 16, 4, [](int x, int) { return x % 2 == 0 ? 90 : 110; }).at(0) ==
              doctest::Approx(std::log2(100 + 1.0 / 12)));
        CHECK(textureOf(16, 16, 8, [](int x, int) { return x % 2 == 0 ? 90 : 110; }).at(0) ==
              doctest::Approx(std::log2(100 + 1.0 / 12)));
    }
}

}  // namespace
