#include "analysis/analyzer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{640, 360};

SceneDescription eventful() {
    SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
    description.cycle.objects = {{.look = {.shape = SceneShape::Person, .width = 240, .height = 520, .luma = 70},
                                  .path = {{.time = 200ms, .x = 500, .y = 700}, {.time = 2s, .x = 1400, .y = 700}}}};
    description.cycle.events = {SceneLamp{.start = 1s, .end = 1200ms},
                                SceneShake{.start = 1500ms, .end = 2s, .amplitude = 12}};
    return description;
}

void checkSame(const Decision& a, const Decision& b) {
    CHECK(a.record == b.record);
    CHECK(a.reason == b.reason);
    CHECK(a.keyFrame == b.keyFrame);
    CHECK(a.level == b.level);
    CHECK(a.qpMap == b.qpMap);
    CHECK(a.measurement.noiseSigma == b.measurement.noiseSigma);
    CHECK(a.measurement.movingShare == b.measurement.movingShare);
    CHECK(a.measurement.peakContrast == b.measurement.peakContrast);
    CHECK(a.measurement.lightingGain == b.measurement.lightingGain);
    CHECK(a.measurement.shiftX == b.measurement.shiftX);
    CHECK(a.measurement.cameraMoved == b.measurement.cameraMoved);
}

/// A copy of a picture at an odd address with rows an odd number of bytes apart.
struct OddCopy {
    std::vector<std::uint8_t> bytes;
    std::ptrdiff_t stride;
    YuvView view;

    explicit OddCopy(Size size)
        : bytes(static_cast<std::size_t>(size.width + 11) * static_cast<std::size_t>(size.height) * 2 + 3, 200),
          stride(size.width + 11) {
        view.luma = bytes.data() + 3;
        view.chroma[0] = view.luma + stride * size.height;
        view.chroma[1] = view.chroma[0] + stride * size.height / 2;
        view.lumaStrideBytes = view.chromaStrideBytes = stride;
    }
    void take(const YuvView& from, Size size) {
        for (int y = 0; y < size.height; ++y)
            std::memcpy(view.luma + y * stride, from.luma + y * from.lumaStrideBytes,
                        static_cast<std::size_t>(size.width));
        for (int plane = 0; plane < 2; ++plane)
            for (int y = 0; y < size.height / 2; ++y)
                std::memcpy(view.chroma[plane] + y * stride, from.chroma[plane] + y * from.chromaStrideBytes,
                            static_cast<std::size_t>(size.width / 2));
    }
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the same pictures give the same decisions and the same output") {
        Rehearsal first(eventful(), kSize, {.stabilise = true}), second(eventful(), kSize, {.stabilise = true});
        while (first.index < frames(2.2)) {
            const Decision& a = first.next();
            const Decision& b = second.next();
            checkSame(a, b);
            REQUIRE(first.recorder.output().hash() == second.recorder.output().hash());
        }
    }

    TEST_CASE("results do not depend on where a picture lies in memory or how far its rows are apart") {
        Rehearsal plain(eventful(), kSize);
        Stabiliser stabiliser({.width = kSize.width, .height = kSize.height});
        Analyzer oddAnalyzer({.width = kSize.width, .height = kSize.height});
        Decider oddDecider(Recorder::configFor(kSize));
        Stabiliser oddStabiliser({.width = kSize.width, .height = kSize.height});
        ScenePicture out(kSize);
        OddCopy odd(kSize), expected(kSize);
        while (plain.index < frames(2.2)) {
            const Decision& a = plain.next();
            odd.take(yuvOf(plain.picture), kSize);
            oddAnalyzer.measure({odd.view.luma, kSize.width, kSize.height, odd.stride},
                                {.time = plain.scene.time(plain.index - 1)});
            const Decision& b = oddDecider.decide(oddAnalyzer);
            if (b.record)
                oddDecider.recorded(oddAnalyzer);
            checkSame(a, b);
            stabiliser.process(yuvOf(plain.picture), yuvOf(out), plain.recorder.analyzer, a);
            oddStabiliser.process(odd.view, odd.view, oddAnalyzer, b);
            expected.take(yuvOf(out), kSize);
            REQUIRE(odd.bytes == expected.bytes);
        }
    }

    TEST_CASE("a picture of another size starts anew and is recorded") {
        Recorder recorder(kSize);
        Studio large(kSize, kDayNoise), small({320, 180}, kDayNoise);
        large.paintTexture();
        small.paintTexture();
        for (std::uint64_t i = 0; i < 10; ++i) {
            large.shoot();
            recorder.take(large.shot, frameTime(i));
        }
        small.shoot();
        const Decision& decision = recorder.take(small.shot, frameTime(10));
        CHECK(decision.measurement.movingShare == 1);
        CHECK_FALSE(decision.measurement.cameraMoved);
    }

    TEST_CASE("a picture smaller than two cells does no harm") {
        Analyzer analyzer({.width = 16, .height = 16});
        Decider decider(Recorder::configFor({16, 16}));
        std::vector<std::uint8_t> bytes(16 * 16, 90);
        for (int i = 0; i < 5; ++i) {
            bytes[static_cast<std::size_t>(i)] = 91;
            analyzer.measure({bytes.data(), 4, 4, 16}, {.time = frameTime(static_cast<std::uint64_t>(i))});
            (void)decider.decide(analyzer);
            decider.recorded(analyzer);
        }
        CHECK(analyzer.state().measurement.meanLuma == doctest::Approx(90).epsilon(0.02));
    }
}
