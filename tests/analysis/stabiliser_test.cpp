#include "analysis/stabiliser.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{640, 368};
constexpr Area kAll{0, 0, kSize.width, kSize.height};

/// A stabiliser and what it needs, given every picture to be recorded.
struct Bench {
    explicit Bench(Size size, ChromaLayout layout = ChromaLayout::Planar)
        : recorder(Recorder::configFor(size), {}),
          stabiliser({.width = size.width, .height = size.height, .layout = layout}) {}

    void measure(const ScenePicture& picture) { decision = &recorder.take(picture, frameTime(index++)); }
    void process(const ScenePicture& in, ScenePicture& out) {
        measure(in);
        stabiliser.process(yuvOf(in), yuvOf(out), recorder.analyzer, *decision);
    }

    Recorder recorder;
    Stabiliser stabiliser;
    const Decision* decision = nullptr;
    std::uint64_t index = 0;
};

bool same(const ScenePicture& a, const ScenePicture& b) {
    for (int plane = 0; plane < 3; ++plane)
        if (!std::ranges::equal(a.plane(plane), b.plane(plane)))
            return false;
    return true;
}

/// Share of 8x8 luma blocks whose samples are all the same in both.
double unchangedBlocks(const ScenePicture& a, const ScenePicture& b) {
    const Size size = a.view().size;
    int unchanged = 0, blocks = 0;
    for (int y = 0; y + 8 <= size.height; y += 8)
        for (int x = 0; x + 8 <= size.width; x += 8, ++blocks)
            unchanged += errorPower(a, b, {x, y, 8, 8}) == 0 ? 1 : 0;
    return static_cast<double>(unchanged) / blocks;
}

