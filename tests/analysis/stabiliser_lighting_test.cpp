#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{640, 360};
constexpr Area kAll{0, 0, kSize.width, kSize.height};

/// Largest |out - in| over all samples of luma and chroma.
int largestDifference(const ScenePicture& out, const ScenePicture& in, int plane) {
    int largest = 0;
    for (std::size_t i = 0; i < in.plane(plane).size(); ++i)
        largest = std::max(largest, std::abs(out.plane(plane)[i] - in.plane(plane)[i]));
    return largest;
}

/// Largest difference of the means of 16x16 blocks.
double largestOfBlockMeans(const ScenePicture& out, const ScenePicture& truth) {
    double largest = 0;
    for (int y = 0; y + 16 <= kSize.height; y += 16)
        for (int x = 0; x + 16 <= kSize.width; x += 16)
            largest = std::max(largest, std::abs(meanLuma(out, {x, y, 16, 16}) - meanLuma(truth, {x, y, 16, 16})));
    return largest;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("light that goes on and off is shown at once and nothing runs over") {
        constexpr SceneNoiseLevel kNoise{.shot = 0.02, .read = 1, .grain = 1};
        SceneDescription description = sceneOf(SceneView::Room, kNoise);
        description.cycle.events = {SceneLamp{.start = 1s, .end = 2s, .x = 1350, .y = 450, .radius = 900, .gain = 2.5}};
        Rehearsal rehearsal(description, kSize, {.stabilise = true});
        double worstError = 0, worstMean = 0;
        int worstLuma = 0, worstChroma = 0;
        while (rehearsal.index < frames(3)) {
            const Decision& decision = rehearsal.next();
            if (!decision.record)
                continue;
            rehearsal.renderTruth();
            const ScenePicture& out = rehearsal.recorder.output();
            worstLuma = std::max(worstLuma, largestDifference(out, rehearsal.picture, 0));
            worstChroma = std::max({worstChroma, largestDifference(out, rehearsal.picture, 1),
                                    largestDifference(out, rehearsal.picture, 2)});
            worstError = std::max(worstError, errorPower(out, rehearsal.truth, kAll));
            worstMean = std::max(worstMean, largestOfBlockMeans(out, rehearsal.truth));
        }
        // 4 deviations of the noise at white; the grey level is for rounding
        CHECK(worstLuma <= 12);
        CHECK(worstChroma <= 11);
        CHECK(worstMean <= 1.5);
        CHECK(worstError < 0.02 * 235 + 1);  // never worse than the noise
    }

    TEST_CASE("exposure that drifts is followed within a grey level") {
        for (const double gain : {0.9, 1.1}) {
            CAPTURE(gain);
            SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
            description.cycle.events = {SceneExposure{.start = 1s, .end = 3s, .from = 1, .to = gain}};
            Rehearsal rehearsal(description, kSize, {.stabilise = true});
            double worst = 0;
            while (rehearsal.index < frames(4)) {
                if (!rehearsal.next().record || rehearsal.index < frames(0.7))
                    continue;
                rehearsal.renderTruth();
                worst = std::max(worst, largestOfBlockMeans(rehearsal.recorder.output(), rehearsal.truth));
            }
            CHECK(worst <= 1.0);
        }
    }

    TEST_CASE("a flash is shown as it is and leaves nothing behind") {
        SceneDescription description = sceneOf(SceneView::Room, kDayNoise);
        description.cycle.events = {SceneFlash{.start = 2s, .frames = 1, .gain = 1.8}};
        Rehearsal rehearsal(description, kSize, {.stabilise = true});
        while (rehearsal.index < frames(3)) {
            const Decision& decision = rehearsal.next();
            if (rehearsal.index <= frames(2) || !decision.record)
                continue;
            rehearsal.renderTruth();
            CAPTURE(rehearsal.index);
            CHECK(largestOfBlockMeans(rehearsal.recorder.output(), rehearsal.truth) <= 2.0);
        }
    }
}
