#include "analysis/change.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "capture/scene_math.h"
#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{320, 192};

/// Noise of independent samples.
Noise whiteNoise(float sigma) {
    Noise noise;
    noise.sample.fill(sigma);
    noise.cell.fill(sigma / 4);
    noise.window.fill(sigma / 8);
    return noise;
}

struct Pair {
    CellGrid now, reference;
    explicit Pair(Studio& studio) {
        studio.shoot();
        computeCells(lumaOf(studio.shot), reference);
    }
    ChangeMap compare(Studio& studio, const Noise& noise) {
        studio.shoot();
        computeCells(lumaOf(studio.shot), now);
        ChangeMap map;
        LightingComparison comparison;
        REQUIRE_FALSE(comparison.compare(now, reference, noise));
        map = comparison.change;
        return map;
    }
};

/// Of frames recorded above level static once the first picture's level has fallen.
struct Alarms {
    int frames = 0;
    int alarms = 0;
};

Alarms falseAlarms(SceneView view, const SceneNoiseLevel& noise, Size size, int count) {
    Rehearsal rehearsal(sceneOf(view, noise), size);
    Alarms result;
    while (result.frames < count) {
        const Decision& decision = rehearsal.next();
        if (rehearsal.index <= frames(3.5))
            continue;
        ++result.frames;
        result.alarms += decision.record && decision.level != Level::Static ? 1 : 0;
    }
    return result;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an object is found where it is and its contrast in multiples of the noise") {
        constexpr double kSigma = 2;
        Studio studio(kSize, {.shot = 0, .read = kSigma, .grain = 1});
        for (const double contrast : {-3.0, 3.0, 8.0}) {
            CAPTURE(contrast);
            Pair pair(studio);
            addLuma(studio.truth, {64, 96, 8, 8}, contrast * kSigma);
            const ChangeMap map = pair.compare(studio, whiteNoise(kSigma));
            addLuma(studio.truth, {64, 96, 8, 8}, -contrast * kSigma);
            for (int y = 24; y < 26; ++y)
                for (int x = 16; x < 18; ++x)
                    CHECK(map.row(y)[x] == 1);
            // the largest squares looked at are 8x8 cells
            for (int y = 0; y < map.rows; ++y)
                for (int x = 0; x < map.columns; ++x)
                    if (x < 16 - 8 || x > 17 + 8 || y < 24 - 8 || y > 25 + 8)
                        REQUIRE(map.row(y)[x] == 0);
            CHECK(map.count == static_cast<std::size_t>(std::count(map.cell.begin(), map.cell.end(), 1)));
            // noise of the difference of two windows: 2 / 8 * sqrt(2); the noise itself moves it by a few of those
            CHECK(std::abs(map.peakContrast - std::abs(contrast) * 8 / std::sqrt(2.0)) < 4.0);
        }
    }

    TEST_CASE("what changes by less than noise is no change") {
        Studio studio(kSize, {.shot = 0, .read = 2, .grain = 1});
        Pair pair(studio);
        addLuma(studio.truth, {64, 96, 8, 8}, 1);
        const ChangeMap map = pair.compare(studio, whiteNoise(2));
        CHECK(map.count == 0);
        CHECK(map.peakContrast < 6);
        CHECK(map.share() == 0);
    }

    TEST_CASE("a difference from black to white is found at every edge of an odd picture") {
        Studio studio({326, 186}, {.shot = 0, .read = 1, .grain = 1}, 16);
        Pair pair(studio);
        fillLuma(studio.truth, {0, 0, 2, 2}, 255);
        fillLuma(studio.truth, {324, 0, 2, 2}, 255);
        fillLuma(studio.truth, {0, 184, 2, 2}, 255);
        fillLuma(studio.truth, {324, 184, 2, 2}, 255);
        const ChangeMap map = pair.compare(studio, whiteNoise(1));
        CHECK(map.row(0)[0] == 1);
        CHECK(map.row(0)[map.columns - 1] == 1);
        CHECK(map.row(map.rows - 1)[0] == 1);
        CHECK(map.row(map.rows - 1)[map.columns - 1] == 1);
    }

    TEST_CASE("an empty scene hardly ever gives a false alarm whatever the gain") {
        for (const SceneNoiseLevel& noise : {SceneNoiseLevel{.shot = 0.003, .read = 0.3, .grain = 1}, kDayNoise,
                                             SceneNoiseLevel{.shot = 0.05, .read = 2.0, .grain = 1},
                                             SceneNoiseLevel{.shot = 0.15, .read = 4.0, .grain = 1}, kNightNoise}) {
            const Alarms result = falseAlarms(SceneView::Hall, noise, {640, 360}, 300);
            CAPTURE(noise.shot);
            CAPTURE(noise.grain);
            CAPTURE(result.alarms);
            CHECK(result.alarms * 50 <= result.frames);
        }
    }

    TEST_CASE("an object of 8x8 samples at three times the noise is seen to move") {
        // at a third of 1080p a length of 3 is a sample
        constexpr Size kThird{640, 360};
        SceneRandom random(5);
        const double sigma = std::sqrt(0.012 * 120 + 0.64);
        int missed = 0;
        for (int path = 0; path < 30; ++path) {
            const double speed = path < 10 ? 0.5 : random.real(0.5, 12);  // samples per frame
            const double angle = random.real(0, 1);
            const double seconds = std::clamp(90 / speed / 30, 0.5, 2.0);
            const double length = speed * 30 * seconds * 3;
            SceneDescription description = sceneOf(SceneView::Plain, kDayNoise);
            description.backgrounds[0].luma = 120;
            description.seed = static_cast<std::uint64_t>(path);
            const double x = random.real(300, 1600), y = random.real(200, 900);
            const double toX = x + (x > 960 ? -1 : 1) * length * sineOfTurns(0.25 + angle / 8);
            const double toY = y + (y > 540 ? -1 : 1) * length * sineOfTurns(angle / 8);
            description.cycle.objects = {
                {.look =
                     {.width = 24, .height = 24, .contrast = (path % 2 ? 3 : -3) * sigma, .texture = 0, .softness = 1},
                 .path = {{.time = 500ms, .x = x, .y = y},
                          {.time = 500ms + std::chrono::milliseconds(static_cast<int>(seconds * 1000)),
                           .x = toX,
                           .y = toY}}}};
            Rehearsal rehearsal(description, kThird);
            // it must be seen before it has moved by its own size and a half: 12 samples
            double sinceSeen = 0;
            while (rehearsal.index < frames(0.5 + seconds)) {
                const Decision& decision = rehearsal.next();
                if (rehearsal.index <= frames(0.5))
                    continue;
                sinceSeen = decision.reason == FrameReason::Motion ? 0 : sinceSeen + speed;
                missed += sinceSeen >= 12 + speed ? 1 : 0;
            }
        }
        CHECK(missed == 0);
    }
}
