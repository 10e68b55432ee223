#include "encoder/frame_timeline.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace smartcodec {
namespace {

using std::chrono::milliseconds;

CaptureTime ms(std::int64_t value) {
    return CaptureTime(milliseconds(value));
}

TEST_SUITE("unit") {
    TEST_CASE("packets get the capture times of their frames and decoding order in front of the first frame") {
        FrameTimeline timeline({25, 1});
        const std::vector<std::int64_t> captured{1000, 1040, 4000, 4011, 9000};
        for (std::size_t i = 0; i < captured.size(); ++i)
            CHECK(timeline.add(ms(captured[i])) == static_cast<std::int64_t>(i));
        // Two B-frames, one of them a reference: I0 P4 B2 b1 b3.
        const std::vector<std::pair<int, int>> labels{{0, -2}, {4, -1}, {2, 0}, {1, 1}, {3, 2}};
        const std::vector<std::int64_t> decode{920, 960, 1000, 1040, 4000};
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const auto times = timeline.packetTimes(labels[i].first, labels[i].second);
            REQUIRE(times);
            CHECK(times->presentation == ms(captured[static_cast<std::size_t>(labels[i].first)]));
            CHECK(times->decode == ms(decode[i]));
            CHECK(times->decode <= times->presentation);
        }
    }

    TEST_CASE("decoding times rise strictly and never pass presentation whatever the gaps") {
        std::mt19937 random(7);
        FrameTimeline timeline({30000, 1001});
        constexpr int kMiniGop = 4;
        constexpr int kDelay = 2;
        std::int64_t now = 0;
        std::vector<CaptureTime> captured;
        CaptureTime lastDecode{milliseconds(-100000)};
        std::int64_t decodeNumber = -kDelay;
        const auto take = [&](std::int64_t presentation) {
            const auto times = timeline.packetTimes(presentation, decodeNumber++);
            REQUIRE(times);
            CHECK(times->presentation == captured[static_cast<std::size_t>(presentation)]);
            CHECK(times->decode > lastDecode);
            CHECK(times->decode <= times->presentation);
            lastDecode = times->decode;
        };
        for (int group = 0; group < 200; ++group) {
            for (int i = 0; i < kMiniGop; ++i) {
                now += 1 + static_cast<std::int64_t>(random() % (random() % 8 == 0 ? 5000 : 40));
                captured.push_back(ms(now));
                REQUIRE(timeline.add(captured.back()));
            }
            const std::int64_t first = group * kMiniGop;
            for (const int order : {3, 1, 0, 2})
                take(first + order);
        }
    }

    TEST_CASE("only times that a packet can still ask for are held") {
        FrameTimeline timeline({25, 1});
        for (int i = 0; i < 10000; ++i) {
            REQUIRE(timeline.add(ms(40 * i)));
            if (i >= 20)
                REQUIRE(timeline.packetTimes(i - 20, i - 22));
            CHECK(timeline.held() <= 26);
        }
    }

    TEST_CASE("a frame that is not later than the one before has no place") {
        FrameTimeline timeline({25, 1});
        CHECK(timeline.add(ms(100)) == 0);
        CHECK_FALSE(timeline.add(ms(100)));
        CHECK_FALSE(timeline.add(ms(99)));
        CHECK(timeline.add(ms(101)) == 1);
    }

    TEST_CASE("a packet of a frame that was never given is refused") {
        FrameTimeline timeline({25, 1});
        CHECK_FALSE(timeline.packetTimes(0, 0));
        REQUIRE(timeline.add(ms(0)));
        CHECK_FALSE(timeline.packetTimes(1, 0));
        CHECK_FALSE(timeline.packetTimes(-1, -1));
        CHECK_FALSE(timeline.packetTimes(0, 1));
        CHECK(timeline.packetTimes(0, 0));
    }

    TEST_CASE("spacing is 1 at the nominal rate and with dropped frames and less in a burst") {
        FrameTimeline timeline({25, 1});
        std::int64_t now = 0;
        const auto run = [&](int frames, std::int64_t step) {
            for (int i = 0; i < frames; ++i)
                REQUIRE(timeline.add(ms(now += step)));
            return timeline.spacing();
        };
        CHECK(run(10, 40) == doctest::Approx(1.0));
        CHECK(run(100, 40) == doctest::Approx(1.0));
        CHECK(run(30, 1000) == doctest::Approx(1.0));
        CHECK(run(100, 10) == doctest::Approx(0.25));
    }
}

}  // namespace
}  // namespace smartcodec
