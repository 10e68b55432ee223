#include "capture/stream_timeline.h"

#include <doctest/doctest.h>

#include <vector>

using namespace smartcodec;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

/// Places frames that last 40 ms each.
std::vector<nanoseconds> placed(const std::vector<std::optional<nanoseconds>>& times) {
    StreamTimeline timeline;
    std::vector<nanoseconds> result;
    for (const auto& time : times)
        result.push_back(timeline.place(time, 40ms));
    return result;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("rising times are kept exactly") {
        CHECK(placed({0ms, 33ms, 34ms, 5000ms}) == std::vector<nanoseconds>{0ms, 33ms, 34ms, 5000ms});
    }

    TEST_CASE("a track may begin before zero") {
        CHECK(placed({-21ms, 0ms}) == std::vector<nanoseconds>{-21ms, 0ms});
    }

    TEST_CASE("a missing time is the end of the frame before") {
        CHECK(placed({{}, {}, {}, 500ms, {}}) == std::vector<nanoseconds>{0ms, 40ms, 80ms, 500ms, 540ms});
    }

    TEST_CASE("made up times do not drift") {
        StreamTimeline timeline;
        const StreamTimeline::Duration thirtieth(1'000'000'000'000 / 30);
        nanoseconds last{};
        for (int i = 0; i <= 30 * 3600; ++i)
            last = timeline.place({}, thirtieth);
        CHECK(3600s - last < 100ns);
    }

    TEST_CASE("a repeated time becomes a moment of its own and the next keeps its exact time") {
        CHECK(placed({0ms, 40ms, 40ms, 80ms}) == std::vector<nanoseconds>{0ms, 40ms, 60ms, 80ms});
    }

    TEST_CASE("a time a little behind is moved after the one before") {
        CHECK(placed({0ms, 80ms, 40ms, 120ms}) == std::vector<nanoseconds>{0ms, 80ms, 100ms, 120ms});
    }

    TEST_CASE("a clock that stands still does not make the video run fast") {
        CHECK(placed({0ms, 0ms, 0ms, 0ms}) == std::vector<nanoseconds>{0ms, 20ms, 60ms, 100ms});
    }

    TEST_CASE("a clock that starts again is carried on with its own spacing") {
        CHECK(placed({9000ms, 9040ms, 0ms, 33ms, 70ms}) ==
              std::vector<nanoseconds>{9000ms, 9040ms, 9080ms, 9113ms, 9150ms});
    }

    TEST_CASE("times rise even where nothing lasts") {
        StreamTimeline timeline;
        nanoseconds last = timeline.place(0ms, {});
        for (int i = 0; i < 5; ++i) {
            const nanoseconds next = timeline.place(0ms, {});
            CHECK(next > last);
            last = next;
        }
    }
}
