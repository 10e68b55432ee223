#include "analysis/noise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "capture/scene_math.h"
#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{320, 192};

/// Standard deviations of what separates the shots of a studio from its truth.
struct Deviations {
    double sample = 0;
    double cell = 0;
    double window = 0;
};

double squareOfMeans(const ScenePicture& a, const ScenePicture& b, int side) {
    const Size size = a.view().size;
    double sum = 0;
    int count = 0;
    for (int y = 0; y + side <= size.height; y += side)
        for (int x = 0; x + side <= size.width; x += side, ++count) {
            const double d = meanLuma(a, {x, y, side, side}) - meanLuma(b, {x, y, side, side});
            sum += d * d;
        }
    return sum / count;
}

Deviations measuredDirectly(Studio& studio) {
    Deviations sum;
    constexpr int kShots = 8;
    for (int i = 0; i < kShots; ++i) {
        studio.shoot();
        sum.sample += squareOfMeans(studio.shot, studio.truth, 1) / kShots;
        sum.cell += squareOfMeans(studio.shot, studio.truth, 4) / kShots;
        sum.window += squareOfMeans(studio.shot, studio.truth, 8) / kShots;
    }
    return {std::sqrt(sum.sample), std::sqrt(sum.cell), std::sqrt(sum.window)};
}

void show(Studio& studio, NoiseEstimator& estimator, int pictures, int repeats = 1) {
    CellGrid cells;
    for (int i = 0; i < pictures; ++i) {
        studio.shoot();
        for (int repeat = 0; repeat < repeats; ++repeat) {
            computeCells(lumaOf(studio.shot), cells);
            estimator.update(lumaOf(studio.shot), cells, nullptr);
        }
    }
}

