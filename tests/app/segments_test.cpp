// Recordings in segments, through the real pipeline and encoder: nothing is lost or doubled, and each plays by itself.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "mux/file_writer.h"
#include "tests/app/emulated_recording.h"
#include "tests/app/fake_clocks.h"
#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

Settings inSegments(const TemporaryFolder& folder, const SegmentSettings& segments) {
    Settings settings;
    settings.output = folder / "s%02i.mp4";
    settings.smart = SmartFunctions::none();
    settings.maxGop = 10s;
    settings.segments = segments;
    return settings;
}

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool isClose(double seconds, double expected) {
    return std::abs(seconds - expected) < 0.001;
}

Names namesOf(const std::vector<SegmentRecord>& segments) {
    Names names;
    for (const SegmentRecord& segment : segments)
        names.push_back(segment.file);
    return names;
}

/// What holds of all segments, and the times of all pictures on the recording's time line.
std::vector<double> checkSegments(const TemporaryFolder& folder, const RecordingSummary& summary) {
    CHECK(summary.failure == "");
    const std::vector<SegmentRecord> segments = listedSegments(folder.path());
    REQUIRE(summary.segments);
    CHECK(summary.segments->written == segments.size() + summary.segments->removed);
    CHECK(namesOf(segments) == filesIn(folder.path()));
    std::vector<double> times;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const SegmentRecord& segment = segments[i];
        CAPTURE(segment.file);
        CHECK(segment.state == SegmentRecord::State::Finished);
        const RecordedFile file = readRecording(folder / segment.file);
        CHECK(file.times.size() == segment.frames);
        CHECK(isClose(file.times.front(), 0));
        REQUIRE(!file.keyTimes.empty());
        CHECK(isClose(file.keyTimes.front(), 0));
        CHECK(fs::file_size(folder / segment.file) == segment.bytes);
        REQUIRE(segment.sensorStart);
        REQUIRE(segment.sensorEnd);
        const std::chrono::duration<double> length = *segment.sensorEnd - *segment.sensorStart;
        CHECK(isClose(file.videoEnd, length.count()));
        if (i > 0) {
            CHECK(*segment.sensorStart == *segments[i - 1].sensorEnd);
            CHECK(segment.start == *segments[i - 1].end);
            CHECK(segment.number == segments[i - 1].number + 1);
        }
        const std::chrono::duration<double> start = segment.sensorStart->time_since_epoch();
        for (const double time : file.times)
            times.push_back(start.count() + time);
        bytes += segment.bytes;
    }
    if (summary.segments->removed == 0) {
        CHECK(times.size() == summary.framesRecorded);
        CHECK(bytes == summary.bytes);
    }
    return times;
}

