#include "app/pipeline.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

Settings settingsFor(const TemporaryFolder& folder) {
    Settings settings;
    settings.output = folder / "out.mp4";
    return settings;
}

Settings everyFrame(const TemporaryFolder& folder) {
    Settings settings = settingsFor(folder);
    settings.smart = SmartFunctions::none();
    return settings;
}

std::uint64_t sum(const std::map<FrameReason, std::uint64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                           [](std::uint64_t total, const auto& entry) { return total + entry.second; });
}

/// Whether every frame that came in is accounted for.
bool addsUp(const RecordingSummary& summary) {
    return summary.framesIn ==
           summary.framesRecorded + sum(summary.droppedByReason) + summary.framesDroppedAtSource + summary.framesLost;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("every frame is recorded or dropped for a reason") {
        for (const bool moving : {true, false}) {
            CAPTURE(moving);
            const TemporaryFolder folder;
            const RecordingSummary summary =
                record(settingsFor(folder), {}, makeParts({.times = evenTimes(60, 40ms), .moving = moving}));
            CHECK(summary.failure == "");
            CHECK(summary.framesIn == 60);
            CHECK(addsUp(summary));
            CHECK(sum(summary.recordedByReason) == summary.framesRecorded);
            CHECK(summary.framesDroppedAtSource == 0);
            CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
            CHECK(summary.bytes == std::filesystem::file_size(folder / "out.mp4"));
        }
    }

    TEST_CASE("a slow encoder makes a file wait and loses nothing") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = evenTimes(40, 1ms)}, {.delay = 10ms}));
        CHECK(summary.framesRecorded == 40);
        CHECK(summary.wallTime >= 400ms);
        CHECK(readRecording(folder / "out.mp4").times.size() == 40);
    }

    TEST_CASE("in real time a slow encoder costs frames at the source and they are counted") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.realtime = true;
        const RecordingSummary summary =
            record(settings, {}, makeParts({.times = evenTimes(60, 10ms), .duration = 10ms}, {.delay = 50ms}));
        CHECK(summary.framesIn == 60);
        CHECK(summary.framesDroppedAtSource > 0);
        CHECK(addsUp(summary));
        CHECK(summary.wallTime >= 590ms);
        const RecordedFile file = readRecording(folder / "out.mp4");
        CHECK(file.times.size() == summary.framesRecorded);
        // the last frame captured may have been dropped: what stands then stands until its end
        CHECK(file.videoEnd == doctest::Approx(0.6).epsilon(0.002));
    }

    TEST_CASE("in real time a machine that cannot keep up first leaves its own work undone and says so") {
        const TemporaryFolder folder;
        Settings settings = settingsFor(folder);
        settings.realtime = true;
        const RecordingSummary summary =
            record(settings, {}, makeParts({.times = evenTimes(100, 10ms), .duration = 10ms}, {.delay = 30ms}));
        CHECK(summary.framesIn == 100);
        CHECK(summary.framesUnstabilised > 0);
        CHECK(summary.framesUnseen > 0);
        CHECK(summary.framesUnseen < summary.framesUnstabilised);
        CHECK(addsUp(summary));
        CHECK(toText(summary).find("overload") != std::string::npos);
        settings.realtime = false;  // then it waits
        settings.overwrite = true;
        const RecordingSummary patient =
            record(settings, {}, makeParts({.times = evenTimes(60, 10ms)}, {.delay = 10ms}));
        CHECK(patient.framesUnstabilised == 0);
        CHECK(patient.framesUnseen == 0);
    }

    TEST_CASE("times in the file are those of the source") {
        const TemporaryFolder folder;
        const std::vector<std::chrono::milliseconds> times{0ms, 40ms, 55ms, 200ms, 1200ms, 1201ms, 1500ms};
        const RecordingSummary summary = record(everyFrame(folder), {}, makeParts({.times = times, .duration = 70ms}));
        CHECK(summary.framesRecorded == times.size());
        const RecordedFile file = readRecording(folder / "out.mp4");
        REQUIRE(file.times.size() == times.size());
        for (std::size_t i = 0; i < times.size(); ++i)
            CHECK(std::abs(file.times[i] - std::chrono::duration<double>(times[i]).count()) < 0.001);
        CHECK(std::abs(file.videoEnd - 1.57) < 0.001);
        CHECK(summary.duration == 1570ms);
        CHECK(summary.longestHold == 1000ms);
    }

    TEST_CASE("without the smart functions a key frame comes every second") {
        const TemporaryFolder folder;
        const RecordingSummary summary = record(everyFrame(folder), {}, makeParts({.times = evenTimes(80, 40ms)}));
        const RecordedFile file = readRecording(folder / "out.mp4");
        REQUIRE(file.keyTimes.size() == 4);
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(std::abs(file.keyTimes[i] - static_cast<double>(i)) < 0.001);
        CHECK(summary.framesRecorded == 80);
        CHECK(summary.longestKeyGap == 1s);
        CHECK_FALSE(summary.savedShare().has_value());
    }

    TEST_CASE("a number of frames ends the recording") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.frames = 12;
        const RecordingSummary summary = record(settings, {}, makeParts({.times = {}, .endless = true}));
        CHECK(summary.framesIn == 12);
        CHECK(readRecording(folder / "out.mp4").times.size() == 12);
    }

    TEST_CASE("a duration of source time ends the recording") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.duration = 1010ms;
        const RecordingSummary summary = record(settings, {}, makeParts({.times = {}, .endless = true}));
        CHECK(summary.framesIn == 26);  // the last one begins at 1000 ms
        CHECK(summary.failure == "");
        CHECK(std::abs(readRecording(folder / "out.mp4").videoEnd - 1.01) < 0.001);
    }

    TEST_CASE("audio is copied packet by packet") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .frames = 50, .audioCodec = "aac"});
        Settings settings = everyFrame(folder);
        settings.source = FileSourceConfig{folder / "in.mp4", {}, {}};
        const RecordingSummary summary = record(settings);
        CHECK(summary.failure == "");
        const RecordedFile in = readRecording(folder / "in.mp4");
        const RecordedFile out = readRecording(folder / "out.mp4");
        REQUIRE_FALSE(in.audioSizes.empty());
        CHECK(out.audioTracks == 1);
        CHECK(out.audioSizes == in.audioSizes);
        CHECK(out.times.size() == 50);
    }

    TEST_CASE("sound ends with the picture where a recording is ended early and is whole where it is not") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .frames = 75, .audioCodec = "aac"});
        Settings settings = everyFrame(folder);
        settings.source = FileSourceConfig{folder / "in.mp4", {}, {}};
        settings.overwrite = true;

        settings.duration = 1s;
        CHECK(record(settings).failure == "");
        RecordedFile file = readRecording(settings.output);
        CHECK(std::abs(file.videoEnd - 1) < 0.001);
        CHECK(std::abs(file.audioEnd - 1) < 0.001);

        settings.duration.reset();
        settings.frames = 37;
        CHECK(record(settings).failure == "");
        file = readRecording(settings.output);
        CHECK(std::abs(file.videoEnd - 1.48) < 0.001);
        CHECK(std::abs(file.audioEnd - 1.48) < 0.001);

        settings.frames = 75;  // all there are: its end is the source's
        CHECK(record(settings).failure == "");
        CHECK(readRecording(settings.output).audioSizes == readRecording(folder / "in.mp4").audioSizes);
    }

    TEST_CASE("the last picture stands until the duration asked for where the source goes on after it") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.duration = 1500ms;
        CHECK(record(settings, {}, makeParts({.times = {0ms, 40ms, 1000ms, 3000ms}})).failure == "");
        CHECK(std::abs(readRecording(settings.output).videoEnd - 1.5) < 0.001);
    }

    TEST_CASE("a frame that is not later than the one before is dropped and counted") {
        const TemporaryFolder folder;
        for (const bool realtime : {false, true}) {
            CAPTURE(realtime);
            Settings settings = everyFrame(folder);
            settings.overwrite = true;
            settings.realtime = realtime;
            const RecordingSummary summary =
                record(settings, {}, makeParts({.times = {0ms, 40ms, 40ms, 20ms, 80ms, 80ms, 120ms}}));
            CHECK(summary.failure == "");
            CHECK(summary.framesIn == 7);
            CHECK(summary.framesDroppedAtSource == 3);
            CHECK(addsUp(summary));
            const RecordedFile file = readRecording(settings.output);
            REQUIRE(file.times.size() == 4);
            for (std::size_t i = 0; i < 4; ++i)
                CHECK(std::abs(file.times[i] - 0.04 * static_cast<double>(i)) < 0.001);
        }
    }

    TEST_CASE("the trace has a line for every frame that was looked at") {
        const TemporaryFolder folder;
        Settings settings = settingsFor(folder);
        settings.traceFile = folder / "trace.jsonl";
        const RecordingSummary summary = record(settings, {}, makeParts({.times = evenTimes(50, 40ms)}));
        std::ifstream trace(settings.traceFile);
        std::uint64_t lines = 0;
        std::uint64_t recorded = 0;
        for (std::string text; std::getline(trace, text); ++lines) {
            const auto line = nlohmann::json::parse(text);
            CHECK(line["index"] == lines);
            CHECK(line["time_s"] == doctest::Approx(0.04 * static_cast<double>(lines)));
            recorded += line["record"] == true ? 1 : 0;
        }
        CHECK(lines == summary.framesIn);
        CHECK(recorded == summary.framesRecorded);
    }

    TEST_CASE("stopping ends the file at the last frame taken") {
        const TemporaryFolder folder;
        Recording recording(everyFrame(folder), makeParts({.times = {}, .endless = true}, {.delay = 2ms}));
        recording.start();
        while (recording.progress().framesRecorded < 5) {
            pollfd done{.fd = recording.doneDescriptor(), .events = POLLIN, .revents = 0};
            REQUIRE(poll(&done, 1, 10) == 0);
        }
        recording.stop();
        const RecordingSummary summary = recording.finish();
        CHECK(summary.stopped);
        CHECK(summary.exitStatus() == 0);
        CHECK(addsUp(summary));
        const RecordedFile file = readRecording(folder / "out.mp4");
        CHECK(file.times.size() == summary.framesRecorded);
        CHECK(file.times.size() == summary.framesIn);
    }

    TEST_CASE("a recording that nobody finishes stops and ends its file") {
        const TemporaryFolder folder;
        {
            Recording recording(everyFrame(folder), makeParts({.times = {}, .endless = true}));
            recording.start();
            while (recording.progress().framesRecorded < 3) {
                pollfd done{.fd = recording.doneDescriptor(), .events = POLLIN, .revents = 0};
                REQUIRE(poll(&done, 1, 10) == 0);
            }
        }
        CHECK(readRecording(folder / "out.mp4").times.size() >= 3);
    }
}
