#include "capture/scene.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "capture/scene_math.h"
#include "capture/scene_overlay.h"
#include "capture/scene_script.h"
#include "tests/capture/scene_picture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{320, 180};
constexpr FrameRate kRate{30, 1};

Scene plainScene(int luma, const SceneNoiseLevel& noise, Size size = kSize) {
    SceneDescription description;
    description.backgrounds = {{.view = SceneView::Plain, .luma = luma}};
    description.noise = noise;
    return {description, size, kRate};
}

SceneDescription scripted(const std::string& script) {
    return describeScene({.script = script});
}

/// Mean and variance of what noise adds to a plane.
struct Statistics {
    double mean = 0;
    double variance = 0;
};

Statistics noiseOf(const std::vector<int>& noise) {
    double sum = 0;
    double squares = 0;
    for (const int value : noise) {
        sum += value;
        squares += value * value;
    }
    const auto count = static_cast<double>(noise.size());
    return {sum / count, squares / count - sum / count * sum / count};
}

std::vector<int> difference(const ScenePicture& a, const ScenePicture& b, int plane) {
    std::vector<int> result;
    const auto first = a.plane(plane);
    const auto second = b.plane(plane);
    for (std::size_t i = 0; i < first.size(); ++i)
        result.push_back(first[i] - second[i]);
    return result;
}

double correlation(const std::vector<int>& a, const std::vector<int>& b, std::size_t shift = 0) {
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (std::size_t i = 0; i + shift < a.size(); ++i) {
        product += a[i] * b[i + shift];
        squaresA += a[i] * a[i];
        squaresB += b[i + shift] * b[i + shift];
    }
    return product / std::sqrt(squaresA * squaresB);
}

double meanLuma(const ScenePicture& picture) {
    double sum = 0;
    for (const std::uint8_t value : picture.plane(0))
        sum += value;
    return sum / static_cast<double>(picture.plane(0).size());
}