bool areEvenTimes(const std::vector<double>& times, std::size_t count) {
    bool even = times.size() == count;
    for (std::size_t i = 0; i < times.size(); ++i)
        even = even && isClose(times[i], 0.04 * static_cast<double>(i));
    return even;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("segments hold every picture once and each plays by itself") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const int lookahead : {0, 8}) {  // which is with B-frames
                CAPTURE(name(codec));
                CAPTURE(lookahead);
                const TemporaryFolder folder;
                Settings settings = inSegments(folder, {.length = 1500ms});
                settings.codec = codec;
                settings.lookaheadFrames = lookahead;
                const RecordingSummary summary = record(settings, {}, makeParts({.times = evenTimes(200, 40ms)}));
                CHECK(areEvenTimes(checkSegments(folder, summary), 200));
                const std::vector<SegmentRecord> segments = listedSegments(folder.path());
                REQUIRE(segments.size() == 6);
                CHECK(segments[0].frames == 38U);  // up to 1.52 s
                CHECK(segments[1].frames == 37U);  // up to 3.00 s
                CHECK(*segments[5].sensorEnd == CaptureTime(8s));
                CHECK(summary.keyFramesByReason.at(KeyFrameReason::Segment) >= 1);
            }
        }
    }

    TEST_CASE("frames that are dropped leave no gap between segments") {
        const TemporaryFolder folder;
        Settings settings = inSegments(folder, {.length = 2s});
        settings.smart = SmartFunctions{};
        const RecordingSummary summary =
            record(settings, {}, makeParts({.times = evenTimes(250, 40ms), .moving = false}));
        const std::vector<double> times = checkSegments(folder, summary);
        CHECK(times.size() < 30);
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 5);
        for (const SegmentRecord& segment : segments) {
            CHECK(*segment.sensorEnd - *segment.sensorStart == 2s);
            CHECK(segment.motion == 0s);
        }
    }

    TEST_CASE("the index tells how long something moved") {
        const TemporaryFolder folder;
        Settings settings = inSegments(folder, {.length = 2s});
        settings.smart = SmartFunctions{};
        (void)record(settings, {}, makeParts({.times = evenTimes(100, 40ms), .moving = true}));
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 2);
        CHECK(segments[0].motion > 1800ms);
        CHECK(segments[0].motion <= 2s);
        CHECK(segments[1].motion > 1800ms);
        const TemporaryFolder other;
        (void)record(inSegments(other, {.length = 2s}), {}, makeParts({.times = evenTimes(100, 40ms)}));
        CHECK_FALSE(listedSegments(other.path()).at(0).motion);  // nobody looked
    }

    TEST_CASE("segments of a raw stream are the stream in pieces") {
        for (const std::string name : {"s%i.h264", "s%i.hevc"}) {
            for (const int lookahead : {0, 8}) {
                CAPTURE(name);
                CAPTURE(lookahead);
                const TemporaryFolder folder;
                // a key frame is due every second anyway
                Settings settings = inSegments(folder, {.length = 2s});
                settings.codec = *rawStreamCodec(name);
                settings.lookaheadFrames = lookahead;
                settings.output = folder / name;
                CHECK(record(settings, {}, makeParts({.times = evenTimes(150, 40ms)})).failure == "");
                std::string pieces;
                for (const std::string& file : namesOf(listedSegments(folder.path())))
                    pieces += contents(folder / file);
                CHECK(filesIn(folder.path()).size() == 3);
                settings.segments.reset();
                settings.output = folder / ("whole" + name);
                CHECK(record(settings, {}, makeParts({.times = evenTimes(150, 40ms)})).failure == "");
                CHECK(pieces == contents(settings.output));
            }
        }
    }

    TEST_CASE("sound goes on from segment to segment") {
        const TemporaryFolder place;
        makeVideo({.path = place / "in.mp4", .frames = 125, .audioCodec = "aac"});
        const TemporaryFolder folder;
        Settings settings = inSegments(folder, {.length = 2s});
        settings.source = FileSourceConfig{place / "in.mp4", {}, {}};
        const RecordingSummary summary = record(settings);
        CHECK(checkSegments(folder, summary).size() == 125);
        std::vector<std::size_t> sizes;
        for (const std::string& file : filesIn(folder.path())) {
            const std::vector<std::size_t> some = readRecording(folder / file).audioSizes;
            sizes.insert(sizes.end(), some.begin(), some.end());
        }
        CHECK(sizes == readRecording(place / "in.mp4").audioSizes);
    }

    TEST_CASE("segments of a size are about as large") {
        const TemporaryFolder folder;
        Settings settings = inSegments(folder, {.bytes = 100'000});
        settings.smart = SmartFunctions{};
        settings.source = SceneConfig{.script = "busy", .size = {160, 96}};
        settings.frames = 600;
        settings.encoder = {.kind = EncoderChoice::Kind::Software};
        const RecordingSummary summary = record(settings);
        CHECK(checkSegments(folder, summary).size() == summary.framesRecorded);
        std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() >= 4);
        segments.pop_back();
        for (const SegmentRecord& segment : segments) {
            CHECK(segment.bytes > 70'000);
            CHECK(segment.bytes < 150'000);
        }
    }

    TEST_CASE("a jump of the wall clock changes names and nothing else") {
        for (const auto jump : {-24h, 24h}) {
            CAPTURE(jump.count());
            const TemporaryFolder folder;
            FakeClocks clocks = noon();
            // no more than 20 packets are under way to the file: the third segment is named, the fourth is not
            PipelineParts parts = makeParts({.times = evenTimes(200, 40ms)}, {.onFrame = [&](int number) {
                                                if (number == 125)
                                                    clocks.jump(jump);
                                            }});
            parts.readClocks = clocks.reader();
            Settings settings = inSegments(folder, {.length = 2s, .keep = {.age = 1h}});
            settings.lookaheadFrames = 0;
            settings.output = folder / "%d-%H%M%S.mp4";
            const RecordingSummary summary = record(settings, {}, parts);
            CHECK(summary.failure == "");
            CHECK(summary.segments->removed == 0);
            const std::vector<SegmentRecord> segments = listedSegments(folder.path());
            REQUIRE(segments.size() == 4);
            const std::string day = segments[0].file.substr(0, 2);
            for (std::size_t i = 0; i < segments.size(); ++i) {
                CHECK(*segments[i].sensorStart == CaptureTime(2s * i));
                CHECK(segments[i].frames == 50U);
                CHECK((segments[i].file.substr(0, 2) == day) == (i < 3));
            }
        }
    }

    TEST_CASE("names that are taken are left out and nothing is replaced") {
        const TemporaryFolder folder;
        std::ofstream(folder / "s02.mp4") << "precious";
        Settings settings = inSegments(folder, {.length = 1s});
        settings.overwrite = true;
        CHECK(record(settings, {}, makeParts({.times = evenTimes(75, 40ms)})).failure == "");
        CHECK(filesIn(folder.path()) == Names{"s01.mp4", "s02.mp4", "s03.mp4", "s04.mp4"});
        CHECK(contents(folder / "s02.mp4") == "precious");
        settings.output = folder / "same%%name-%Y.mp4";
        CHECK(record(settings, {}, makeParts({.times = evenTimes(75, 40ms)})).failure == "");
        CHECK(filesIn(folder.path()).size() == 7);
        CHECK(listedSegments(folder.path()).size() == 6);
        CHECK(listedSegments(folder.path()).back().file.ends_with("-3.mp4"));
    }

    TEST_CASE("segments through any kind of device begin where they were asked for") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const V4l2Personality& personality : personalitiesWith(codec)) {
                CAPTURE(personality.name);
                CAPTURE(std::string(name(codec)));
                const TemporaryFolder folder;
                EmulatedV4l2 system(personality);
                Settings settings = emulatedSettings(folder, "busy", 5);
                settings.codec = codec;
                settings.output = folder / "s%02i.mp4";
                settings.segments = SegmentSettings{.length = 1200ms};
                PipelineParts parts;
                parts.v4l2 = &system;
                const RecordingSummary summary = record(settings, {}, parts);
                CHECK(summary.framesLost == 0);
                CHECK(checkSegments(folder, summary).size() == summary.framesRecorded);
                const std::vector<SegmentRecord> segments = listedSegments(folder.path());
                REQUIRE(segments.size() == 5);
                for (std::size_t i = 0; i < segments.size(); ++i)
                    CHECK(*segments[i].sensorStart == CaptureTime(1200ms * i));
            }
        }
    }

    TEST_CASE("an encoder that begins anew begins a segment too") {
        const TemporaryFolder folder;
        const RecordingSummary summary = record(inSegments(folder, {.length = 2s}), {},
                                                makeParts({.times = evenTimes(150, 40ms)}, {.restartAt = {30, 100}}));
        CHECK(areEvenTimes(checkSegments(folder, summary), 150));
        CHECK(listedSegments(folder.path()).size() == 4);
    }

    TEST_CASE("an encoder that fails leaves whole segments") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(inSegments(folder, {.length = 1s}), {}, makeParts({.times = {}, .endless = true}, {.failAt = 60}));
        CHECK(summary.exitStatus() == 1);
        CHECK(summary.framesRecorded + summary.framesLost == summary.framesIn);
        std::size_t pictures = 0;
        for (const SegmentRecord& segment : listedSegments(folder.path()))
            pictures += readRecording(folder / segment.file).times.size();
        CHECK(pictures == summary.framesRecorded);
        CHECK(namesOf(listedSegments(folder.path())) == filesIn(folder.path()));
    }

    TEST_CASE("retention removes exactly the oldest segments of this recording and of earlier ones") {
        const TemporaryFolder folder;
        std::ofstream(folder / "a-of-the-user.mp4") << "precious";
        Settings settings = inSegments(folder, {.length = 1s});
        CHECK(record(settings, {}, makeParts({.times = evenTimes(75, 40ms)})).failure == "");
        const std::vector<SegmentRecord> before = listedSegments(folder.path());
        REQUIRE(before.size() == 3);
        settings.segments->keep.bytes = before[0].bytes * 5 / 2;
        const RecordingSummary summary = record(settings, {}, makeParts({.times = evenTimes(100, 40ms)}));
        CHECK(summary.failure == "");
        const std::vector<SegmentRecord> after = listedSegments(folder.path());
        CHECK(after.size() >= 2);
        CHECK(summary.segments->removed == 7 - after.size());
        std::uint64_t bytes = 0;
        Names expected{"a-of-the-user.mp4"};
        for (std::size_t i = 0; i < after.size(); ++i) {
            CHECK(after[i].number == 8 - after.size() + i);
            expected.push_back(after[i].file);
            bytes += after[i].bytes;
        }
        CHECK(bytes <= *settings.segments->keep.bytes);
        CHECK(filesIn(folder.path()) == expected);
    }

    TEST_CASE("a command is run for each segment and one that hangs holds up nothing") {
        const TemporaryFolder place;
        const TemporaryFolder folder;
        Settings settings = inSegments(folder, {.length = 1s});
        settings.segments->command = {"sh", "-c", "echo \"$1\" >> \"$0\"", place / "done"};
        CHECK(record(settings, {}, makeParts({.times = evenTimes(100, 40ms)})).failure == "");
        std::vector<std::string> done;
        std::ifstream lines(place / "done");
        for (std::string line; std::getline(lines, line);)
            done.push_back(fs::path(line).filename());
        std::ranges::sort(done);
        CHECK(done == filesIn(folder.path()));

        settings.segments->command = {"sh", "-c", "sleep 20"};
        const auto start = std::chrono::steady_clock::now();
        const RecordingSummary summary = record(settings, {}, makeParts({.times = evenTimes(200, 40ms)}));
        CHECK(summary.failure == "");
        CHECK(summary.segments->written == 8);
        CHECK(std::chrono::steady_clock::now() - start < 12s);  // five seconds are for commands at the end
    }

    TEST_CASE("the summary tells of segments") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(inSegments(folder, {.length = 1s}), {}, makeParts({.times = evenTimes(50, 40ms)}));
        CHECK(toText(summary).find("segments       2, listed in " + (folder / "segments.jsonl")) != std::string::npos);
        const auto json = nlohmann::json::parse(toJson(summary));
        CHECK(json["segments"]["written"] == 2);
        CHECK(json["segments"]["removed"] == 0);
        CHECK(json["segments"]["index"] == folder / "segments.jsonl");
        CHECK(json["files"].empty());
    }
}
