#include "app/load_shedder.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kRoom = 3;
constexpr std::chrono::nanoseconds kFrame = 33ms;

/// Frames one after the other, with so many waiting behind each.
struct Load {
    LoadShedder shedder{kRoom};
    std::chrono::nanoseconds time{0};

    Shedding frames(int count, std::size_t waiting) {
        Shedding last = shedder.current();
        for (int i = 0; i < count; ++i, time += kFrame)
            last = shedder.update(time, waiting);
        return last;
    }
    Shedding seconds(double length, std::size_t waiting) {
        return frames(static_cast<int>(length * 1e9 / static_cast<double>(kFrame.count())), waiting);
    }
    /// Frames with a full queue until so much is left undone.
    int framesUntil(Shedding shedding) {
        int count = 0;
        while (shedder.current() != shedding && count < 1000)
            count += (frames(1, kRoom), 1);
        return count;
    }
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a machine that keeps up leaves nothing undone") {
        Load load;
        CHECK(load.seconds(60, 0) == Shedding::Nothing);
        CHECK(load.seconds(60, 1) == Shedding::Nothing);
    }

    TEST_CASE("the first frames of an encoder may take their time") {
        Load load;
        CHECK(load.frames(20, kRoom) == Shedding::Nothing);
        CHECK(load.seconds(5, 0) == Shedding::Nothing);
    }

    TEST_CASE("an encoder that takes half a second for a frame is relieved after two seconds") {
        LoadShedder shedder(kRoom);
        std::chrono::nanoseconds time{0};
        for (; time < 2s; time += 500ms)
            CHECK(shedder.update(time, kRoom) == Shedding::Nothing);
        CHECK(shedder.update(time, kRoom) == Shedding::Stabiliser);
    }

    TEST_CASE("what is cheapest to lose goes first and each step has time to show what it does") {
        Load load;
        load.seconds(5, 0);
        CHECK(load.frames(1, kRoom - 1) == Shedding::Stabiliser);  // before a frame is lost
        CHECK(load.frames(static_cast<int>(kRoom), kRoom) == Shedding::Stabiliser);
        CHECK(load.frames(1, kRoom) == Shedding::EverySecondLook);
        CHECK(load.framesUntil(Shedding::MostLooks) == static_cast<int>(kRoom) + 1);
        CHECK(load.seconds(10, kRoom) == Shedding::MostLooks);
    }

    TEST_CASE("all of it comes back step by step once nothing has waited for five seconds") {
        Load load;
        load.seconds(2, 0);
        load.framesUntil(Shedding::MostLooks);
        CHECK(load.seconds(4.9, 0) == Shedding::MostLooks);
        CHECK(load.seconds(0.3, 0) == Shedding::EverySecondLook);
        CHECK(load.seconds(5.2, 0) == Shedding::Stabiliser);
        CHECK(load.seconds(5.2, 0) == Shedding::Nothing);
    }

    TEST_CASE("a wait begins the five seconds anew") {
        Load load;
        load.seconds(2, 0);
        load.framesUntil(Shedding::Stabiliser);
        load.seconds(4, 0);
        load.frames(1, 1);
        CHECK(load.seconds(4.5, 0) == Shedding::Stabiliser);
        CHECK(load.seconds(1, 0) == Shedding::Nothing);
    }

    TEST_CASE("what proved too early takes twice as long the next time and never more than a minute") {
        Load load;
        load.seconds(2, 0);
        double waited = 5;
        for (int round = 0; round < 6; ++round) {
            load.framesUntil(Shedding::Stabiliser);
            CAPTURE(round);
            CHECK(load.seconds(waited - 0.2, 0) == Shedding::Stabiliser);
            CHECK(load.seconds(0.5, 0) == Shedding::Nothing);
            waited = std::min(2 * waited, 60.0);
        }
        // that long ago, it was something else
        load.seconds(150, 0);
        load.framesUntil(Shedding::Stabiliser);
        CHECK(load.seconds(5.2, 0) == Shedding::Nothing);
    }

    TEST_CASE("which frames are looked at follows from how much is left undone") {
        const auto looks = [](Shedding shedding) {
            int count = 0;
            for (std::uint64_t number = 0; number < 100; ++number)
                count += isLookedAt(shedding, number) ? 1 : 0;
            return count;
        };
        CHECK(looks(Shedding::Nothing) == 100);
        CHECK(looks(Shedding::Stabiliser) == 100);
        CHECK(looks(Shedding::EverySecondLook) == 50);
        CHECK(looks(Shedding::MostLooks) == 25);
    }
}
