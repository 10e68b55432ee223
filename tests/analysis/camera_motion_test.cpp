#include "analysis/camera_motion.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{640, 360};

struct Count {
    int frames = 0;
    int recorded = 0;
    int moved = 0;
    int cuts = 0;
    int keyFrames = 0;
};

/// What is decided on the frames from `from` until before `to` seconds.
Count watch(Rehearsal& rehearsal, double from, double to) {
    Count count;
    while (rehearsal.index < frames(to)) {
        const Decision& decision = rehearsal.next();
        if (rehearsal.index <= frames(from))
            continue;
        ++count.frames;
        count.recorded += decision.record ? 1 : 0;
        count.moved += decision.measurement.cameraMoved ? 1 : 0;
        count.cuts += decision.measurement.sceneCut ? 1 : 0;
        count.keyFrames += decision.keyFrame ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a shift of the whole picture is camera motion and measured in samples of the main picture") {
        Studio studio(kSize, kDayNoise);
        Recorder recorder(kSize);
        int x = 0, y = 0;
        std::uint64_t index = 0;
        const auto take = [&]() -> const Measurement& {
            studio.paintTexture(50, 24, x, y);
            studio.shoot();
            return recorder.take(studio.shot, frameTime(index++)).measurement;
        };
        for (int i = 0; i < 20; ++i)
            REQUIRE_FALSE(take().cameraMoved);
        for (const auto& [dx, dy] : {std::pair{6, 0}, {0, -5}, {-14, 9}, {31, 2}}) {
            CAPTURE(dx);
            CAPTURE(dy);
            x -= dx;  // the content goes right where the texture is read further left
            y -= dy;
            const Measurement m = take();
            CHECK(m.cameraMoved);
            CHECK_FALSE(m.sceneCut);
            CHECK(std::abs(m.shiftX - dx) < 2.5);  // cells are 4 samples
            CHECK(std::abs(m.shiftY - dy) < 2.5);
            CHECK_FALSE(take().cameraMoved);
        }
    }

    TEST_CASE("a camera that pans drops nothing and asks for no key frame") {
        SceneDescription description = sceneOf(SceneView::Street, kDayNoise);
        description.cycle.events = {ScenePan{.start = 1s, .end = 2s, .x = 240, .y = 20}};
        Rehearsal rehearsal(description, kSize);
        const Count count = watch(rehearsal, 1.05, 1.95);
        CHECK(count.recorded == count.frames);
        CHECK(count.moved == count.frames);
        CHECK(count.keyFrames == 0);
        CHECK(rehearsal.recorder.decider.decide(rehearsal.recorder.analyzer).level == Level::High);
    }

    TEST_CASE("of a camera that trembles only pictures that stand still are dropped") {
        for (const double amplitude : {6.0, 14.0}) {
            CAPTURE(amplitude);
            SceneDescription description = sceneOf(SceneView::Street, kDayNoise);
            description.cycle.events = {SceneShake{.start = 1s, .end = 3s, .amplitude = amplitude}};
            Rehearsal rehearsal(description, kSize);
            (void)watch(rehearsal, 0, 1.4);
            ScenePicture recorded(kSize);
            rehearsal.renderTruth();
            copyPicture(rehearsal.truth, recorded);
            int moved = 0, keyFrames = 0;
            while (rehearsal.index < frames(2.6)) {
                const Decision& decision = rehearsal.next();
                rehearsal.renderTruth();
                if (decision.record)
                    copyPicture(rehearsal.truth, recorded);
                else
                    CHECK(errorPower(rehearsal.truth, recorded, {0, 0, kSize.width, kSize.height}) < 1.0);
                moved += decision.measurement.cameraMoved ? 1 : 0;
                keyFrames += decision.keyFrame ? 1 : 0;
            }
            CHECK(moved >= 1);
            CHECK(keyFrames == 0);
        }
    }

    TEST_CASE("a scene cut asks for exactly one key frame and at the cut") {
        for (const SceneView view : {SceneView::Room, SceneView::Street, SceneView::Yard}) {
            CAPTURE(static_cast<int>(view));
            SceneDescription description = sceneOf(SceneView::Hall, kDayNoise);
            description.backgrounds.push_back({.view = view, .seed = 3});
            description.cycle.events = {SceneCut{.start = 2s, .background = 1}};
            Rehearsal rehearsal(description, kSize);
            REQUIRE(watch(rehearsal, 0.04, 2).keyFrames == 0);
            const Decision decision = rehearsal.next();
            CHECK(decision.record);
            CHECK(decision.reason == FrameReason::SceneCut);
            CHECK(decision.keyFrameReason == KeyFrameReason::SceneCut);
            CHECK(decision.level == Level::High);
            const Count after = watch(rehearsal, 0, 4);
            CHECK(after.keyFrames == 0);
            CHECK(after.cuts == 0);
        }
    }

    TEST_CASE("a large object that passes is not the camera") {
        for (const SceneShape shape : {SceneShape::Box, SceneShape::Car}) {
            CAPTURE(static_cast<int>(shape));
            SceneDescription description = sceneOf(SceneView::Street, kDayNoise);
            // 900x760 of 1920x1080: a third of the picture
            description.cycle.objects = {
                {.look = {.shape = shape, .width = 900, .height = 760, .luma = 90, .texture = 20},
                 .path = {{.time = 500ms, .x = -460, .y = 540}, {.time = 3s, .x = 2380, .y = 540}}}};
            Rehearsal rehearsal(description, kSize);
            const Count count = watch(rehearsal, 0.6, 2.9);
            CHECK(count.moved == 0);
            CHECK(count.cuts == 0);
            CHECK(count.keyFrames == 0);
            CHECK(count.recorded == count.frames);
        }
    }

    TEST_CASE("noise and an empty plain picture are no camera motion") {
        for (const SceneView view : {SceneView::Plain, SceneView::Hall}) {
            Rehearsal rehearsal(sceneOf(view, kNightNoise), kSize);
            const Count count = watch(rehearsal, 0.04, 3);
            CHECK(count.moved == 0);
            CHECK(count.cuts == 0);
        }
    }
}
