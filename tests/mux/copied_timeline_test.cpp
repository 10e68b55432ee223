#include "mux/copied_timeline.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr CaptureTime kFirst{std::chrono::hours(5)};
constexpr std::int64_t kRate = 48000;

/// Packets of `packetTicks` each, the first at `begin` after the first video frame, times rounded to `rounding`.
void pushRun(CopiedTimeline& timeline, std::chrono::nanoseconds begin, int count, std::int64_t packetTicks,
             std::chrono::nanoseconds rounding = 1ns) {
    for (int i = 0; i < count; ++i) {
        const std::chrono::nanoseconds exact =
            begin + std::chrono::nanoseconds(i * packetTicks * 1'000'000'000 / kRate);
        Packet packet;
        packet.stream = 1;
        packet.decode = packet.presentation = kFirst + (exact + rounding / 2) / rounding * rounding;
        timeline.push(std::move(packet), kFirst, packetTicks);
    }
}

std::vector<TimedPacket> popAll(CopiedTimeline& timeline) {
    std::vector<TimedPacket> result;
    while (timeline.nextSeconds())
        result.push_back(timeline.pop());
    return result;
}

TEST_SUITE("unit") {
    TEST_CASE("packets wholly before the first picture go but for what the decoder must have heard") {
        struct Case {
            std::int64_t preroll;
            std::int64_t firstKept;
        };
        for (const Case& c : {Case{0, 0}, Case{1, -960}, Case{960, -960}, Case{961, -1920}, Case{3840, -3840}}) {
            CAPTURE(c.preroll);
            CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = c.preroll});
            pushRun(timeline, -1s, 100, 960);
            timeline.end(std::nullopt);
            const auto packets = popAll(timeline);
            REQUIRE_FALSE(packets.empty());
            CHECK(packets.front().decode == c.firstKept);
        }
    }

    TEST_CASE("a packet that reaches into the first picture's time stays") {
        CopiedTimeline timeline({.ticksPerSecond = kRate});
        pushRun(timeline, -10ms, 3, 960);
        timeline.end(std::nullopt);
        CHECK(popAll(timeline).front().decode == -480);
    }

    TEST_CASE("times that were rounded to milliseconds become contiguous again") {
        CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = 1});
        pushRun(timeline, 0s, 1000, 1024, 1ms);
        timeline.end(std::nullopt);
        const auto packets = popAll(timeline);
        for (std::size_t i = 0; i < packets.size(); ++i)
            CHECK(packets[i].decode == static_cast<std::int64_t>(i) * 1024);
    }

    TEST_CASE("a last packet that is not full ends where its source says") {
        for (const auto& [own, expected] : {std::pair(10ms, 480), std::pair(21ms, 1024), std::pair(0ms, 1024)}) {
            CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = 1});
            Packet packet;
            packet.decode = packet.presentation = kFirst;
            packet.duration = own;
            timeline.push(std::move(packet), kFirst, 1024);
            timeline.end(std::nullopt);
            CHECK(popAll(timeline).at(0).duration == expected);
        }
    }

    TEST_CASE("a gap stays a gap") {
        CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = 1});
        pushRun(timeline, 0s, 2, 960);
        pushRun(timeline, 1s, 2, 960);
        timeline.end(std::nullopt);
        CHECK(popAll(timeline)[2].decode == kRate);
    }

    TEST_CASE("the end cuts what lies behind it and shortens what crosses it") {
        CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = 1});
        pushRun(timeline, 0s, 10, 960);
        timeline.end(1000);
        const auto packets = popAll(timeline);
        REQUIRE(packets.size() == 2);
        CHECK(packets[1].duration == 40);
    }

    TEST_CASE("the newest packet waits for the end") {
        CopiedTimeline timeline({.ticksPerSecond = kRate, .prerollTicks = 1});
        pushRun(timeline, 0s, 1, 960);
        CHECK_FALSE(timeline.nextSeconds());
        timeline.end(std::nullopt);
        CHECK(timeline.nextSeconds());
    }
}

}  // namespace
}  // namespace smartcodec::test