double at(const Noise::Curve& curve, int brightness) {
    return curve[static_cast<std::size_t>(Noise::bin(brightness))];
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the noise of samples and cells and windows is measured at every brightness and for every grain") {
        constexpr std::array<SceneNoiseLevel, 5> kLevels{{{.shot = 0.012, .read = 0.8, .grain = 1},
                                                          {.shot = 0.07, .read = 2.2, .grain = 1},
                                                          {.shot = 0.0, .read = 5.0, .grain = 1},
                                                          {.shot = 0.02, .read = 1.0, .grain = 3},
                                                          {.shot = 0.07, .read = 2.2, .grain = 3}}};
        for (const SceneNoiseLevel& level : kLevels)
            for (const int luma : {40, 88, 120, 200}) {
                CAPTURE(level.shot);
                CAPTURE(level.read);
                CAPTURE(level.grain);
                CAPTURE(luma);
                Studio studio(kSize, level, luma);
                NoiseEstimator estimator;
                show(studio, estimator, 16);
                const Deviations truth = measuredDirectly(studio);
                REQUIRE(truth.sample ==
                        doctest::Approx(std::sqrt(level.shot * luma + level.read * level.read)).epsilon(0.05));
                const Noise& noise = estimator.noise();
                CHECK(at(noise.sample, luma) == doctest::Approx(truth.sample).epsilon(0.15));
                CHECK(at(noise.cell, luma) == doctest::Approx(truth.cell).epsilon(0.15));
                CHECK(at(noise.window, luma) == doctest::Approx(truth.window).epsilon(0.15));
            }
    }

    TEST_CASE("each brightness of one picture has its own noise") {
        Studio studio(kSize, {.shot = 0.1, .read = 0.5, .grain = 1}, 40);
        fillLuma(studio.truth, {160, 0, 160, 192}, 200);
        NoiseEstimator estimator;
        show(studio, estimator, 16);
        CHECK(at(estimator.noise().sample, 40) == doctest::Approx(std::sqrt(4.25)).epsilon(0.15));
        CHECK(at(estimator.noise().sample, 200) == doctest::Approx(std::sqrt(20.25)).epsilon(0.15));
    }

    TEST_CASE("a half of the picture that moves does not pass for noise") {
        Studio studio(kSize, {.shot = 0.0, .read = 2.0, .grain = 1}, 120);
        const auto luma = studio.truth.plane(0);
        Recorder recorder(kSize);
        for (std::uint64_t i = 0; i < 40; ++i) {
            for (int y = 0; y < kSize.height; ++y)
                for (int x = kSize.width / 2; x < kSize.width; ++x) {
                    const auto key =
                        mixBits((static_cast<std::uint64_t>(x) + 3 * i) / 6, static_cast<std::uint64_t>(y) / 6);
                    luma[static_cast<std::size_t>(y * kSize.width + x)] = static_cast<std::uint8_t>(80 + key % 80);
                }
            studio.shoot();
            recorder.take(studio.shot, frameTime(i));
        }
        const Noise& noise = recorder.analyzer.state().estimator.noise();
        CHECK(at(noise.sample, 120) == doctest::Approx(2.0).epsilon(0.15));
        CHECK(at(noise.cell, 120) == doctest::Approx(0.5).epsilon(0.15));
        CHECK(at(noise.window, 120) == doctest::Approx(0.25).epsilon(0.15));
    }

    TEST_CASE("a picture without noise has that of rounding") {
        Studio studio(kSize, {.shot = 0, .read = 0, .grain = 1}, 120);
        studio.paintTexture();
        NoiseEstimator estimator;
        CellGrid cells;
        for (int i = 0; i < 20; ++i) {
            addLuma(studio.truth, {8 * i, 8, 8, 8}, 1);  // so that no two pictures are the same
            computeCells(lumaOf(studio.truth), cells);
            estimator.update(lumaOf(studio.truth), cells, nullptr);
        }
        REQUIRE(estimator.measured());
        for (const float sigma : estimator.noise().sample)
            CHECK(sigma == doctest::Approx(std::sqrt(1.0 / 12)).epsilon(0.01));
        for (const float sigma : estimator.noise().window)
            CHECK(sigma == doctest::Approx(std::sqrt(1.0 / 12) / 8).epsilon(0.01));
    }

    TEST_CASE("pictures that a source shows twice say nothing about the noise") {
        Studio once(kSize, kDayNoise), twice(kSize, kDayNoise);
        NoiseEstimator plain, repeated;
        show(once, plain, 12);
        show(twice, repeated, 12, 2);
        CHECK(plain.noise().sample == repeated.noise().sample);
        CHECK(plain.noise().cell == repeated.noise().cell);
        CHECK(plain.noise().window == repeated.noise().window);
    }

    TEST_CASE("the noise is followed when the sensor's gain rises and falls") {
        SceneDescription description = sceneOf(SceneView::Plain, {.shot = 0.012, .read = 1.2, .grain = 1});
        description.cycle.events = {SceneInfrared{.start = 1s, .end = 4s, .gain = 1, .noise = 2.5}};
        Rehearsal rehearsal(description, kSize);
        const double low = std::sqrt(0.012 * 126 + 1.44);
        const auto runTo = [&](double seconds) {
            while (rehearsal.index < frames(seconds))
                rehearsal.next();
            return rehearsal.recorder.analyzer.state().measurement.noiseSigma;
        };
        CHECK(runTo(1) == doctest::Approx(low).epsilon(0.15));
        CHECK(runTo(4) == doctest::Approx(2.5 * low).epsilon(0.15));
        CHECK(runTo(5) == doctest::Approx(low).epsilon(0.15));
    }

    TEST_CASE("after a restart two pictures are enough") {
        Studio loud(kSize, {.shot = 0, .read = 6, .grain = 1}), quiet(kSize, {.shot = 0, .read = 1, .grain = 1});
        NoiseEstimator estimator;
        show(loud, estimator, 10);
        estimator.restart();
        CHECK_FALSE(estimator.measured());
        show(quiet, estimator, 2);
        CHECK(estimator.measured());
        CHECK(at(estimator.noise().sample, 110) == doctest::Approx(1.0).epsilon(0.15));
    }
}
