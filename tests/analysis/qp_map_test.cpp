#include "analysis/qp_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr SceneNoiseLevel kNoise{.shot = 0, .read = 2, .grain = 1};

int deltaAt(const QpMap& map, int x, int y) {
    return map.delta[static_cast<std::size_t>(y / 16 * map.columns + x / 16)];
}

int finer(const QpMap& map) {
    int count = 0;
    for (const std::int8_t delta : map.delta)
        count += delta < 0 ? 1 : 0;
    return count;
}

/// Shows `pictures` of a studio that stands still to a recorder of a main picture of another size.
struct Take {
    Take(Size picture, Size main) : studio(picture, kNoise), recorder(Recorder::configFor(main), {}) {}
    const Decision& next() {
        studio.shoot();
        return recorder.take(studio.shot, frameTime(index++));
    }
    void until(double seconds) {
        while (index < frames(seconds))
            next();
    }
    Studio studio;
    Recorder recorder;
    std::uint64_t index = 0;
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the raster of deltas counts blocks that the picture's edge cuts") {
        for (const auto& [size, columns, rows] :
             {std::tuple{Size{320, 192}, 20, 12}, {Size{322, 194}, 21, 13}, {Size{640, 360}, 40, 23}}) {
            Take take(size, size);
            take.until(0.5);
            const QpMap& map = take.next().qpMap;
            CHECK(map.columns == columns);
            CHECK(map.rows == rows);
            CHECK(map.delta.size() == static_cast<std::size_t>(columns * rows));
        }
    }

    TEST_CASE("what moves is finer and what has long stood still is coarser") {
        Take take({320, 192}, {320, 192});
        take.until(11);
        addLuma(take.studio.truth, {64, 64, 16, 16}, 30);
        const QpMap map = take.next().qpMap;
        CHECK(deltaAt(map, 70, 70) < 0);
        CHECK(deltaAt(map, 200, 150) > 0);
        CHECK(finer(map) >= 1);
        CHECK(finer(map) <= 36);
        take.until(11.2);
        CHECK(deltaAt(take.next().qpMap, 70, 70) < 0);  // its place is held for a moment
        take.until(11.6);
        CHECK(deltaAt(take.next().qpMap, 70, 70) == 0);
        take.until(22);
        CHECK(deltaAt(take.next().qpMap, 70, 70) > 0);
    }

    TEST_CASE("the last row and column move where the picture's edge does") {
        Take take({322, 194}, {322, 194});
        take.until(11);
        addLuma(take.studio.truth, {314, 186, 8, 8}, 60);
        const QpMap map = take.next().qpMap;
        CHECK(deltaAt(map, 321, 193) < 0);
        CHECK(deltaAt(map, 0, 0) > 0);
    }

    TEST_CASE("a small analysis picture marks the right blocks of the main one") {
        Take take({640, 360}, {1920, 1080});
        take.until(11);
        addLuma(take.studio.truth, {400, 240, 32, 32}, 30);  // 1200..1296 x 720..816 of the main picture
        const QpMap map = take.next().qpMap;
        REQUIRE(map.columns == 120);
        REQUIRE(map.rows == 68);
        for (int y = 720; y < 816; y += 16)
            for (int x = 1200; x < 1296; x += 16)
                CHECK(deltaAt(map, x, y) < 0);
        // the largest squares looked at are 96 samples of the main picture
        for (int y = 0; y < 1080; y += 16)
            for (int x = 0; x < 1920; x += 16)
                if (x < 1200 - 112 || x > 1296 + 112 || y < 720 - 112 || y > 816 + 112)
                    REQUIRE(deltaAt(map, x, y) > 0);
    }

    TEST_CASE("what moves in a small analysis picture is measured in samples of the main picture") {
        Studio studio({640, 360}, kNoise);
        Recorder recorder(Recorder::configFor({1920, 1080}), {});
        studio.paintTexture(50, 24);
        for (std::uint64_t i = 0; i < 10; ++i) {
            studio.shoot();
            recorder.take(studio.shot, frameTime(i));
        }
        studio.paintTexture(50, 24, 6, 0);
        studio.shoot();
        const Decision& decision = recorder.take(studio.shot, frameTime(10));
        CHECK(decision.measurement.cameraMoved);
        CHECK(decision.measurement.shiftX == doctest::Approx(-18).epsilon(0.25));
    }

    TEST_CASE("what moves is coded no finer than the noise that is left in it") {
        // white noise of deviation s: the step is 2 s, QP 4 + 6 log2(2 s)
        struct Case {
            double read;
            int grain;
            int quality;
            int least;
            int most;
        };
        for (const auto& [read, grain, quality, least, most] : {Case{2, 1, 25, -2, -2},
                                                                {2, 1, 12, 3, 5},
                                                                {6, 1, 20, 4, 6},
                                                                {6, 1, 25, -1, 2},
                                                                {6, 1, 35, -2, -2},
                                                                {6, 3, 25, 3, 6},
                                                                {6, 1, 5, 6, 6}}) {
            CAPTURE(read);
            CAPTURE(grain);
            CAPTURE(quality);
            Studio studio({320, 192}, {.shot = 0, .read = read, .grain = grain});
            DeciderConfig config = Recorder::configFor({320, 192});
            config.quality = quality;
            Recorder recorder(config, {});
            std::uint64_t index = 0;
            for (; index < frames(2); ++index) {
                studio.shoot();
                recorder.take(studio.shot, frameTime(index));
            }
            addLuma(studio.truth, {64, 64, 32, 32}, 80);
            studio.shoot();
            const QpMap& map = recorder.take(studio.shot, frameTime(index)).qpMap;
            CHECK(deltaAt(map, 80, 80) >= least);
            CHECK(deltaAt(map, 80, 80) <= most);
            CHECK(deltaAt(map, 250, 150) == 0);
        }
    }

    TEST_CASE("the more of the picture moves the less it is finer than the rest") {
        for (const auto& [size, delta] : {std::tuple{32, -2}, {176, -1}, {304, 0}}) {
            CAPTURE(size);
            Take take({320, 320}, {320, 320});
            take.until(1);
            for (int y = 8; y < 8 + size; y += 8)  // squares of their own: neither light nor a movement of the camera
                for (int x = 8; x < 8 + size; x += 8)
                    addLuma(take.studio.truth, {x, y, 8, 8}, (x * 7 + y * 13) % 5 * 20 - 50);
            const Decision& decision = take.next();
            REQUIRE(!decision.measurement.cameraMoved);
            REQUIRE(!decision.measurement.sceneCut);
            CHECK(deltaAt(decision.qpMap, 20, 20) == delta);
        }
    }

    TEST_CASE("when the camera moves what is flat is finer than what has texture") {
        constexpr Size kSize{640, 384};
        Take take(kSize, kSize);
        take.studio.paintTexture(50, 40);
        take.until(1);
        take.studio.paintTexture(50, 40, 6, 0);
        const Decision& decision = take.next();
        REQUIRE(decision.measurement.cameraMoved);
        const auto luma = take.studio.truth.plane(0);
        int flat = 0;
        int textured = 0;
        double sum = 0;
        for (int y = 0; y < kSize.height; y += 16)
            for (int x = 0; x < kSize.width; x += 16) {
                int darkest = 255;
                int brightest = 0;
                for (int i = 0; i < 256; ++i) {
                    const int value = luma[static_cast<std::size_t>((y + i / 16) * kSize.width + x + i % 16)];
                    darkest = std::min(darkest, value);
                    brightest = std::max(brightest, value);
                }
                const int delta = deltaAt(decision.qpMap, x, y);
                sum += delta;
                if (darkest == brightest) {
                    ++flat;
                    CHECK(delta <= -2);
                } else if (brightest - darkest > 40) {
                    ++textured;
                    CHECK(delta >= 1);
                }
            }
        CHECK(flat > 100);
        CHECK(textured > 100);
        CHECK(std::abs(sum) < 0.3 * (kSize.width / 16) * (kSize.height / 16));  // the picture as a whole keeps its QP
    }

    TEST_CASE("the first picture and a cut leave the encoder to itself") {
        Take take({320, 192}, {320, 192});
        CHECK(take.next().qpMap.empty());
        take.studio.paintTexture(60, 24);
        take.until(1);
        take.studio.paintTexture(60, 24, 5000, 3000);
        const Decision& decision = take.next();
        REQUIRE(decision.measurement.sceneCut);
        CHECK(decision.qpMap.empty());
    }
}
