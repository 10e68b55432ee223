#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "capture/scene.h"
#include "capture/scene_math.h"
#include "tests/capture/scene_picture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

// At half of 1080p: what is described in pixels there is halved.
constexpr Size kSize{960, 540};
constexpr FrameRate kRate{25, 1};
constexpr std::size_t kWidth = 960;

SceneDescription grey(int luma = 100) {
    SceneDescription description;
    description.backgrounds = {{.view = SceneView::Plain, .luma = luma}};
    return description;
}

SceneDescription with(SceneEvent event, SceneView view = SceneView::Street) {
    SceneDescription description;
    description.backgrounds = {{.view = view}};
    description.cycle.events = {event};
    return description;
}

std::uint8_t lumaAt(const ScenePicture& picture, std::size_t x, std::size_t y) {
    return picture.plane(0)[y * kWidth + x];
}

bool equal(const ScenePicture& a, const ScenePicture& b) {
    return a.hash() == b.hash();
}

/// Samples of the luma plane that differ, inside and outside a rectangle.
struct Changes {
    int inside = 0;
    int outside = 0;
};
Changes changes(const ScenePicture& a, const ScenePicture& b, std::size_t left, std::size_t top, std::size_t right,
                std::size_t bottom) {
    Changes result;
    for (std::size_t i = 0; i < a.plane(0).size(); ++i) {
        const std::size_t x = i % kWidth;
        const std::size_t y = i / kWidth;
        const bool inside = x >= left && x < right && y >= top && y < bottom;
        if (a.plane(0)[i] != b.plane(0)[i])
            ++(inside ? result.inside : result.outside);
    }
    return result;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an object of a given contrast is where its path says with that contrast") {
        SceneDescription description = grey();
        description.cycle.objects = {{.look = {.width = 40, .height = 20, .contrast = 12, .texture = 0, .softness = 0},
                                      .path = {{0s, 200, 400}, {2s, 600, 400}, {3s, 600, 400}, {4s, 600, 800}}}};
        Scene scene(description, kSize, kRate);
        ScenePicture picture(kSize);
        scene.renderTruth(25, picture.view());
        CHECK(lumaAt(picture, 200, 200) == 112);
        CHECK(lumaAt(picture, 185, 200) == 100);
        CHECK(lumaAt(picture, 215, 200) == 100);

        auto truths = scene.objects(25);
        REQUIRE(truths.size() == 1);
        CHECK(truths[0].moving);
        CHECK(truths[0].speedX == doctest::Approx(100));
        CHECK(truths[0].speedY == doctest::Approx(0));
        CHECK(truths[0].left == 190);
        CHECK(truths[0].width == 20);
        CHECK(truths[0].top == 195);
        CHECK(truths[0].height == 10);
        CHECK(truths[0].contrast == doctest::Approx(12).epsilon(0.1));

        truths = scene.objects(60);
        REQUIRE(truths.size() == 1);
        CHECK_FALSE(truths[0].moving);
        CHECK(truths[0].speedX == doctest::Approx(0));
        CHECK(scene.objects(85).front().speedY == doctest::Approx(200));
        CHECK(scene.objects(100).empty());
    }

    TEST_CASE("an object moves by fractions of a pixel with its texture") {
        SceneDescription description = grey();
        description.cycle.objects = {
            {.look = {.width = 200, .height = 200, .texture = 30}, .path = {{0s, 400, 500}, {10s, 410, 500}}}};
        Scene scene(description, kSize, kRate);
        ScenePicture first(kSize);
        ScenePicture second(kSize);
        scene.renderTruth(0, first.view());
        scene.renderTruth(10, second.view());  // 0.2 samples on
        const Changes moved = changes(first, second, 150, 200, 251, 300);
        CHECK(moved.inside > 2000);
        CHECK(moved.outside == 0);
        scene.renderTruth(50, second.view());  // one sample on
        int differences = 0;
        for (std::size_t y = 210; y < 290; ++y)
            for (std::size_t x = 165; x < 235; ++x)
                differences += lumaAt(first, x, y) != lumaAt(second, x + 1, y) ? 1 : 0;
        CHECK(differences == 0);
    }

    TEST_CASE("the mask covers everything that objects change and nothing far from them") {
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            CAPTURE(seed);
            SceneRandom random(seed);
            SceneDescription description;
            description.backgrounds = {{.view = SceneView::Hall, .seed = 3}};
            constexpr SceneShape kShapes[]{SceneShape::Box, SceneShape::Ellipse, SceneShape::Person, SceneShape::Animal,
                                           SceneShape::Car};
            const Size size{320, 180};
            for (int i = 0; i < 3; ++i) {
                SceneObject object;
                object.look.shape = kShapes[random.integer(0, 4)];
                object.look.width = random.real(20, 400);
                object.look.height = random.real(20, 400);
                object.look.luma = random.integer(40, 220);
                if (random.chance(0.3))
                    object.look.contrast = random.real(-30, 30);
                for (int k = 0; k < 4; ++k)
                    object.path.push_back({std::chrono::milliseconds(k * 400 + i * 100), random.real(-100, 2000),
                                           random.real(-100, 1200)});
                description.cycle.objects.push_back(object);
            }
            Scene scene(description, size, kRate);
            ScenePicture before(size);
            ScenePicture now(size);
            std::vector<std::uint8_t> mask(320 * 180);
            std::size_t missed = 0;
            std::size_t marked = 0;
            std::size_t changed = 0;
            scene.renderTruth(0, before.view());
            for (std::uint64_t index = 1; index < 42; ++index) {
                scene.renderTruth(index, now.view());
                scene.movingMask(index, mask);
                for (std::size_t i = 0; i < mask.size(); ++i) {
                    const bool differs = now.plane(0)[i] != before.plane(0)[i];
                    missed += differs && mask[i] == 0 ? 1 : 0;
                    changed += differs ? 1 : 0;
                    marked += mask[i] != 0 ? 1 : 0;
                }
                std::copy(now.plane(0).begin(), now.plane(0).end(), before.plane(0).begin());
            }
            CHECK(missed == 0);
            CHECK(marked < 3 * changed + 2000);
        }
    }

    TEST_CASE("an object that stands still is not in the mask") {
        SceneDescription description = grey();
        description.cycle.objects = {{.look = {}, .path = {{0s, 400, 400}, {1s, 400, 400}, {2s, 500, 400}}}};
        Scene scene(description, kSize, kRate);
        std::vector<std::uint8_t> mask(kWidth * 540);
        const auto marked = [&](std::uint64_t index) {
            scene.movingMask(index, mask);
            return std::count(mask.begin(), mask.end(), 255);
        };
        CHECK(marked(10) == 0);
        CHECK(marked(30) > 32 * 32);
        CHECK(marked(50) >= 32 * 32);  // it has just gone
        CHECK(marked(51) == 0);
    }

    TEST_CASE("a cycle begins again with what its number gives") {
        SceneDescription description = grey();
        description.period = 1s;
        description.repeat = [](std::uint64_t number) {
            const double y = 100 + 200 * static_cast<double>(number);
            return SceneCycle{{{.look = {}, .path = {{0s, 200, y}, {900ms, 900, y}}}}, {}};
        };
        description.cycle = description.repeat(0);
        Scene scene(description, kSize, kRate);
        CHECK(scene.objects(5).front().top == 34);
        CHECK(scene.objects(55).front().top == 234);
        CHECK(scene.objects(5).front().top == 34);
        CHECK(scene.objects(24).empty());
    }

    TEST_CASE("a lamp brightens its surroundings while it is on") {
        Scene scene(
            with(SceneLamp{.start = 1s, .end = 2s, .x = 400, .y = 400, .radius = 300, .gain = 0.5}, SceneView::Room),
            kSize, kRate);
        ScenePicture off(kSize);
        ScenePicture on(kSize);
        scene.renderTruth(24, off.view());
        scene.renderTruth(25, on.view());
        const auto factor = [&](std::size_t x, std::size_t y) {
            return (lumaAt(on, x, y) - 16.0) / (lumaAt(off, x, y) - 16.0);
        };
        CHECK(factor(200, 200) == doctest::Approx(1.5).epsilon(0.03));
        CHECK(factor(200, 350) == doctest::Approx(1.125).epsilon(0.03));
        CHECK(factor(900, 500) < 1.05);
        scene.renderTruth(50, on.view());
        CHECK(equal(on, off));
    }

    TEST_CASE("exposure changes the whole picture evenly and stays") {
        SceneDescription description = grey();
        description.cycle.events = {SceneExposure{.start = 1s, .end = 3s, .from = 1, .to = 1.5}};
        Scene scene(description, kSize, kRate);
        ScenePicture picture(kSize);
        const auto lumaOf = [&](std::uint64_t index) {
            scene.renderTruth(index, picture.view());
            return static_cast<int>(lumaAt(picture, 500, 300));
        };
        CHECK(lumaOf(25) == 100);
        CHECK(lumaOf(50) == 121);
        CHECK(lumaOf(75) == 142);
        CHECK(lumaOf(500) == 142);
    }

    TEST_CASE("a flash lasts its number of frames at any rate") {
        for (const FrameRate rate : {FrameRate{25, 1}, FrameRate{30000, 1001}, FrameRate{7, 1}}) {
            SceneDescription description = grey();
            description.cycle.events = {SceneFlash{.start = 1s, .frames = 2, .gain = 1.5}};
            description.period = 4s;
            Scene scene(description, {16, 16}, rate);
            ScenePicture picture({16, 16});
            int bright = 0;
            for (std::uint64_t index = 0; scene.time(index) < 8s; ++index) {
                scene.renderTruth(index, picture.view());
                const bool lit = picture.plane(0).front() == 142;
                bright += lit ? 1 : 0;
                if (lit)
                    CHECK(scene.time(index) % 4s >= 1s);
                if (!lit)
                    CHECK(picture.plane(0).front() == 100);
            }
            CHECK(bright == 4);
        }
    }

    TEST_CASE("a cut shows another background from its moment on") {
        SceneDescription description = grey(80);
        description.backgrounds.push_back({.view = SceneView::Plain, .luma = 160});
        description.cycle.events = {SceneCut{.start = 1s, .background = 1}};
        Scene scene(description, kSize, kRate);
        ScenePicture picture(kSize);
        scene.renderTruth(24, picture.view());
        CHECK(lumaAt(picture, 5, 5) == 80);
        scene.renderTruth(25, picture.view());
        CHECK(lumaAt(picture, 5, 5) == 160);
    }

    TEST_CASE("a pan moves the whole picture by whole and broken pixels and stays") {
        Scene scene(with(ScenePan{.start = 0s, .end = 10s, .x = 500, .y = 0}), kSize, kRate);
        ScenePicture still(kSize);
        ScenePicture moved(kSize);
        scene.renderTruth(0, still.view());
        scene.renderTruth(25, moved.view());  // 50 pixels at 1080p
        int differences = 0;
        for (std::size_t y = 0; y < 540; ++y)
            for (std::size_t x = 0; x < kWidth - 25; ++x)
                differences += lumaAt(still, x + 25, y) != lumaAt(moved, x, y) ? 1 : 0;
        CHECK(differences == 0);
        scene.renderTruth(26, still.view());  // and one more
        CHECK_FALSE(equal(still, moved));
        scene.renderTruth(250, still.view());
        scene.renderTruth(400, moved.view());
        CHECK(equal(still, moved));
    }

    TEST_CASE("a shake moves the picture for its time only") {
        Scene scene(with(SceneShake{.start = 1s, .end = 2s, .amplitude = 10}), kSize, kRate);
        ScenePicture still(kSize);
        ScenePicture shaken(kSize);
        scene.renderTruth(0, still.view());
        int different = 0;
        for (std::uint64_t index = 26; index < 49; ++index) {
            scene.renderTruth(index, shaken.view());
            different += equal(still, shaken) ? 0 : 1;
        }
        CHECK(different > 18);
        for (const std::uint64_t index : {24U, 50U, 90U}) {
            scene.renderTruth(index, shaken.view());
            CHECK(equal(still, shaken));
        }
    }

    TEST_CASE("infrared takes the colour and doubles the noise") {
        SceneDescription description = grey(128);
        description.noise = {.shot = 0, .read = 2};
        description.cycle.events = {SceneInfrared{.start = 1s, .end = 2s, .gain = 1, .noise = 2}};
        Scene scene(description, kSize, kRate);
        ScenePicture picture(kSize);
        const auto deviation = [&](std::uint64_t index, int plane) {
            scene.render(index, picture.view());
            double squares = 0;
            for (const std::uint8_t value : picture.plane(plane))
                squares += (value - 128.0) * (value - 128.0);
            return std::sqrt(squares / static_cast<double>(picture.plane(plane).size()));
        };
        CHECK(deviation(24, 0) == doctest::Approx(2).epsilon(0.03));
        CHECK(deviation(25, 0) == doctest::Approx(4).epsilon(0.03));
        CHECK(deviation(24, 1) == doctest::Approx(1).epsilon(0.03));
        CHECK(deviation(25, 1) == 0);
    }

    TEST_CASE("rain brightens streaks that fall") {
        Scene scene(with(SceneRain{.start = 1s, .end = 2s}), kSize, kRate);
        ScenePicture dry(kSize);
        ScenePicture wet(kSize);
        ScenePicture next(kSize);
        scene.renderTruth(24, dry.view());
        scene.renderTruth(30, wet.view());
        scene.renderTruth(31, next.view());
        const int streaks = changes(dry, wet, 0, 0, kWidth, 540).inside;
        CHECK(streaks > 3000);
        CHECK(streaks < 60000);
        CHECK_FALSE(equal(wet, next));
        int darker = 0;
        for (std::size_t i = 0; i < dry.plane(0).size(); ++i)
            darker += wet.plane(0)[i] < dry.plane(0)[i] ? 1 : 0;
        CHECK(darker == 0);
        scene.renderTruth(50, wet.view());
        CHECK(equal(wet, dry));
    }

    TEST_CASE("foliage sways inside its rectangle only") {
        SceneDescription description = with(
            SceneFoliage{.start = 1s, .end = 9s, .x = 200, .y = 100, .width = 600, .height = 400}, SceneView::Yard);
        Scene scene(description, kSize, kRate);
        ScenePicture still(kSize);
        ScenePicture moved(kSize);
        scene.renderTruth(0, still.view());
        for (const std::uint64_t index : {25U, 60U, 110U}) {
            scene.renderTruth(index, moved.view());
            const Changes swayed = changes(still, moved, 100, 50, 400, 250);
            CHECK(swayed.inside > 6000);
            CHECK(swayed.outside == 0);
        }
    }

    TEST_CASE("the clock changes once a second and carries no noise") {
        Scene scene(with(SceneClock{.x = 100, .y = 100, .height = 60}), kSize, kRate);
        ScenePicture truth(kSize);
        ScenePicture noisy(kSize);
        ScenePicture later(kSize);
        scene.renderTruth(30, truth.view());
        scene.render(30, noisy.view());
        for (std::size_t y = 50; y < 78; ++y)
            for (std::size_t x = 50; x < 240; ++x)
                REQUIRE(lumaAt(truth, x, y) == lumaAt(noisy, x, y));
        scene.renderTruth(49, later.view());
        CHECK(equal(truth, later));
        scene.renderTruth(50, later.view());
        CHECK(changes(truth, later, 46, 46, 250, 84).inside > 20);
        CHECK(changes(truth, later, 46, 46, 250, 84).outside == 0);
    }
}
