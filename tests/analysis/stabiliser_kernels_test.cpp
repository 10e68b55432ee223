#include "analysis/stabiliser_kernels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "capture/scene_math.h"

using namespace smartcodec;
using namespace smartcodec::stabiliser;

namespace {

using LumaBlock = std::array<std::uint8_t, kLuma>;
using ChromaBlock = std::array<std::uint8_t, kChroma>;  // 4x4 of Cb, then of Cr

BlockView blockOf(const LumaBlock& luma, const ChromaBlock& chroma) {
    return {{luma.data(), kBlock}, {{{chroma.data(), kBlock / 2}, {&chroma[kChroma / 2], kBlock / 2}}}};
}

WritableBlock blockOf(LumaBlock& luma, ChromaBlock& chroma) {
    return {{luma.data(), kBlock}, {{{chroma.data(), kBlock / 2}, {&chroma[kChroma / 2], kBlock / 2}}}};
}

/// Random samples; every fourth block is all black, all white or a mixture of the two.
class Material {
  public:
    explicit Material(std::uint64_t seed) : random_(seed) {}

    std::uint8_t sample() {
        switch (kind_) {
            case 0:
                return 0;
            case 1:
                return 255;
            case 2:
                return random_.chance(0.5) ? 255 : 0;
            default:
                return static_cast<std::uint8_t>(random_.bits() >> 32);
        }
    }
    void nextKind() { kind_ = random_.integer(0, 11); }

    LumaBlock luma() {
        nextKind();
        LumaBlock block{};
        std::ranges::generate(block, [&] { return sample(); });
        return block;
    }
    ChromaBlock chroma() {
        nextKind();
        ChromaBlock block{};
        std::ranges::generate(block, [&] { return sample(); });
        return block;
    }
    Model model() {
        Model model{};
        const LumaBlock lumaSamples = luma();
        const ChromaBlock chromaSamples = chroma();
        start(blockOf(lumaSamples, chromaSamples), model);
        if (random_.chance(0.7))  // fractions too
            for (std::int16_t& value : model.luma)
                value = static_cast<std::int16_t>(std::min(255 << kMeanShift, value + random_.integer(0, 127)));
        return model;
    }
    std::vector<std::uint8_t> plane(std::size_t size) {
        nextKind();
        std::vector<std::uint8_t> bytes(size);
        std::ranges::generate(bytes, [&] { return sample(); });
        return bytes;
    }
    SceneRandom& random() { return random_; }

