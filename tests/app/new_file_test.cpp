#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/pipeline.h"
#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

Settings everyFrame(const TemporaryFolder& folder) {
    Settings settings;
    settings.output = folder / "out.mp4";
    settings.smart = SmartFunctions::none();
    return settings;
}

bool isClose(double seconds, double expected) {
    return std::abs(seconds - expected) < 0.001;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("an encoder that begins anew with other parameter sets goes on in a second file") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = evenTimes(100, 40ms)}, {.restartAt = {30, 70}}));
        CHECK(summary.failure == "");
        CHECK(summary.exitStatus() == 0);
        CHECK(summary.framesRecorded == 100);
        CHECK(summary.framesLost == 0);

        struct Expected {
            const char* name;
            std::size_t pictures;
            std::chrono::milliseconds start;
        };
        const Expected expected[] = {{"out.mp4", 30, 0ms}, {"out-2.mp4", 40, 1200ms}, {"out-3.mp4", 30, 2800ms}};
        REQUIRE(summary.files.size() == 3);
        std::uint64_t bytes = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            CAPTURE(i);
            CHECK(summary.files[i].path == folder / expected[i].name);
            CHECK(summary.files[i].pictures == expected[i].pictures);
            CHECK(summary.files[i].start == expected[i].start);
            CHECK(summary.files[i].bytes == std::filesystem::file_size(summary.files[i].path));
            bytes += summary.files[i].bytes;

            const RecordedFile file = readRecording(summary.files[i].path);
            REQUIRE(file.times.size() == expected[i].pictures);
            for (std::size_t picture = 0; picture < file.times.size(); ++picture)
                CHECK(isClose(file.times[picture], 0.04 * static_cast<double>(picture)));
            CHECK(isClose(file.keyTimes.at(0), 0));
            CHECK(isClose(file.videoEnd, 0.04 * static_cast<double>(expected[i].pictures)));
        }
        CHECK(summary.bytes == bytes);
    }

    TEST_CASE("a picture that stood long before the encoder began anew stands until then") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = {0ms, 40ms, 80ms, 2080ms, 2120ms}}, {.restartAt = {3}}));
        CHECK(summary.files.size() == 2);
        const RecordedFile first = readRecording(folder / "out.mp4");
        CHECK(first.times.size() == 3);
        CHECK(isClose(first.videoEnd, 2.08));
        CHECK(isClose(readRecording(folder / "out-2.mp4").videoEnd, 0.08));
    }

    TEST_CASE("every packet of a copied track goes into one of the files") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .frames = 100, .audioCodec = "aac"});
        for (const bool lookahead : {false, true}) {
            CAPTURE(lookahead);  // with it the sound is far ahead of the picture where the file ends
            Settings settings = everyFrame(folder);
            settings.overwrite = true;
            settings.source = FileSourceConfig{folder / "in.mp4", {}, {}};
            if (!lookahead)
                settings.lookaheadFrames = 0;
            const RecordingSummary summary = record(settings, {}, hinder({.restartAt = {41}}));
            CHECK(summary.failure == "");
            const RecordedFile in = readRecording(folder / "in.mp4");
            const RecordedFile first = readRecording(folder / "out.mp4");
            const RecordedFile second = readRecording(folder / "out-2.mp4");
            CHECK(first.audioTracks == 1);
            CHECK(second.audioTracks == 1);
            std::vector<std::size_t> sizes = first.audioSizes;
            sizes.insert(sizes.end(), second.audioSizes.begin(), second.audioSizes.end());
            CHECK(sizes == in.audioSizes);
            CHECK(first.times.size() == 41);
            CHECK(second.times.size() == 59);
            CHECK(isClose(first.videoEnd, 1.64));
            // the packet under way where the second file begins is the first one's: 21 ms at most
            CHECK(first.audioEnd > 1.64);
            CHECK(first.audioEnd < 1.64 + 0.022);
            CHECK(isClose(1.64 + second.audioEnd, in.audioEnd));
        }
    }

    TEST_CASE("a recording that never got a picture before it began anew has one file of the name asked for") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = evenTimes(20, 40ms)}, {.restartAt = {0}}));
        CHECK(summary.failure == "");
        REQUIRE(summary.files.size() == 1);
        CHECK(summary.files[0].path == folder / "out.mp4");
        CHECK(readRecording(folder / "out.mp4").times.size() == 20);
        CHECK_FALSE(std::filesystem::exists(folder / "out-2.mp4"));
    }

    TEST_CASE("a second file that cannot be created ends the recording with the first one whole") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.output = folder / (std::string(251, 'x') + ".mp4");  // as long as a name can be
        const RecordingSummary summary =
            record(settings, {}, makeParts({.times = {}, .endless = true}, {.restartAt = {30}}));
        CHECK(summary.exitStatus() == 1);
        CHECK(summary.failure.find("xxx-2.mp4") != std::string::npos);
        CHECK(summary.framesRecorded == 30);
        CHECK(summary.framesIn == summary.framesRecorded + summary.framesLost);
        REQUIRE(summary.files.size() == 1);
        const RecordedFile file = readRecording(settings.output);
        CHECK(file.times.size() == 30);
        CHECK(isClose(file.videoEnd, 1.2));
    }

    TEST_CASE("the summary lists the files where there is more than one") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = evenTimes(50, 40ms)}, {.restartAt = {25}}));
        const std::string text = toText(summary);
        CHECK(text.find("out.mp4 (from 0.00 s on, 25 frames") != std::string::npos);
        CHECK(text.find("out-2.mp4 (from 1.00 s on, 25 frames") != std::string::npos);
        const auto json = nlohmann::json::parse(toJson(summary));
        REQUIRE(json["files"].size() == 2);
        CHECK(json["files"][1]["path"] == folder / "out-2.mp4");
        CHECK(json["files"][1]["start_s"] == 1.0);
        CHECK(json["files"][1]["frames"] == 25);
    }
}
