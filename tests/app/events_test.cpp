// Recordings of events alone, through the real pipeline and encoder.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "capture/frame_pool.h"
#include "tests/app/emulated_recording.h"
#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kFrame = 40ms;

Settings ofEvents(const TemporaryFolder& folder, std::chrono::seconds preRoll, std::chrono::seconds postRoll) {
    Settings settings;
    settings.output = folder / "e%02i.mp4";
    settings.segments.emplace();
    settings.events = EventSettings{.preRoll = preRoll, .postRoll = postRoll};
    settings.maxGop = preRoll;
    settings.encoder = {.kind = EncoderChoice::Kind::Software};
    return settings;
}

/// A bright square that moves from the first until before the second time of each pair, in seconds, and stands still
/// else.
SourceRecipe moving(const std::vector<std::pair<int, int>>& times, int seconds) {
    SourceRecipe recipe{.times = evenTimes(seconds * 25, kFrame)};
    recipe.movesAt = [times](std::chrono::milliseconds time) {
        return std::ranges::any_of(times, [time](const auto& some) {
            return time >= std::chrono::seconds(some.first) && time < std::chrono::seconds(some.second);
        });
    };
    return recipe;
}

double seconds(CaptureTime time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

struct Event {
    double start;
    double end;
    std::uint64_t number;
    std::string reason;
};

/// The events' files, each of which plays and is what the index says of it.
std::vector<Event> checkEvents(const TemporaryFolder& folder, const RecordingSummary& summary) {
    CHECK(summary.failure == "");
    CHECK(summary.exitStatus() == 0);
    std::vector<Event> events;
    std::uint64_t pictures = 0;
    for (const SegmentRecord& segment : listedSegments(folder.path())) {
        CAPTURE(segment.file);
        CHECK(segment.state == SegmentRecord::State::Finished);
        const RecordedFile file = readRecording(folder / segment.file);
        CHECK(file.times.size() == segment.frames);
        CHECK(file.times.front() == doctest::Approx(0));
        REQUIRE_FALSE(file.keyTimes.empty());
        CHECK(file.keyTimes.front() == doctest::Approx(0));
        REQUIRE(segment.event);
        events.push_back({seconds(*segment.sensorStart), seconds(*segment.sensorEnd), *segment.event, segment.reason});
        CHECK(std::abs(file.videoEnd - (events.back().end - events.back().start)) < 0.001);
        const std::chrono::duration<double> wall = *segment.end - segment.start;
        CHECK(std::abs(wall.count() - file.videoEnd) < 0.001);
        if (events.size() > 1)
            CHECK(events.back().start >= events[events.size() - 2].end);
        pictures += file.times.size();
    }
    CHECK(filesIn(folder.path()).size() == events.size());
    REQUIRE(summary.events);
    CHECK(pictures == summary.framesRecorded);
    std::uint64_t dropped = 0;
    for (const auto& [reason, count] : summary.droppedByReason)
        dropped += count;
    CHECK(summary.framesIn == summary.framesRecorded + dropped + summary.framesDroppedAtSource + summary.framesLost +
                                  summary.framesDiskBusy + summary.events->framesBetween);
    CHECK(summary.framesLost == 0);
    return events;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("each time that something moves is a file with what was before and after it") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const int lookahead : {0, 8}) {  // which is with B-frames
                CAPTURE(name(codec));
                CAPTURE(lookahead);
                const TemporaryFolder folder;
                Settings settings = ofEvents(folder, 2s, 3s);
                settings.codec = codec;
                settings.lookaheadFrames = lookahead;
                const RecordingSummary summary = record(settings, {}, makeParts(moving({{10, 12}, {30, 31}}, 40)));
                const std::vector<Event> events = checkEvents(folder, summary);
                REQUIRE(events.size() == 2);
                CHECK(events[0].start > 10 - 2 * 2 - 0.2);
                CHECK(events[0].start <= 10 - 2);
                CHECK(events[0].end >= 12 + 3 - 0.1);
                CHECK(events[0].end < 12 + 3 + 0.3);
                CHECK(events[1].start > 30 - 2 * 2 - 0.2);
                CHECK(events[1].start <= 30 - 2);
                CHECK(events[1].end >= 31 + 3 - 0.1);
                CHECK(events[1].end < 31 + 3 + 0.3);
                CHECK(events[0].number == 1);
                CHECK(events[1].number == 2);
                CHECK(events[0].reason.starts_with("activity: "));
                CHECK(summary.events->count == 2);
                const std::chrono::duration<double> together = summary.events->time;
                CHECK(std::abs(together.count() - (events[0].end - events[0].start) -
                               (events[1].end - events[1].start)) < 0.001);
                CHECK(filesIn(folder.path()).front() == "e01.mp4");
            }
        }
    }

    TEST_CASE("where nothing happens there is no file and nothing is wrong") {
        const TemporaryFolder folder;
        const RecordingSummary summary = record(ofEvents(folder, 2s, 3s), {}, makeParts(moving({}, 20)));
        CHECK(checkEvents(folder, summary).empty());
        CHECK(summary.framesRecorded == 0);
        CHECK(toText(summary).find("events         0") != std::string::npos);
        CHECK(nlohmann::json::parse(toJson(summary))["events"]["count"] == 0);
    }

    TEST_CASE("what moves again within the post-roll is the same event") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(ofEvents(folder, 2s, 4s), {}, makeParts(moving({{10, 11}, {14, 15}, {18, 19}}, 40)));
        const std::vector<Event> events = checkEvents(folder, summary);
        REQUIRE(events.size() == 1);
        CHECK(events[0].end >= 19 + 4 - 0.1);
        CHECK(events[0].end < 19 + 4 + 0.3);
    }

    TEST_CASE("where one event follows another closely nothing lies between them") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(ofEvents(folder, 5s, 2s), {}, makeParts(moving({{10, 11}, {14, 15}}, 30)));
        const std::vector<Event> events = checkEvents(folder, summary);
        REQUIRE(events.size() == 2);
        CHECK(events[0].end == events[1].start);
    }

    TEST_CASE("a long event is cut as other recordings are") {
        const TemporaryFolder folder;
        Settings settings = ofEvents(folder, 2s, 2s);
        settings.segments->length = 5s;
        const RecordingSummary summary = record(settings, {}, makeParts(moving({{13, 29}}, 40)));
        const std::vector<Event> events = checkEvents(folder, summary);
        REQUIRE(events.size() == 4);
        for (std::size_t i = 0; i < events.size(); ++i) {
            CHECK(events[i].number == 1);
            if (i > 0)
                CHECK(events[i].start == events[i - 1].end);
        }
        CHECK(std::abs(events[1].start - 18) < 0.3);  // its length counts from when it began
        CHECK(std::abs(events[2].start - 23) < 0.3);
        CHECK(summary.events->count == 1);
    }

    TEST_CASE("events go on counting in the next recording") {
        const TemporaryFolder folder;
        for (int i = 0; i < 2; ++i)
            (void)record(ofEvents(folder, 1s, 1s), {}, makeParts(moving({{5, 6}}, 10)));
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 2);
        CHECK(segments[0].event == 1U);
        CHECK(segments[1].event == 2U);
        CHECK(segments[1].file == "e02.mp4");
    }

    TEST_CASE("events of a raw stream can be decoded each by itself") {
        for (const std::string name : {"e%i.h264", "e%i.hevc"}) {
            CAPTURE(name);
            const TemporaryFolder folder;
            Settings settings = ofEvents(folder, 1s, 1s);
            settings.output = folder / name;
            settings.codec = name.ends_with("hevc") ? Codec::Hevc : Codec::H264;
            const RecordingSummary summary = record(settings, {}, makeParts(moving({{4, 5}, {9, 10}}, 14)));
            CHECK(summary.failure == "");
            const std::vector<SegmentRecord> segments = listedSegments(folder.path());
            REQUIRE(segments.size() == 2);
            for (const SegmentRecord& segment : segments)
                CHECK(readRecording(folder / segment.file).times.size() == segment.frames);
        }
    }

    TEST_CASE("an event has its own sound and no other") {
        const TemporaryFolder place;
        makeVideo({.path = place / "in.mp4", .frames = 250, .audioCodec = "aac"});
        const TemporaryFolder folder;
        Settings settings = ofEvents(folder, 1s, 1s);
        settings.source = FileSourceConfig{place / "in.mp4", {}, {}};
        settings.smart = SmartFunctions::none();
        Recording recording(settings);
        recording.signalEvent();
        recording.start();
        const std::vector<Event> events = checkEvents(folder, recording.finish());
        REQUIRE_FALSE(events.empty());
        for (const SegmentRecord& segment : listedSegments(folder.path())) {
            const RecordedFile file = readRecording(folder / segment.file);
            CHECK(file.audioTracks == 1);
            CHECK(std::abs(file.audioEnd - file.videoEnd) < 0.05);
        }
    }

    TEST_CASE("a signal makes an event although nothing moves and nothing smart is on") {
        const TemporaryFolder folder;
        Settings settings = ofEvents(folder, 1s, 2s);
        settings.smart = SmartFunctions::none();
        Recording recording(settings, makeParts(moving({}, 20)));
        recording.signalEvent();
        recording.start();
        const std::vector<Event> events = checkEvents(folder, recording.finish());
        REQUIRE(events.size() == 1);
        CHECK(events[0].start == 0);
        CHECK(std::abs(events[0].end - 2) < 0.1);
        CHECK(events[0].reason == "signal");
    }

    TEST_CASE("a signal without events changes nothing") {
        const TemporaryFolder folder;
        Settings settings;
        settings.output = folder / "out.mp4";
        Recording recording(settings, makeParts({.times = evenTimes(20, kFrame)}));
        recording.signalEvent();
        recording.start();
        const RecordingSummary summary = recording.finish();
        CHECK(summary.exitStatus() == 0);
        CHECK_FALSE(summary.events);
        CHECK(nlohmann::json::parse(toJson(summary)).contains("events") == false);
    }

    TEST_CASE("an encoder that begins anew between and in events leaves events that play") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(ofEvents(folder, 2s, 2s), {}, makeParts(moving({{10, 12}, {20, 22}}, 30), {.restartAt = {20, 150}}));
        const std::vector<Event> events = checkEvents(folder, summary);
        CHECK(events.size() >= 2);
        CHECK(events.back().number == 2);
    }

    TEST_CASE("an encoder that fails in an event leaves it whole up to there") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(ofEvents(folder, 1s, 2s), {}, makeParts(moving({{4, 30}}, 30), {.failAt = 100}));
        CHECK(summary.exitStatus() == 1);
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 1);
        CHECK(segments[0].reason.starts_with("activity: "));
        CHECK(readRecording(folder / segments[0].file).times.size() == summary.framesRecorded);
    }

    TEST_CASE("events through any kind of device begin with a key frame") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const V4l2Personality& personality : personalitiesWith(codec)) {
                CAPTURE(personality.name);
                CAPTURE(std::string(name(codec)));
                const TemporaryFolder folder;
                EmulatedV4l2 system(personality);
                Settings settings = emulatedSettings(folder, "corridor", 14);
                settings.codec = codec;
                settings.output = folder / "e%02i.mp4";
                settings.segments.emplace();
                settings.events = EventSettings{.preRoll = 1s, .postRoll = 1s};
                settings.maxGop = 1s;
                PipelineParts parts;
                parts.v4l2 = &system;
                const std::vector<Event> events = checkEvents(folder, record(settings, {}, parts));
                REQUIRE(events.size() == 1);
                CHECK(events[0].end - events[0].start > 3);
            }
        }
    }
}
