#include "app/hold_stage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/app/held_packets.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kFrame = 100ms;
constexpr std::size_t kBytes = 744;  // with what is kept about it 1000
const std::vector<std::byte> kSets{std::byte{1}};
const std::vector<std::byte> kOtherSets{std::byte{2}};

std::chrono::milliseconds inMilliseconds(CaptureTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
}

/// What came of one file.
struct Written {
    NewFile begin = {};
    std::vector<std::chrono::milliseconds> pictures = {};
    std::vector<std::chrono::milliseconds> keys = {};
    std::vector<std::chrono::milliseconds> sounds = {};
    std::optional<FileEnd> end = {};
};

/// A HoldStage between a test's items and a disk that takes nothing before the end.
class Hold {
  public:
    explicit Hold(HoldStage::Config config, std::size_t items = 10'000)
        : out_(items), stage_(with(config), in_, out_, [this] { ++asked; }) {}

    void picture(std::chrono::milliseconds time, bool key = false, std::optional<EventMark> mark = {}) {
        in_.put(Encoded{.packet = makePacket(0, CaptureTime(time), bytes, key), .motion = 10ms, .mark = mark});
    }
    /// From `from` until `until`, with a key frame each second of the clock.
    void pictures(std::chrono::milliseconds from, std::chrono::milliseconds until) {
        for (; from < until; from += kFrame)
            picture(from, from % 1000ms == 0ms);
    }
    /// As above, with an event that is marked with the first of them.
    void event(std::chrono::milliseconds from, std::chrono::milliseconds until, std::chrono::milliseconds postRoll,
               EventCause cause = {.activity = Level::Low}) {
        picture(from, from % 1000ms == 0ms, markAt(from, postRoll, cause));
        pictures(from + kFrame, until);
    }
    void sounds(std::chrono::milliseconds from, std::chrono::milliseconds until) {
        for (; from < until; from += 50ms)
            in_.put(makePacket(1, CaptureTime(from), 100));
    }
    void newFile(const std::vector<std::byte>& sets, std::chrono::milliseconds start, std::uint64_t segment = 0) {
        in_.put(NewFile{.parameterSets = sets, .start = CaptureTime(start), .segment = segment});
    }
    static EventMark markAt(std::chrono::milliseconds from, std::chrono::milliseconds postRoll,
                            EventCause cause = {.activity = Level::Low}) {
        return {.from = CaptureTime(from), .until = CaptureTime(from + postRoll), .cause = cause};
    }

    /// The files; the first is the one that the recording begins with.
    std::vector<Written> run(std::chrono::milliseconds end, std::optional<EventMark> mark = {}) {
        in_.put(End{.time = CaptureTime(end), .mark = mark});
        stage_.run();
        std::vector<Written> files(1);
        for (WriteItem item; out_.tryTake(item);) {
            REQUIRE_FALSE(last);  // nothing comes behind the end
            if (const auto* file = std::get_if<NewFile>(&item))
                files.push_back({.begin = *file});
            Written& file = files.back();
            if (const auto* packet = std::get_if<Packet>(&item)) {
                REQUIRE_FALSE(file.end);
                const auto time = inMilliseconds(packet->presentation);
                (packet->stream == 0 ? file.pictures : file.sounds).push_back(time);
                if (packet->keyFrame)
                    file.keys.push_back(time);
            }
            if (const auto* fileEnd = std::get_if<FileEnd>(&item))
                file.end = *fileEnd;
            if (const auto* theEnd = std::get_if<End>(&item))
                last = *theEnd;
        }
        REQUIRE(last);
        return files;
    }
    [[nodiscard]] const HoldStage& stage() const { return stage_; }

    int asked = 0;
    std::size_t bytes = kBytes;
    std::optional<End> last;

  private:
    static HoldStage::Config with(HoldStage::Config config) {
        config.parameterSets = kSets;
        return config;
    }

    Queue<HoldItem> in_{10'000};
    Queue<WriteItem> out_;
    HoldStage stage_;
};

HoldStage::Config events(std::chrono::milliseconds preRoll) {
    return {.mayDrop = true, .events = EventSettings{.preRoll = preRoll}};
}

/// Whether the pictures are all those from `from` until `until`, in order.
bool isWhole(const std::vector<std::chrono::milliseconds>& times, std::chrono::milliseconds from,
             std::chrono::milliseconds until) {
    std::vector<std::chrono::milliseconds> expected;
    for (; from < until; from += kFrame)
        expected.push_back(from);
    return times == expected;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("without events everything is handed on in order") {
        for (const bool live : {false, true}) {
            Hold hold({.mayDrop = live});
            hold.sounds(0ms, 1000ms);
            hold.pictures(0ms, 3000ms);
            hold.newFile(kSets, 3000ms, 1);
            hold.pictures(3000ms, 4000ms);
            const std::vector<Written> files = hold.run(4000ms);
            REQUIRE(files.size() == 2);
            CHECK(isWhole(files[0].pictures, 0ms, 3000ms));
            CHECK(files[0].sounds.size() == 20);
            CHECK(isWhole(files[1].pictures, 3000ms, 4000ms));
            CHECK(files[1].begin.segment == 1);
            CHECK(files[1].begin.motion == 300ms);
            CHECK(hold.last->motion == 100ms);
            CHECK_FALSE(files[1].begin.event);
            CHECK(hold.stage().busyPictures() == 0);
            CHECK(hold.stage().idlePictures() == 0);
        }
    }

    TEST_CASE("while nothing happens nothing is written") {
        Hold hold(events(2s));
        hold.sounds(0ms, 10'000ms);
        hold.pictures(0ms, 10'000ms);
        const std::vector<Written> files = hold.run(10'000ms);
        REQUIRE(files.size() == 1);
        CHECK(files[0].pictures.empty());
        CHECK(files[0].sounds.empty());
        CHECK(files[0].end);
        CHECK(hold.stage().idlePictures() == 100);
        CHECK(hold.stage().events() == 0);
        CHECK_FALSE(hold.last->event);
    }

    TEST_CASE("an event has its pre-roll from a key frame on and ends with the first one after the post-roll") {
        Hold hold(events(2s));
        hold.pictures(0ms, 10'300ms);
        hold.event(10'300ms, 20'000ms, 3s, {.activity = Level::Medium});
        const std::vector<Written> files = hold.run(20'000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 8000ms, 14'000ms));
        CHECK(files[1].begin.start == CaptureTime(8s));
        CHECK(files[1].begin.parameterSets == kSets);
        CHECK(files[1].begin.recordingStart == CaptureTime(0s));
        REQUIRE(files[1].begin.event);
        CHECK(files[1].begin.event->number == 1);
        CHECK(files[1].begin.event->cause.activity == Level::Medium);
        REQUIRE(files[1].end);
        CHECK(files[1].end->time == CaptureTime(14s));
        CHECK(files[1].end->motion == 600ms);
        CHECK(files[1].end->event->number == 1);
        CHECK(hold.stage().events() == 1);
        CHECK(hold.stage().eventTime() == 6s);
        CHECK(hold.stage().idlePictures() == 140);
    }

    TEST_CASE("what happens within the post-roll prolongs the event and adds to its cause") {
        Hold hold(events(2s));
        hold.pictures(0ms, 10'000ms);
        hold.event(10'000ms, 12'500ms, 3s);
        hold.event(12'500ms, 20'000ms, 3s, {.activity = Level::High, .signal = true});
        const std::vector<Written> files = hold.run(20'000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 8000ms, 16'000ms));
        CHECK(reasonOf(files[1].begin.event->cause) == "activity: low");
        CHECK(reasonOf(files[1].end->event->cause) == "signal, activity: high");
    }

    TEST_CASE("events close to each other share no picture and miss none") {
        for (const auto second : {13'000ms, 13'100ms, 14'900ms}) {
            CAPTURE(second.count());
            Hold hold(events(2s));
            hold.sounds(0ms, 30'000ms);
            hold.pictures(0ms, 10'000ms);
            hold.event(10'000ms, second, 3s);
            hold.event(second, 30'000ms, 3s);
            const std::vector<Written> files = hold.run(30'000ms);
            REQUIRE(files.size() == 3);
            CHECK(isWhole(files[1].pictures, 8000ms, 13'000ms));
            CHECK(files[2].pictures.front() == 13'000ms);
            CHECK(files[2].begin.start == files[1].end->time);
            CHECK(files[2].begin.event->number == 2);
            CHECK(files[1].sounds.front() == 8000ms);
            CHECK(files[1].sounds.back() == 12'950ms);
            CHECK(files[2].sounds.front() == 13'000ms);
        }
    }

    TEST_CASE("sound of an event is that of its time however far ahead it comes") {
        for (const auto ahead : {0ms, 700ms, 5000ms}) {
            CAPTURE(ahead.count());
            Hold hold(events(1s));
            hold.sounds(0ms, ahead);
            for (auto time = 0ms; time < 20'000ms; time += kFrame) {
                hold.sounds(time + ahead, time + ahead + kFrame);
                hold.picture(time, time % 1000ms == 0ms,
                             time == 10'500ms ? std::optional(Hold::markAt(time, 2s)) : std::nullopt);
            }
            const std::vector<Written> files = hold.run(20'000ms);
            REQUIRE(files.size() == 2);
            CHECK(isWhole(files[1].pictures, 9000ms, 13'000ms));
            CHECK(files[1].sounds.size() == 80);
            CHECK(files[1].sounds.front() == 9000ms);
            CHECK(files[1].sounds.back() == 12'950ms);
        }
    }

    TEST_CASE("an event at the very beginning has what there is") {
        Hold hold(events(5s));
        hold.event(0ms, 5000ms, 2s);
        const std::vector<Written> files = hold.run(5000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 0ms, 2000ms));
    }

    TEST_CASE("an event that is on at the end is told with it") {
        Hold hold(events(1s));
        hold.pictures(0ms, 4000ms);
        hold.event(4000ms, 5000ms, 10s);
        const std::vector<Written> files = hold.run(5000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 3000ms, 5000ms));
        CHECK_FALSE(files[1].end);
        REQUIRE(hold.last->event);
        CHECK(hold.last->event->number == 1);
        CHECK(hold.last->motion == 200ms);
        CHECK(hold.stage().eventTime() == 2s);
    }

    TEST_CASE("a signal with no picture behind it still gets what was before") {
        Hold hold(events(1s));
        hold.pictures(0ms, 4000ms);
        const std::vector<Written> files = hold.run(4000ms, Hold::markAt(4000ms, 10s, {.signal = true}));
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 3000ms, 4000ms));
    }

    TEST_CASE("pictures that are shown before those that are decoded first stay with their GOP") {
        // a key frame, then each time the third picture before the two that are shown before it
        Hold hold(events(1s));
        for (int gop = 0; gop < 10; ++gop) {
            const auto start = 1000ms * gop;
            hold.picture(start, true, gop == 5 ? std::optional(Hold::markAt(start, 400ms)) : std::nullopt);
            for (int i = 3; i <= 9; i += 3) {
                hold.picture(start + i * kFrame);
                hold.picture(start + (i - 2) * kFrame);
                hold.picture(start + (i - 1) * kFrame);
            }
        }
        std::vector<Written> files = hold.run(10'000ms);
        REQUIRE(files.size() == 2);
        CHECK(files[1].pictures[1] == 4300ms);
        std::ranges::sort(files[1].pictures);
        CHECK(isWhole(files[1].pictures, 4000ms, 6000ms));
    }

    TEST_CASE("the ring keeps to its bytes and asks for key frames before it loses much") {
        HoldStage::Config config = events(5s);
        config.preRollBytes = 25'000;
        Hold hold(config);
        hold.pictures(0ms, 10'000ms);  // 10 kB a second
        CHECK(hold.asked == 0);
        hold.event(10'000ms, 12'000ms, 1s);
        const std::vector<Written> files = hold.run(12'000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 8000ms, 11'000ms));
        CHECK(hold.asked == 11);  // in each second that was kept in the ring
    }

    TEST_CASE("a GOP that the ring cannot hold leaves an event that begins with the next key frame") {
        HoldStage::Config config = events(5s);
        config.preRollBytes = 8000;
        Hold hold(config);
        hold.pictures(0ms, 4900ms);
        hold.event(4900ms, 8000ms, 1s);
        const std::vector<Written> files = hold.run(8000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 5000ms, 6000ms));
        CHECK(hold.stage().idlePictures() == 70);
    }

    TEST_CASE("an event has the parameter sets of its time") {
        Hold hold(events(2s));
        hold.pictures(0ms, 5000ms);
        hold.newFile(kOtherSets, 5000ms);
        hold.pictures(5000ms, 6500ms);
        hold.event(6500ms, 10'000ms, 1s);
        hold.event(10'000ms, 12'000ms, 1s);
        const std::vector<Written> files = hold.run(12'000ms);
        REQUIRE(files.size() == 4);
        CHECK(isWhole(files[1].pictures, 4000ms, 5000ms));
        CHECK(files[1].begin.parameterSets == kSets);
        CHECK(isWhole(files[2].pictures, 5000ms, 8000ms));
        CHECK(files[2].begin.parameterSets == kOtherSets);
        CHECK(files[2].begin.segment == 0);  // it may go on in the same file
        CHECK(files[2].begin.event->number == 1);
        CHECK(files[3].begin.parameterSets == kOtherSets);
        CHECK(files[3].begin.event->number == 2);
    }

    TEST_CASE("a long event is cut and what was cut while nothing happened is remembered") {
        Hold hold(events(1s));
        hold.pictures(0ms, 3000ms);
        hold.newFile(kSets, 3000ms, 1);
        hold.pictures(3000ms, 5000ms);
        hold.event(5000ms, 7000ms, 4s);
        hold.newFile(kSets, 7000ms, 2);
        hold.pictures(7000ms, 12'000ms);
        const std::vector<Written> files = hold.run(12'000ms);
        REQUIRE(files.size() == 3);
        CHECK(isWhole(files[1].pictures, 4000ms, 7000ms));
        CHECK(files[1].begin.segment == 1);
        CHECK_FALSE(files[1].end);  // nothing lies between the two
        CHECK(isWhole(files[2].pictures, 7000ms, 9000ms));
        CHECK(files[2].begin.segment == 2);
        CHECK(files[2].begin.event->number == 1);
        CHECK(files[2].end->time == CaptureTime(9s));
    }

    TEST_CASE("a disk that hangs costs whole GOPs of a live recording with their sound") {
        Hold hold({.mayDrop = true, .backlogBytes = 40'000});
        for (int second = 0; second < 10; ++second) {
            hold.sounds(1000ms * second, 1000ms * second + 1000ms);
            hold.pictures(1000ms * second, 1000ms * second + 1000ms);
        }
        const std::vector<Written> files = hold.run(10'000ms);
        REQUIRE(files.size() == 1);
        const std::vector<std::chrono::milliseconds>& pictures = files[0].pictures;
        CHECK(isWhole(pictures, 0ms, 1000ms * static_cast<int>(files[0].keys.size())));
        CHECK(files[0].keys.size() == 2);
        CHECK(files[0].sounds.size() == 40);
        CHECK(files[0].sounds.back() == 1950ms);
        CHECK(hold.stage().busyPictures() == 80);
        CHECK(hold.asked == 1);
    }

    TEST_CASE("an event whose pre-roll the disk is too slow for begins later") {
        HoldStage::Config config = events(5s);
        config.backlogBytes = 40'000;
        Hold hold(config);
        hold.pictures(0ms, 10'000ms);
        hold.event(10'000ms, 20'000ms, 5s);
        const std::vector<Written> files = hold.run(20'000ms);
        REQUIRE(files.size() == 2);
        CHECK(isWhole(files[1].pictures, 5000ms, 9000ms));
        CHECK(files[1].end);
        CHECK(hold.stage().busyPictures() == 60);
        CHECK(hold.stage().idlePictures() == 100);
    }
}