double chromaErrorPower(const ScenePicture& a, const ScenePicture& b) {
    double sum = 0;
    for (int plane = 1; plane < 3; ++plane)
        for (std::size_t i = 0; i < a.plane(plane).size(); ++i)
            sum += std::pow(a.plane(plane)[i] - b.plane(plane)[i], 2);
    return sum / static_cast<double>(2 * a.plane(1).size());
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a still picture converges to the truth within forty pictures and stays there") {
        for (const SceneNoiseLevel& noise : {SceneNoiseLevel{.shot = 0.03, .read = 2, .grain = 1},
                                             SceneNoiseLevel{.shot = 0.0, .read = 6, .grain = 1}, kNightNoise}) {
            CAPTURE(noise.read);
            CAPTURE(noise.grain);
            Studio studio(kSize, noise);
            studio.paintTexture();
            Bench bench(kSize);
            ScenePicture out(kSize);
            for (int i = 0; i < 120; ++i) {
                studio.shoot();
                bench.process(studio.shot, out);
                if (i < 40)
                    continue;
                CAPTURE(i);
                REQUIRE(errorPower(out, studio.truth, kAll) < errorPower(studio.shot, studio.truth, kAll) / 8);
                REQUIRE(chromaErrorPower(out, studio.truth) < chromaErrorPower(studio.shot, studio.truth) / 3);
            }
        }
    }

    TEST_CASE("a picture that stands still is bit for bit the one before but for renewals") {
        Studio studio(kSize, {.shot = 0.03, .read = 2, .grain = 1});
        studio.paintTexture();
        Bench bench(kSize);
        ScenePicture out(kSize), before(kSize);
        double unchanged = 0;
        for (int i = 0; i < 150; ++i) {
            studio.shoot();
            bench.process(studio.shot, out);
            if (i >= 50)
                unchanged += unchangedBlocks(out, before) / 100;
            copyPicture(out, before);
        }
        CAPTURE(unchanged);
        CHECK(unchanged > 0.97);
    }

    TEST_CASE("pictures that are dropped teach the background too") {
        Studio studio(kSize, {.shot = 0.0, .read = 4, .grain = 1});
        studio.paintTexture();
        Bench bench(kSize);
        ScenePicture out(kSize);
        studio.shoot();
        bench.process(studio.shot, out);
        for (int i = 0; i < 40; ++i) {
            studio.shoot();
            bench.measure(studio.shot);
            bench.stabiliser.learn(yuvOf(studio.shot), bench.recorder.analyzer);
        }
        studio.shoot();
        bench.process(studio.shot, out);
        CHECK(errorPower(out, studio.truth, kAll) < 2.0);
    }

    TEST_CASE("in place gives the same picture as from one memory to another") {
        for (const Size size : {kSize, Size{322, 182}}) {
            Studio studio(size, kNightNoise);
            studio.paintTexture();
            Bench apart(size), inPlace(size);
            ScenePicture out(size), both(size);
            for (int i = 0; i < 25; ++i) {
                addLuma(studio.truth, {10 * i, 40, 30, 30}, i % 2 ? 40 : -20);
                studio.shoot();
                apart.process(studio.shot, out);
                copyPicture(studio.shot, both);
                inPlace.measure(both);
                inPlace.stabiliser.process(yuvOf(both), yuvOf(both), inPlace.recorder.analyzer, *inPlace.decision);
                REQUIRE(same(out, both));
            }
        }
    }

    TEST_CASE("interleaved chroma gives the same picture as planes") {
        for (const Size size : {kSize, Size{322, 182}}) {
            Studio studio(size, kNightNoise);
            studio.paintTexture();
            Bench planar(size), interleaved(size, ChromaLayout::Interleaved);
            ScenePicture out(size), luma(size);
            const auto count = out.plane(1).size();
            std::vector<std::uint8_t> pairs(2 * count), outPairs(2 * count);
            for (int i = 0; i < 20; ++i) {
                addLuma(studio.truth, {10 * i, 40, 30, 30}, i % 2 ? 40 : -20);
                studio.shoot();
                planar.process(studio.shot, out);
                for (std::size_t c = 0; c < count; ++c) {
                    pairs[2 * c] = studio.shot.plane(1)[c];
                    pairs[2 * c + 1] = studio.shot.plane(2)[c];
                }
                YuvView in = yuvOf(studio.shot), to = yuvOf(luma);
                in.chroma[0] = pairs.data();
                to.chroma[0] = outPairs.data();
                in.chroma[1] = to.chroma[1] = nullptr;
                in.chromaStrideBytes = to.chromaStrideBytes = size.width;
                interleaved.measure(studio.shot);
                interleaved.stabiliser.process(in, to, interleaved.recorder.analyzer, *interleaved.decision);
                REQUIRE(std::ranges::equal(out.plane(0), luma.plane(0)));
                for (std::size_t c = 0; c < count; ++c) {
                    REQUIRE(outPairs[2 * c] == out.plane(1)[c]);
                    REQUIRE(outPairs[2 * c + 1] == out.plane(2)[c]);
                }
            }
        }
    }

    TEST_CASE("rows may be further apart than they are long and what lies between stays untouched") {
        constexpr std::ptrdiff_t kStride = kSize.width + 32;
        Studio studio(kSize, kDayNoise);
        studio.paintTexture();
        Bench plain(kSize), padded(kSize);
        ScenePicture out(kSize);
        const auto samples = static_cast<std::size_t>(kStride) * static_cast<std::size_t>(kSize.height);
        std::vector<std::uint8_t> luma(samples, 99), chroma(samples, 99);
        for (int i = 0; i < 12; ++i) {
            studio.shoot();
            plain.process(studio.shot, out);
            padded.measure(studio.shot);
            YuvView to;
            to.luma = luma.data();
            to.chroma[0] = chroma.data();
            to.chroma[1] = chroma.data() + kStride / 2;
            to.lumaStrideBytes = to.chromaStrideBytes = kStride;
            padded.stabiliser.process(yuvOf(studio.shot), to, padded.recorder.analyzer, *padded.decision);
            for (int y = 0; y < kSize.height; ++y) {
                const std::uint8_t* row = luma.data() + y * kStride;
                REQUIRE(std::equal(row, row + kSize.width, lumaOf(out).row(y)));
                REQUIRE(std::all_of(row + kSize.width, row + kStride, [](int value) { return value == 99; }));
            }
        }
    }

    TEST_CASE("sizes that are no multiple of a block are stabilised up to their edges") {
        for (const Size size : {Size{648, 376}, Size{640, 366}}) {
            CAPTURE(size.width);
            Studio studio(size, {.shot = 0.0, .read = 3, .grain = 1});
            Bench bench(size);
            ScenePicture out(size);
            for (int i = 0; i < 50; ++i) {
                studio.shoot();
                bench.process(studio.shot, out);
            }
            CHECK(errorPower(out, studio.truth, {size.width - 4, 0, 4, size.height}) < 9.0 / 8);
            CHECK(errorPower(out, studio.truth, {0, size.height - 2, size.width, 2}) < 9.0 / 8);
        }
    }

    TEST_CASE("when the camera moves nothing is frozen") {
        Studio studio(kSize, kDayNoise);
        Bench bench(kSize);
        ScenePicture out(kSize), before(kSize);
        const double noise = 0.012 * 110 + 0.64;
        for (int i = 0; i < 40; ++i) {
            const int shift = std::max(0, i - 30) * 5;
            studio.paintTexture(50, 24, shift, shift / 3);
            fillLuma(studio.truth, {0, 0, 160, 96}, 110);  // nothing to see there, and yet not still
            studio.shoot();
            bench.process(studio.shot, out);
            if (shift > 0) {
                CAPTURE(i);
                REQUIRE(bench.decision->measurement.cameraMoved);
                CHECK(unchangedBlocks(out, before) < 0.02);
                CHECK(errorPower(out, studio.truth, kAll) < 1.5 * noise);
            }
            copyPicture(out, before);
        }
    }

    TEST_CASE("the first picture after a scene cut shows the new scene") {
        Studio studio(kSize, kDayNoise);
        studio.paintTexture(60, 24);
        Bench bench(kSize);
        ScenePicture out(kSize);
        for (int i = 0; i < 40; ++i) {
            studio.shoot();
            bench.process(studio.shot, out);
        }
        studio.paintTexture(60, 24, 5000, 3000);
        studio.shoot();
        bench.process(studio.shot, out);
        REQUIRE(bench.decision->measurement.sceneCut);
        CHECK(errorPower(out, studio.truth, kAll) < 1.2 * (0.012 * 110 + 0.64));
    }

    TEST_CASE("a first picture goes through nearly as it is") {
        Studio studio(kSize, kNightNoise);
        studio.paintTexture();
        studio.shoot();
        Bench bench(kSize);
        ScenePicture out(kSize);
        bench.process(studio.shot, out);
        CHECK(errorPower(out, studio.shot, kAll) <= 1.0);
    }
}
