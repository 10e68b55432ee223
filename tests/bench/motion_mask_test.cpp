#include "bench/motion_mask.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

using namespace std::chrono_literals;

namespace smartcodec::bench {
namespace {

constexpr int kWidth = 160;
constexpr int kHeight = 120;
constexpr double kSigma = 3;

struct Square {
    int left = 0;
    int top = 50;
    int side = 24;
    int contrast = 40;
};

std::vector<std::uint8_t> noisyPicture(std::mt19937& random, const Square* square, double gain = 1) {
    std::normal_distribution<double> noise(0, kSigma);
    std::vector<std::uint8_t> picture;
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) {
            const bool inside = square && x >= square->left && x < square->left + square->side && y >= square->top &&
                                y < square->top + square->side;
            const double value = gain * (90 + x % 40 + (inside ? square->contrast : 0)) + noise(random);
            picture.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
        }
    return picture;
}

double share(std::span<const std::uint8_t> mask) {
    return static_cast<double>(std::count(mask.begin(), mask.end(), 255)) / static_cast<double>(mask.size());
}

LumaView view(const std::vector<std::uint8_t>& picture) {
    return {picture.data(), kWidth, kHeight, kWidth};
}

TEST_SUITE("unit") {
    TEST_CASE("noise does not move and is measured") {
        std::mt19937 random(1);
        MotionMask mask;
        for (int i = 0; i < 60; ++i) {
            const auto picture = noisyPicture(random, nullptr);
            CHECK(share(mask.update(view(picture), i * 40ms)) == 0);
        }
        CHECK(mask.noiseSigma() == doctest::Approx(kSigma).epsilon(0.1));
    }

    TEST_CASE("a moving square is covered where it is and where it was") {
        std::mt19937 random(1);
        MotionMask mask;
        Square square;
        std::vector<std::uint8_t> result;
        for (int i = 0; i < 20; ++i) {
            square.left = 4 * i;
            const auto picture = noisyPicture(random, &square);
            const auto moving = mask.update(view(picture), i * 40ms);
            result.assign(moving.begin(), moving.end());
        }
        const int middle = square.top + square.side / 2;
        const auto at = [&](int x, int y) { return result[static_cast<std::size_t>(y * kWidth + x)] == 255; };
        CHECK(at(square.left + square.side - 2, middle));  // where it has come to
        CHECK(at(square.left - 4 * 5 + 2, middle));        // 0.2 s ago
        CHECK_FALSE(at(square.left - 40, middle));
        CHECK_FALSE(at(150, 10));
        CHECK(share(result) < 0.15);
    }

    TEST_CASE("a change of brightness as a whole does not move") {
        std::mt19937 random(1);
        MotionMask mask;
        for (int i = 0; i < 20; ++i) {
            const auto picture = noisyPicture(random, nullptr, i < 10 ? 1.0 : 1.25);
            CHECK(share(mask.update(view(picture), i * 40ms)) < 0.01);
        }
    }
}

}  // namespace
}  // namespace smartcodec::bench
