#include "capture/scene_source.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <vector>

#include "capture/scene.h"
#include "capture/scene_script.h"
#include "tests/capture/recording_sink.h"
#include "tests/capture/scene_picture.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{160, 90};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the scene source delivers the scene's frames with exact times until its duration") {
        const SceneConfig config{.size = kSize, .frameRate = {30000, 1001}, .duration = 1s};
        const auto source = openScene(config);
        test::RecordingSink sink;
        sink.keep = true;
        REQUIRE(source->run(sink, {}).ok());
        REQUIRE(sink.kept.size() == 30);
        Scene scene(describeScene(config), kSize, config.frameRate);
        ScenePicture expected(kSize);
        for (std::size_t i = 0; i < sink.kept.size(); ++i) {
            const Frame& frame = sink.kept[i];
            CHECK(frame->sequence == i);
            CHECK(frame->time.time_since_epoch().count() == static_cast<std::int64_t>(i) * 1001 * 1000000 / 30);
            CHECK(frame->duration == scene.time(i + 1) - scene.time(i));
            CHECK(frame->picture.writable);
            CHECK(frame->picture.size == kSize);
        }
        scene.render(29, expected.view());
        const Plane& luma = sink.kept[29]->picture.planes[0];
        for (std::size_t y = 0; y < 90; ++y)
            for (std::size_t x = 0; x < 160; ++x)
                REQUIRE(std::to_integer<std::uint8_t>(luma.data[y * luma.strideBytes + x]) ==
                        expected.plane(0)[y * 160 + x]);
    }

    TEST_CASE("the scene source says what it delivers") {
        const auto source = openScene({.script = "night", .size = kSize, .duration = 2s});
        CHECK(source->info().name == "scene night");
        CHECK(source->info().format == kYuv420);
        CHECK(source->info().size == kSize);
        CHECK_FALSE(source->info().live);
        CHECK(source->info().duration == 2s);
        CHECK(source->info().color.matrix == 1);
        CHECK_FALSE(source->info().color.fullRange);
    }

    TEST_CASE("the scene source ends when asked to or when nobody wants more") {
        const auto enough = openScene({.size = kSize});
        test::RecordingSink sink;
        sink.wanted = 7;
        CHECK(enough->run(sink, {}).ok());
        CHECK(sink.frames.size() == 7);

        const auto stopped = openScene({.size = kSize});
        std::stop_source stop;
        stop.request_stop();
        test::RecordingSink none;
        CHECK(stopped->run(none, stop.get_token()).ok());
        CHECK(none.frames.empty());
    }

    TEST_CASE("a scene that cannot be is refused when it is opened") {
        CHECK_THROWS_WITH_AS((void)openScene({.script = "moon"}), doctest::Contains("moon"), std::runtime_error);
        CHECK_THROWS_WITH_AS((void)openScene({.size = {1, 1}}), doctest::Contains("1x1"), std::runtime_error);
        CHECK_THROWS_AS((void)openScene({.duration = -1s}), std::runtime_error);
    }
}
