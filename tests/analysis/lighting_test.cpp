#include "analysis/lighting.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{640, 360};

struct Watched {
    int keyFrames = 0;
    int cuts = 0;
    int moved = 0;
    int lighting = 0;
    int motion = 0;
    int frames = 0;
};

Watched watch(Rehearsal& rehearsal, double from, double to) {
    Watched result;
    while (rehearsal.index < frames(to)) {
        const Decision& decision = rehearsal.next();
        if (rehearsal.index <= frames(from))
            continue;
        ++result.frames;
        result.keyFrames += decision.keyFrame ? 1 : 0;
        result.cuts += decision.measurement.sceneCut ? 1 : 0;
        result.moved += decision.measurement.cameraMoved ? 1 : 0;
        result.lighting += decision.measurement.lighting || decision.reason == FrameReason::Lighting ? 1 : 0;
        result.motion += decision.reason == FrameReason::Motion ? 1 : 0;
    }
    return result;
}

SceneObject walker(double from, double to) {
    const auto at = [](double seconds) { return std::chrono::milliseconds(static_cast<int>(seconds * 1000)); };
    return {.look = {.shape = SceneShape::Person, .width = 240, .height = 520, .luma = 70, .texture = 7},
            .path = {{.time = at(from), .x = 500, .y = 700}, {.time = at(to), .x = 1400, .y = 700}}};
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the gain of every tile is measured and interpolated between them") {
        Studio studio(kSize, {.shot = 0, .read = 1, .grain = 1}, 100);
        CellGrid before, now;
        computeCells(lumaOf(studio.truth), before);
        addLuma(studio.truth, {0, 0, 320, 360}, 20);
        computeCells(lumaOf(studio.truth), now);
        Noise noise;
        noise.sample.fill(1);
        LightingField field;
        measureLighting(now, before, noise, field);
        REQUIRE(field.columns == 10);
        REQUIRE(field.rows == 6);
        CHECK(field.gain[2 * 10 + 1] == doctest::Approx(1.2).epsilon(0.01));
        CHECK(field.gain[2 * 10 + 8] == doctest::Approx(1.0).epsilon(0.001));
        CHECK(field.changedShare == doctest::Approx(0.5));
        CHECK(field.peakContrast == doctest::Approx(20));
        std::vector<std::uint16_t> gains(160);
        interpolateGains(field, 40, 160, gains.data());
        CHECK(gains[8] / 4096.0 == doctest::Approx(1.2).epsilon(0.01));
        CHECK(gains[80] / 4096.0 == doctest::Approx(1.1).epsilon(0.02));
        CHECK(gains[159] / 4096.0 == doctest::Approx(1.0).epsilon(0.001));
    }

    TEST_CASE("one tile that an object fills is no lighting") {
        Studio studio(kSize, {.shot = 0, .read = 1, .grain = 1}, 100);
        CellGrid before, now;
        computeCells(lumaOf(studio.truth), before);
        fillLuma(studio.truth, {128, 128, 64, 64}, 200);
        computeCells(lumaOf(studio.truth), now);
        Noise noise;
        noise.sample.fill(1);
        LightingField field;
        measureLighting(now, before, noise, field);
        CHECK(field.gain[2 * 10 + 2] == doctest::Approx(1.0));
        CHECK(field.medianGain == doctest::Approx(1.0));
    }

    TEST_CASE("a step of the exposure is lighting and neither a key frame nor a movement of the camera") {
        for (const double gain : {0.7, 0.9, 1.1, 1.2}) {
            CAPTURE(gain);
            SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
            description.cycle.events = {SceneExposure{.start = 4s, .end = 4s, .from = 1, .to = gain}};
            Rehearsal rehearsal(description, kSize);
            REQUIRE(watch(rehearsal, 0.04, 4).lighting == 0);
            const Watched result = watch(rehearsal, 4, 6);
            CHECK(result.lighting >= 1);
            CHECK(result.keyFrames == 0);
            CHECK(result.cuts == 0);
            CHECK(result.moved == 0);
        }
    }

    TEST_CASE("exposure that drifts is lighting and neither a key frame nor a movement of the camera") {
        SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
        description.cycle.events = {SceneExposure{.start = 4s, .end = 6s, .from = 1, .to = 1.25}};
        Rehearsal rehearsal(description, kSize);
        const Watched result = watch(rehearsal, 4, 7);
        CHECK(result.lighting >= 5);
        CHECK(result.keyFrames == 0);
        CHECK(result.moved == 0);
    }

    TEST_CASE("a lamp is no key frame and no scene cut") {
        SceneDescription description = sceneOf(SceneView::Room, kDayNoise);
        description.cycle.events = {SceneLamp{.start = 4s, .end = 6s, .x = 1350, .y = 450, .radius = 620, .gain = 0.7}};
        Rehearsal rehearsal(description, kSize);
        const Watched result = watch(rehearsal, 4, 8);
        CHECK(result.lighting >= 1);
        CHECK(result.keyFrames == 0);
        CHECK(result.cuts == 0);
        CHECK(result.moved == 0);
    }

    TEST_CASE("a flash asks for no key frame") {
        for (const int length : {1, 2}) {
            for (const double gain : {1.4, 1.9}) {
                CAPTURE(length);
                CAPTURE(gain);
                SceneDescription description = sceneOf(SceneView::Room, kDayNoise);
                description.cycle.events = {SceneFlash{.start = 2s, .frames = length, .gain = gain}};
                Rehearsal rehearsal(description, kSize);
                const Watched result = watch(rehearsal, 1, 4);
                CHECK(result.keyFrames == 0);
                CHECK(result.cuts == 0);
            }
        }
    }

    TEST_CASE("who walks while the light changes is still motion") {
        SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
        description.cycle.objects = {walker(4.5, 7)};
        description.cycle.events = {SceneExposure{.start = 4s, .end = 7s, .from = 1, .to = 1.3}};
        Rehearsal rehearsal(description, kSize);
        const Watched result = watch(rehearsal, 4.6, 6.9);
        CHECK(result.motion == result.frames);
        CHECK(result.keyFrames == 0);
    }

    TEST_CASE("who comes with the lamp is still motion") {
        SceneDescription description = sceneOf(SceneView::Room, kDayNoise);
        description.cycle.objects = {walker(4, 6)};
        description.cycle.events = {SceneLamp{.start = 4s, .end = 9s, .x = 1350, .y = 450, .radius = 620, .gain = 0.7}};
        Rehearsal rehearsal(description, kSize);
        const Watched result = watch(rehearsal, 4, 5.9);
        CHECK(result.motion == result.frames);
        CHECK(result.keyFrames == 0);
    }

    TEST_CASE("a step of the gain that the sensor tells is no motion from the first picture on") {
        struct Counts {
            int motion = 0;
            bool first = false;  // the step's own picture
        };
        const auto recordedFor = [](double gain, bool told) {
            const float amplified = static_cast<float>(gain);
            Studio before(kSize, {.shot = 0.012F, .read = 1.2F, .grain = 1}, 90);
            Studio after(kSize, {.shot = 0.012F * amplified, .read = 1.2F * amplified, .grain = 1}, 90);
            before.paintTexture();
            after.paintTexture();
            Analyzer analyzer({.width = kSize.width, .height = kSize.height});
            Decider decider(Recorder::configFor(kSize));
            Counts counts;
            for (int i = 0; i < 90; ++i) {
                Studio& studio = i < 50 ? before : after;
                studio.shoot();
                PictureContext context{.time = i * 40ms, .duration = 40ms};
                if (told)
                    context.sensorGain = i < 50 ? 1.0 : gain;
                analyzer.measure(lumaOf(studio.shot), context);
                const Decision& decision = decider.decide(analyzer);
                if (decision.record)
                    decider.recorded(analyzer);
                const bool moved = i >= 50 && decision.record && decision.reason == FrameReason::Motion;
                counts.motion += moved ? 1 : 0;
                counts.first = counts.first || (moved && i == 50);
            }
            return counts;
        };
        for (const double gain : {1.5, 2.0, 4.0, 6.0}) {
            CAPTURE(gain);
            const Counts told = recordedFor(gain, true);
            CHECK_FALSE(told.first);
            CHECK(told.motion == 0);
        }
        CHECK(recordedFor(4, false).motion > 2);  // what it is worth to be told
    }
}
