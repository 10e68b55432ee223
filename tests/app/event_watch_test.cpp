#include "app/event_watch.h"

#include <doctest/doctest.h>

#include <vector>

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr auto kPostRoll = 10s;

Decision decision(FrameReason reason, Level level = Level::Low) {
    Decision decision;
    decision.reason = reason;
    decision.level = level;
    return decision;
}

/// A watch that is shown pictures at an even pace, and the marks that it made.
struct Pictures {
    explicit Pictures(std::chrono::milliseconds pace = 40ms) : period(pace) {}

    void show(FrameReason reason, int count = 1, Level level = Level::Low) {
        for (int i = 0; i < count; ++i, time += period) {
            ends += watch.endsAt(time) ? 1 : 0;
            watch.look(time, decision(reason, level));
            if (const std::optional<EventMark> mark = watch.takeMark())
                marks.push_back(*mark);
        }
    }

    EventWatch watch{kPostRoll};
    std::chrono::milliseconds period;
    CaptureTime time{100s};
    std::vector<EventMark> marks;
    int ends = 0;
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an event is motion in three of five pictures and begins with the first of them") {
        Pictures pictures;
        pictures.show(FrameReason::NothingMoved, 50);
        const CaptureTime start = pictures.time;
        pictures.show(FrameReason::Motion);
        pictures.show(FrameReason::MinFrameRate, 2);
        pictures.show(FrameReason::Motion);
        CHECK(pictures.marks.empty());
        CHECK_FALSE(pictures.watch.isOn());
        pictures.show(FrameReason::Motion);
        REQUIRE(pictures.marks.size() == 1);
        CHECK(pictures.marks[0].from == start);
        CHECK(pictures.marks[0].until == start + 4 * 40ms + kPostRoll);
        CHECK(pictures.marks[0].cause.activity == Level::Low);
        CHECK_FALSE(pictures.marks[0].cause.signal);
        CHECK(pictures.watch.isOn());
        CHECK(pictures.watch.takeBeginning());
        CHECK_FALSE(pictures.watch.takeBeginning());
    }

    TEST_CASE("motion in one picture or two is none") {
        Pictures pictures;
        for (int i = 0; i < 20; ++i) {
            pictures.show(FrameReason::Motion, 2);
            pictures.show(FrameReason::NothingMoved, 50);
        }
        CHECK(pictures.marks.empty());
    }

    TEST_CASE("a clock in the picture is none") {
        Pictures pictures;
        for (int i = 0; i < 20; ++i) {
            pictures.show(FrameReason::Motion);
            pictures.show(FrameReason::NothingMoved, 11);
            pictures.show(i % 5 == 0 ? FrameReason::Motion : FrameReason::NothingMoved);  // noise
            pictures.show(FrameReason::NothingMoved, 12);
        }
        CHECK(pictures.marks.empty());
    }

    TEST_CASE("few pictures a second are enough") {
        Pictures pictures(1000ms);
        pictures.show(FrameReason::NothingMoved, 10);
        pictures.show(FrameReason::Motion, 3);
        CHECK(pictures.marks.size() == 1);
    }

    TEST_CASE("what moves slowly is seen by what it does in half a second") {
        Pictures pictures(20ms);
        for (int i = 0; i < 3; ++i) {
            pictures.show(FrameReason::Motion);
            pictures.show(FrameReason::NothingMoved, 11);  // 240 ms between them
        }
        CHECK(pictures.marks.size() == 1);
    }

    TEST_CASE("light and keeping up appearances are no events but a scene cut is one") {
        Pictures pictures;
        pictures.show(FrameReason::FirstFrame, 1, Level::High);
        pictures.show(FrameReason::Lighting, 50);
        pictures.show(FrameReason::KeyFrameDue, 5);
        pictures.show(FrameReason::SmartOff, 50, Level::High);
        CHECK(pictures.marks.empty());
        pictures.show(FrameReason::SceneCut, 1, Level::High);
        REQUIRE(pictures.marks.size() == 1);
        CHECK(pictures.marks[0].cause.activity == Level::High);
    }

    TEST_CASE("an event goes on until nothing has happened for the post-roll and then ends once") {
        Pictures pictures;
        pictures.show(FrameReason::Motion, 3);
        pictures.show(FrameReason::NothingMoved, 200);  // 8 s
        pictures.show(FrameReason::Motion, 3, Level::High);
        CHECK(pictures.marks.back().until == pictures.time - 40ms + kPostRoll);
        CHECK(pictures.marks.back().cause.activity == Level::High);
        CHECK(pictures.watch.takeBeginning());
        pictures.show(FrameReason::NothingMoved, 249);
        CHECK(pictures.watch.isOn());
        CHECK(pictures.ends == 0);
        pictures.show(FrameReason::NothingMoved, 100);
        CHECK(pictures.ends == 1);
        CHECK_FALSE(pictures.watch.isOn());
        CHECK_FALSE(pictures.watch.takeBeginning());
        pictures.show(FrameReason::Motion, 3);
        CHECK(pictures.watch.takeBeginning());
    }

    TEST_CASE("a signal is an event of one post-roll with the next picture whatever that shows") {
        Pictures pictures;
        pictures.watch.signal();
        CHECK_FALSE(pictures.watch.takeMark());
        const CaptureTime start = pictures.time;
        pictures.show(FrameReason::NothingMoved, 2);
        REQUIRE(pictures.marks.size() == 1);
        CHECK(pictures.marks[0].from == start);
        CHECK(pictures.marks[0].until == start + kPostRoll);
        CHECK(pictures.marks[0].cause.signal);
        CHECK(pictures.marks[0].cause.activity == Level::Static);
        pictures.watch.signal();
        pictures.watch.skip(pictures.time);  // nobody has the time to look
        CHECK(pictures.watch.takeMark()->cause.signal);
    }

    TEST_CASE("pictures that nobody can look at any more are all wanted") {
        EventWatch watch(kPostRoll);
        watch.goBlind(CaptureTime(1s));
        const std::optional<EventMark> mark = watch.takeMark();
        REQUIRE(mark);
        CHECK(mark->cause.unwatched);
        CHECK(reasonOf(mark->cause) == "not looked at");
    }

    TEST_CASE("marks that nobody took add up and so do causes") {
        EventWatch watch(kPostRoll);
        watch.signal();
        watch.skip(CaptureTime(1s));
        watch.look(CaptureTime(2s), decision(FrameReason::SceneCut, Level::High));
        const EventMark mark = *watch.takeMark();
        CHECK(mark.from == CaptureTime(1s));
        CHECK(mark.until == CaptureTime(2s) + kPostRoll);
        CHECK(reasonOf(mark.cause) == "signal, activity: high");
        CHECK(reasonOf({.activity = Level::Medium}) == "activity: medium");
        CHECK(reasonOf({.signal = true}) == "signal");
        CHECK_FALSE(joined({}, {}));
        CHECK(joined({}, mark)->from == mark.from);
        CHECK(joined(mark, {})->until == mark.until);
    }
}