  private:
    SceneRandom random_;
    int kind_ = 3;
};

constexpr int kRounds = 2000;

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a new model is the block and shows it") {
        Material material(1);
        for (int round = 0; round < kRounds; ++round) {
            const LumaBlock luma = material.luma();
            const ChromaBlock chroma = material.chroma();
            Model model{};
            start(blockOf(luma, chroma), model);
            LumaBlock shownLuma{};
            ChromaBlock shownChroma{};
            show(model, blockOf(shownLuma, shownChroma));
            REQUIRE(shownLuma == luma);
            REQUIRE(shownChroma == chroma);
        }
    }

    TEST_CASE("a model is shown rounded to the nearest grey level") {
        Material material(2);
        for (int round = 0; round < kRounds; ++round) {
            const Model model = material.model();
            LumaBlock luma{};
            ChromaBlock chroma{};
            show(model, blockOf(luma, chroma));
            for (std::size_t i = 0; i < kLuma; ++i)
                REQUIRE(luma[i] == std::min(255, static_cast<int>(std::floor(model.luma[i] / 128.0 + 0.5))));
        }
    }

    TEST_CASE("differences are those of a plain loop also between black and white") {
        Material material(3);
        for (int round = 0; round < kRounds; ++round) {
            const LumaBlock luma = material.luma();
            const ChromaBlock chroma = material.chroma();
            const Model model = material.model();
            const Difference d = difference(blockOf(luma, chroma), model);
            Difference plain;
            for (int y = 0; y < kBlock; ++y)
                for (int x = 0; x < kBlock; ++x) {
                    const auto i = static_cast<std::size_t>(y * kBlock + x);
                    const int value = static_cast<int>(std::floor(((luma[i] << kMeanShift) - model.luma[i] + 4) / 8.0));
                    plain.quarter[static_cast<std::size_t>(y / 4 * 2 + x / 4)] += value;
                    plain.sum += value;
                    plain.energy += value * value;
                }
            for (std::size_t i = 0; i < kChroma; ++i)
                plain.chroma[i / (kChroma / 2)] +=
                    static_cast<int>(std::floor(((chroma[i] << kMeanShift) - model.chroma[i] + 4) / 8.0));
            REQUIRE(d.quarter == plain.quarter);
            REQUIRE(d.sum == plain.sum);
            REQUIRE(d.energy == plain.energy);
            REQUIRE(d.chroma == plain.chroma);
        }
    }

    TEST_CASE("a model learns its share of the difference and stays within black and white") {
        Material material(4);
        for (int round = 0; round < kRounds; ++round) {
            const LumaBlock luma = material.luma();
            const ChromaBlock chroma = material.chroma();
            const Model before = material.model();
            const int pictures = material.random().integer(1, 64);
            const int offset = material.random().integer(-3000, 3000) * (round % 2);
            Model after = before;
            learn(blockOf(luma, chroma), pictures, offset, after);
            for (std::size_t i = 0; i < kLuma; ++i) {
                const double exact = before.luma[i] +
                                     ((luma[i] << kMeanShift) - before.luma[i]) / static_cast<double>(pictures) +
                                     offset;
                // one unit of rounding, and what a share in 15 bits is off on a difference of 15 bits
                REQUIRE(std::abs(after.luma[i] - std::clamp(exact, 0.0, 255.0 * 128)) <= 2.0);
                REQUIRE(after.luma[i] >= 0);
                REQUIRE(after.luma[i] <= 255 << kMeanShift);
            }
            for (std::size_t i = 0; i < kChroma; ++i) {
                const double exact =
                    before.chroma[i] + ((chroma[i] << kMeanShift) - before.chroma[i]) / static_cast<double>(pictures);
                REQUIRE(std::abs(after.chroma[i] - exact) <= 2.0);
            }
        }
    }

    TEST_CASE("a model of one picture is that picture") {
        Material material(5);
        for (int round = 0; round < kRounds; ++round) {
            const LumaBlock luma = material.luma();
            const ChromaBlock chroma = material.chroma();
            Model model = material.model();
            learn(blockOf(luma, chroma), 1, 0, model);
            LumaBlock shownLuma{};
            ChromaBlock shownChroma{};
            show(model, blockOf(shownLuma, shownChroma));
            REQUIRE(shownLuma == luma);
            REQUIRE(shownChroma == chroma);
        }
    }

    TEST_CASE("a brighter model keeps black and grey and does not run over white") {
        Material material(6);
        for (int round = 0; round < kRounds; ++round) {
            const Model before = material.model();
            const int gain = material.random().integer(kSameBrightness / 15, kSameBrightness * 15);
            Model after = before;
            brighten(gain, after);
            for (std::size_t i = 0; i < kLuma; ++i)
                REQUIRE(std::abs(after.luma[i] - std::min(255.0 * 128, before.luma[i] * gain / 4096.0)) <= 1.0);
            for (std::size_t i = 0; i < kChroma; ++i)
                REQUIRE(std::abs(after.chroma[i] -
                                 std::clamp(128.0 * 128 + (before.chroma[i] - 128 * 128) * (gain / 4096.0), 0.0,
                                            255.0 * 128)) <= 1.0);
        }
    }

    TEST_CASE("the distance of areas is the sum of absolute differences whatever the strides") {
        Material material(7);
        for (int round = 0; round < kRounds / 10; ++round) {
            const auto a = material.plane(40 * 24), b = material.plane(40 * 24);
            const int offset = material.random().integer(0, 20);
            const View first{a.data() + offset, 40}, second{b.data() + 3, 37};
            std::uint32_t plain = 0;
            for (int y = 0; y < kArea; ++y)
                for (int x = 0; x < kArea; ++x)
                    plain += static_cast<std::uint32_t>(std::abs(first.row(y)[x] - second.row(y)[x]));
            REQUIRE(areaDistance(first, second, plain + 1) == plain);
            const auto limit = static_cast<std::uint32_t>(material.random().integer(0, 40000));
            REQUIRE((areaDistance(first, second, limit) < limit) == (plain < limit));
        }
        const std::vector<std::uint8_t> black(256, 0), white(256, 255);
        CHECK(areaDistance({black.data(), 16}, {white.data(), 16}, 65536) == 255U * 256);
    }

    TEST_CASE("sum and energy of a block's difference are those of a plain loop") {
        Material material(8);
        for (int round = 0; round < kRounds; ++round) {
            const auto a = material.plane(20 * 8), b = material.plane(13 * 8);
            const View first{a.data() + 5, 20}, second{b.data(), 13};
            BlockDifference plain;
            for (int y = 0; y < kBlock; ++y)
                for (int x = 0; x < kBlock; ++x) {
                    const int d = first.row(y)[x] - second.row(y)[x];
                    plain.sum += d;
                    plain.energy += d * d;
                }
            const BlockDifference d = blockDifference(first, second);
            REQUIRE(d.sum == plain.sum);
            REQUIRE(d.energy == plain.energy);
        }
    }

    TEST_CASE("a blend weighs picture and prediction and takes the picture from the limit on") {
        Material material(9);
        SceneRandom& random = material.random();
        int wrong = 0;
        for (int round = 0; round < kRounds; ++round) {
            const auto a = material.plane(24 * 8), b = material.plane(17 * 8);
            const View now{a.data() + 2, 24}, prediction{b.data() + 1, 17};
            const Blend how{.weight = random.integer(0, kWholeWeight),
                            .limit = random.integer(0, round % 2 ? 20 : 255),
                            .offset = random.chance(0.5) ? 0 : random.integer(-255, 255)};
            const bool isLuma = round % 4 < 2;
            const int width = isLuma ? kBlock : kBlock / 2;
            std::array<std::uint8_t, 16 * 8> out{};
            out.fill(77);
            (isLuma ? blendLuma : blendChroma)(now, prediction, how, WritableView{out.data(), 16});
            for (int y = 0; y < 8; ++y)
                for (int x = 0; x < 16; ++x) {
                    const int result = out[static_cast<std::size_t>(y * 16 + x)];
                    if (x >= width || y >= width) {
                        wrong += result == 77 ? 0 : 1;  // nothing beyond the block is written
                        continue;
                    }
                    const int predicted = std::clamp(prediction.row(y)[x] + how.offset, 0, 255);
                    const int d = now.row(y)[x] - predicted;
                    const int half = how.limit / 2;
                    const double beyond =
                        std::clamp((std::abs(d) - half) / static_cast<double>(std::max(1, how.limit - half)), 0.0, 1.0);
                    const double weight = std::abs(d) >= how.limit
                                              ? 1.0
                                              : (how.weight + beyond * (kWholeWeight - how.weight)) / kWholeWeight;
                    // a slope in sixteenths and a share in 128ths: at most one step of each is lost
                    const double slack = 1.0 + std::abs(d) * (std::abs(d) >= how.limit ? 0.0 : 0.13);
                    wrong += std::abs(result - (predicted + weight * d)) <= slack ? 0 : 1;
                    if (std::abs(d) >= how.limit)
                        wrong += result == now.row(y)[x] ? 0 : 1;
                }
        }
        CHECK(wrong == 0);
    }
}