double meanDifference(const ScenePicture& a, const ScenePicture& b) {
    double sum = 0;
    for (const int value : difference(a, b, 0))
        sum += std::abs(value);
    return sum / static_cast<double>(a.plane(0).size());
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the scene gives the same bytes on every machine and with every compiler") {
        // Renewed, after a wanted change of what is drawn, with the values that a failure prints.
        struct Golden {
            const char* script;
            std::uint64_t hash;
        };
        constexpr std::array<Golden, 6> kGolden{{{"corridor", 14597885833275686891U},
                                                 {"night", 1977873128266302195U},
                                                 {"street", 17193582268060828704U},
                                                 {"lamp", 7047795627399235516U},
                                                 {"pan", 1676286288076424936U},
                                                 {"rain", 10978856746200418583U}}};
        for (const Golden& golden : kGolden) {
            CAPTURE(std::string(golden.script));
            Scene scene(scripted(golden.script), {322, 180}, kRate);
            ScenePicture picture({322, 180});
            std::uint64_t hash = 0;
            for (const std::uint64_t index : {0U, 130U, 250U, 700U}) {
                scene.render(index, picture.view());
                hash = mixBits(hash, picture.hash());
            }
            CHECK(hash == golden.hash);
        }
    }

    TEST_CASE("a frame does not depend on which frames were asked for before") {
        for (const char* script : {"street", "corridor", "objects", "shake"}) {
            CAPTURE(std::string(script));
            Scene inOrder(scripted(script), {160, 90}, {10, 1});
            std::vector<std::uint64_t> hashes;
            ScenePicture picture({160, 90});
            for (std::uint64_t index = 0; index < 420; ++index) {
                inOrder.render(index, picture.view());
                hashes.push_back(picture.hash());
            }
            Scene random(scripted(script), {160, 90}, {10, 1});
            for (const std::uint64_t index : {419U, 5U, 210U, 199U, 200U, 0U, 401U, 200U}) {
                random.render(index, picture.view());
                CHECK(picture.hash() == hashes[index]);
            }
        }
    }

    TEST_CASE("the seed changes background and noise") {
        ScenePicture one(kSize);
        ScenePicture other(kSize);
        Scene(describeScene({.seed = 1}), kSize, kRate).renderTruth(0, one.view());
        Scene(describeScene({.seed = 2}), kSize, kRate).renderTruth(0, other.view());
        CHECK(meanDifference(one, other) > 0.5);
    }

    TEST_CASE("noise has the variance of the formula and no bias at every brightness") {
        const Size size{640, 360};
        struct Case {
            int luma;
            SceneNoiseLevel noise;
        };
        for (const Case& one : {Case{16, {.shot = 0.012, .read = 0.8}}, Case{60, {.shot = 0.012, .read = 0.8}},
                                Case{128, {.shot = 0.05, .read = 2}}, Case{180, {.shot = 0.0, .read = 1}},
                                Case{235, {.shot = 0.02, .read = 0.5}}, Case{128, {.shot = 0.5, .read = 5}},
                                Case{120, {.shot = 0.05, .read = 2, .grain = 3}}}) {
            CAPTURE(one.luma);
            CAPTURE(one.noise.shot);
            CAPTURE(one.noise.grain);
            Scene scene = plainScene(one.luma, one.noise, size);
            ScenePicture truth(size);
            ScenePicture noisy(size);
            scene.renderTruth(7, truth.view());
            scene.render(7, noisy.view());
            REQUIRE(truth.plane(0).front() == one.luma);
            const auto asked = [&](double value) { return one.noise.shot * value + one.noise.read * one.noise.read; };
            const Statistics luma = noiseOf(difference(noisy, truth, 0));
            // Five standard errors of 230400 samples; neighbours that share grain count for fewer.
            const double samples = 230400.0 / (one.noise.grain * one.noise.grain);
            CHECK(std::abs(luma.mean) < 5 * std::sqrt(asked(one.luma) / samples));
            CHECK(luma.variance == doctest::Approx(asked(one.luma)).epsilon(0.04));
            for (const int plane : {1, 2}) {
                const Statistics chroma = noiseOf(difference(noisy, truth, plane));
                CHECK(std::abs(chroma.mean) < 5 * std::sqrt(asked(128) / samples));
                CHECK(chroma.variance == doctest::Approx(asked(128) / 4).epsilon(0.06));
            }
        }
    }

    TEST_CASE("noise is fresh in every frame and white unless grain is asked for") {
        Scene scene = plainScene(128, {.shot = 0.05, .read = 2});
        ScenePicture truth(kSize);
        ScenePicture picture(kSize);
        scene.renderTruth(0, truth.view());
        std::vector<std::vector<int>> frames;
        for (const std::uint64_t index : {0U, 1U, 2U, 30U, 600U, 601U}) {
            scene.render(index, picture.view());
            frames.push_back(difference(picture, truth, 0));
        }
        // 57600 samples: the standard error of a correlation is 0.0042.
        for (std::size_t i = 0; i < frames.size(); ++i)
            for (std::size_t k = i + 1; k < frames.size(); ++k)
                CHECK(std::abs(correlation(frames[i], frames[k])) < 0.022);
        for (const std::size_t shift : {1U, 2U, 320U, 640U})
            CHECK(std::abs(correlation(frames[0], frames[0], shift)) < 0.022);

        Scene grainy = plainScene(128, {.shot = 0.05, .read = 2, .grain = 3});
        grainy.render(0, picture.view());
        const auto grain = difference(picture, truth, 0);
        for (const std::size_t neighbour : {1U, 320U})
            CHECK(correlation(grain, grain, neighbour) == doctest::Approx(2.0 / 3).epsilon(0.05));
        for (const std::size_t far : {4U, 960U})
            CHECK(std::abs(correlation(grain, grain, far)) < 0.05);
        grainy.render(1, picture.view());
        CHECK(std::abs(correlation(grain, difference(picture, truth, 0))) < 0.05);
    }

    TEST_CASE("without noise a rendered picture is the truth") {
        for (const SceneScript& script : sceneScripts()) {
            CAPTURE(script.name);
            Scene scene(describeScene({.script = script.name, .shotNoise = 0, .readNoise = 0}), {160, 90}, kRate);
            ScenePicture truth({160, 90});
            ScenePicture noisy({160, 90});
            scene.renderTruth(150, truth.view());
            scene.render(150, noisy.view());
            CHECK(truth.hash() == noisy.hash());
        }
    }

    TEST_CASE("every script renders at odd sizes and within video range") {
        for (const SceneScript& script : sceneScripts()) {
            CAPTURE(script.name);
            for (const Size size : {Size{16, 16}, Size{322, 180}, Size{90, 160}}) {
                Scene scene(scripted(script.name), size, {25, 1});
                ScenePicture picture(size);
                std::vector<std::uint8_t> mask(picture.plane(0).size());
                for (const std::uint64_t index : {0U, 99U, 260U, 499U, 500U, 1300U}) {
                    scene.renderTruth(index, picture.view());
                    const auto luma = picture.plane(0);
                    CHECK(*std::min_element(luma.begin(), luma.end()) >= 16);
                    CHECK(*std::max_element(luma.begin(), luma.end()) <= 235);
                    scene.movingMask(index, mask);
                    (void)scene.objects(index);
                }
            }
        }
    }

    TEST_CASE("the demonstration's default moves for a quarter to a third of the time") {
        Scene scene(scripted("corridor"), {64, 36}, {5, 1});
        std::vector<std::uint8_t> mask(64 * 36);
        int moving = 0;
        constexpr int kFrames = 5 * 20 * 20;
        for (std::uint64_t index = 0; index < kFrames; ++index) {
            scene.movingMask(index, mask);
            moving += std::any_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value != 0; }) ? 1 : 0;
        }
        CHECK(moving > kFrames * 0.24);
        CHECK(moving < kFrames * 0.36);
    }

    TEST_CASE("most of the busy scene moves") {
        Scene scene(scripted("busy"), kSize, kRate);
        std::vector<std::uint8_t> mask(320 * 180);
        for (const std::uint64_t index : {30U, 300U, 590U, 800U}) {
            scene.movingMask(index, mask);
            CHECK(std::count(mask.begin(), mask.end(), 255) > 320 * 180 / 2);
        }
    }

    TEST_CASE("a size or rate or description that cannot be is refused") {
        CHECK_THROWS_AS(Scene({}, {15, 16}, kRate), std::invalid_argument);
        CHECK_THROWS_AS(Scene({}, {16, 8}, kRate), std::invalid_argument);
        CHECK_THROWS_AS(Scene({}, kSize, {0, 1}), std::invalid_argument);
        SceneDescription noBackground;
        noBackground.backgrounds.clear();
        CHECK_THROWS_AS(Scene(noBackground, kSize, kRate), std::invalid_argument);
        SceneDescription grain;
        grain.noise.grain = 2;
        CHECK_THROWS_AS(Scene(grain, kSize, kRate), std::invalid_argument);
        SceneDescription path;
        path.cycle.objects = {{.look = {}, .path = {{1s, 0, 0}, {1s, 5, 5}}}};
        CHECK_THROWS_AS(Scene(path, kSize, kRate), std::invalid_argument);
        SceneDescription cut;
        cut.cycle.events = {SceneCut{.start = 1s, .background = 1}};
        CHECK_THROWS_AS(Scene(cut, kSize, kRate), std::invalid_argument);
        SceneDescription number;
        number.frameNumber = true;
        CHECK_THROWS_AS(Scene(number, {64, 64}, kRate), std::invalid_argument);
    }

    TEST_CASE("an unknown script is refused with the names of those there are") {
        CHECK_THROWS_WITH_AS((void)describeScene({.script = "coridor"}), doctest::Contains("corridor, night"),
                             std::runtime_error);
    }

    TEST_CASE("times are exact at any rate and after any length") {
        const auto timeAt = [](FrameRate rate, std::uint64_t index) {
            return Scene({}, {16, 16}, rate).time(index).count();
        };
        CHECK(timeAt({30, 1}, 1) == 33333333);
        CHECK(timeAt({30, 1}, 3) == 100000000);
        CHECK(timeAt({30000, 1001}, 30000) == 1001000000000);
        CHECK(timeAt({30000, 1001}, 2) == 66733333);
        CHECK(timeAt({30, 1}, 3000000000) == 100000000000000000);
    }

    TEST_CASE("the frame number is read back after strong blocks and noise and scaling") {
        for (const Size size : {kFrameNumberMinimum, Size{322, 180}, Size{1280, 720}}) {
            ScenePicture picture(size);
            for (const std::uint32_t number : {0U, 1U, 29U, 0x12345678U, 0xFFFFFFFFU}) {
                drawFrameNumber(picture.view(), number);
                CHECK(readFrameNumber(picture.view().planes[0], size) == number);
                // As a coarse quantiser leaves it.
                SceneRandom random(number);
                for (std::uint8_t& value : picture.plane(0))
                    value = static_cast<std::uint8_t>(std::clamp(value / 2 + 60 + random.integer(-40, 40), 0, 255));
                CHECK(readFrameNumber(picture.view().planes[0], size) == number);
            }
        }
        ScenePicture large({1280, 720});
        ScenePicture small({640, 360});
        drawFrameNumber(large.view(), 4711);
        for (std::size_t i = 0; i < small.plane(0).size(); ++i)
            small.plane(0)[i] = large.plane(0)[i / 640 * 2 * 1280 + i % 640 * 2];
        CHECK(readFrameNumber(small.view().planes[0], {640, 360}) == 4711U);
    }

    TEST_CASE("a picture without a frame number has none") {
        ScenePicture picture(kSize);
        for (const int level : {16, 128, 235}) {
            std::fill(picture.plane(0).begin(), picture.plane(0).end(), static_cast<std::uint8_t>(level));
            CHECK_FALSE(readFrameNumber(picture.view().planes[0], kSize));
        }
        Scene scene(describeScene({.frameNumber = true}), kSize, kRate);
        scene.render(77, picture.view());
        CHECK(readFrameNumber(picture.view().planes[0], kSize) == 77U);
        CHECK(meanLuma(picture) > 40);
    }
}
