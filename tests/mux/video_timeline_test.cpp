#include "mux/video_timeline.h"

#include <doctest/doctest.h>

#include <vector>

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr CaptureTime kStart{std::chrono::hours(5)};
constexpr std::int64_t kTicks = VideoTimeline::kTicksPerSecond;

Packet packet(std::chrono::nanoseconds presentation, std::chrono::nanoseconds decode) {
    Packet result;
    result.presentation = kStart + presentation;
    result.decode = kStart + decode;
    return result;
}

std::vector<TimedPacket> popAll(VideoTimeline& timeline) {
    std::vector<TimedPacket> result;
    while (auto next = timeline.pop())
        result.push_back(std::move(*next));
    return result;
}

/// What holds for any track: times rise, nothing is shown before it is decoded.
void checkOrder(const std::vector<TimedPacket>& packets) {
    for (std::size_t i = 0; i < packets.size(); ++i) {
        CHECK(packets[i].decode <= packets[i].presentation);
        CHECK(packets[i].duration > 0);
        if (i > 0)
            CHECK(packets[i].decode > packets[i - 1].decode);
    }
}

TEST_SUITE("unit") {
    TEST_CASE("the first frame is shown at zero") {
        VideoTimeline timeline;
        CHECK_FALSE(timeline.started());
        timeline.push(packet(0s, 0s));
        CHECK(timeline.started());
        CHECK(timeline.first() == kStart);
        timeline.end(kStart + 1s);
        const auto packets = popAll(timeline);
        REQUIRE(packets.size() == 1);
        CHECK(packets[0].presentation == 0);
        CHECK(packets[0].decode == 0);
        CHECK(packets[0].duration == kTicks);
    }

    TEST_CASE("without reordering one packet is held until the next one's time is known") {
        VideoTimeline timeline;
        timeline.push(packet(0s, 0s));
        CHECK_FALSE(timeline.pop());
        timeline.push(packet(10s, 10s));
        const auto first = timeline.pop();
        REQUIRE(first);
        CHECK(first->duration == 10 * kTicks);
        CHECK_FALSE(timeline.pop());
    }

    TEST_CASE("captures within one tick stay two samples") {
        VideoTimeline timeline;
        timeline.push(packet(0ns, 0ns));
        timeline.push(packet(1ns, 1ns));
        timeline.push(packet(2ns, 2ns));
        timeline.end(kStart + 3ns);
        const auto packets = popAll(timeline);
        REQUIRE(packets.size() == 3);
        checkOrder(packets);
    }

    TEST_CASE("times are rounded one by one and never drift") {
        VideoTimeline timeline;
        constexpr std::chrono::nanoseconds kInterval{33'333'333};
        std::vector<TimedPacket> packets;
        for (int i = 0; i < 100'000; ++i) {
            timeline.push(packet(i * kInterval, i * kInterval));
            while (auto next = timeline.pop())
                packets.push_back(std::move(*next));
        }
        CHECK(packets.back().presentation == (99'998 * kInterval.count() * 9 + 50'000) / 100'000);
    }

    TEST_CASE("with B-frames the picture shown last is followed by a step that ends at the end") {
        // Decoded: I0 P3 B1 B2 P6 B4 B5, at 40 ms.
        for (const auto stands : {1ms, 40ms, 100ms, 900ms}) {
            CAPTURE(stands.count());
            VideoTimeline timeline;
            const int order[] = {0, 3, 1, 2, 6, 4, 5};
            for (int i = 0; i < 7; ++i)
                timeline.push(packet(order[i] * 40ms, (i - 1) * 40ms));
            const std::int64_t end = (240 + stands.count()) * kTicks / 1000;
            timeline.end(kStart + 240ms + stands);
            const auto packets = popAll(timeline);
            REQUIRE(packets.size() == 7);
            checkOrder(packets);
            CHECK(packets[4].duration == end - packets[4].presentation);
            // What a reader adds up. A decode time can only make room as far as there is room.
            if (stands <= 40ms)
                CHECK(packets[5].decode - packets[4].decode == packets[4].duration);
            CHECK(packets[6].decode + packets[6].duration - packets[0].decode >= end);
            for (const TimedPacket& timed : packets)
                CHECK(timed.presentation + timed.duration <= end);
        }
    }

    TEST_CASE("an end before the last picture still shows it") {
        VideoTimeline timeline;
        timeline.push(packet(0s, 0s));
        timeline.push(packet(1s, 1s));
        timeline.end(kStart);
        const auto packets = popAll(timeline);
        REQUIRE(packets.size() == 2);
        CHECK(packets[1].duration == 1);
    }
}

}  // namespace
}  // namespace smartcodec::test
