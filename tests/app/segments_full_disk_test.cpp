#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "mux/file_writer.h"
#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/app/small_disk.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// A few segments and the room that is reserved for the index of one.
constexpr std::uint64_t kDiskBytes = 600'000;

Settings onSmallDisk(const TemporaryFolder& folder, bool rotate) {
    Settings settings;
    settings.output = folder / "s%03i.mp4";
    settings.source = SceneConfig{.script = "busy", .size = {160, 96}};
    settings.encoder = {.kind = EncoderChoice::Kind::Software};
    settings.frames = 1200;
    settings.segments = SegmentSettings{.length = 2s, .rotateWhenFull = rotate};
    return settings;
}

/// The pictures of all files, each of which plays and is listed.
std::uint64_t picturesIn(const TemporaryFolder& folder) {
    std::uint64_t pictures = 0;
    std::vector<std::string> listed;
    for (const SegmentRecord& segment : listedSegments(folder.path())) {
        CHECK(segment.state != SegmentRecord::State::Recording);
        CHECK(readRecording(folder / segment.file).times.size() == segment.frames);
        pictures += segment.frames.value_or(0);
        listed.push_back(segment.file);
    }
    CHECK(listed == filesIn(folder.path()));
    return pictures;
}

}  // namespace

TEST_SUITE("fault") {
    TEST_CASE("on a full disk the oldest segments make room and no picture is lost") {
        const TemporaryFolder folder;
        const SmallDisk disk(folder.path(), kDiskBytes);
        const RecordingSummary summary = record(onSmallDisk(folder, true));
        CHECK(summary.failure == "");
        CHECK(summary.framesLost == 0);
        CHECK(SmallDisk::used() <= kDiskBytes + 50'000);  // the index is not reserved
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() >= 3);
        CHECK(segments.size() < 12);
        CHECK(segments.back().number == summary.segments->written);
        for (std::size_t i = 1; i < segments.size(); ++i) {
            CHECK(segments[i].number == segments[i - 1].number + 1);
            CHECK(*segments[i].sensorStart == *segments[i - 1].sensorEnd);
        }
        CHECK(picturesIn(folder) > 100);
    }

    TEST_CASE("without rotation a full disk ends the recording and every segment plays") {
        const TemporaryFolder folder;
        const SmallDisk disk(folder.path(), kDiskBytes);
        const RecordingSummary summary = record(onSmallDisk(folder, false));
        CHECK(summary.exitStatus() == 1);
        CHECK(summary.failure.find("No space left on device") != std::string::npos);
        CHECK(summary.segments->removed == 0);
        CHECK(picturesIn(folder) == summary.framesRecorded);
        for (const SegmentRecord& segment : listedSegments(folder.path()))
            CHECK(segment.state == SegmentRecord::State::Finished);
    }

    TEST_CASE("rotation ends the recording when there is nothing old left") {
        const TemporaryFolder folder;
        std::ofstream(folder / "of-the-user") << std::string(300'000, 'x');
        const SmallDisk disk(folder.path(), 450'000);
        Settings settings = onSmallDisk(folder, true);
        settings.segments->length = 30s;  // more than the disk has room for
        const RecordingSummary summary = record(settings);
        CHECK(summary.exitStatus() == 1);
        CHECK(std::filesystem::file_size(folder / "of-the-user") == 300'000);
        std::filesystem::remove(folder / "of-the-user");
        CHECK(picturesIn(folder) == summary.framesRecorded);
    }

    TEST_CASE("whichever write fails every segment plays as far as it goes") {
        for (const char* pattern : {"s%03i.mp4", "s%03i.h264"}) {
            CAPTURE(pattern);
            const bool raw = rawStreamCodec(pattern).has_value();  // each of whose packets is a write
            for (int writes = 0; writes < 24; ++writes) {
                CAPTURE(writes);
                const TemporaryFolder folder;
                const SmallDisk disk(folder.path(), 100'000'000);
                SmallDisk::failAfter(raw ? writes * 10 : writes);
                Settings settings = onSmallDisk(folder, false);
                settings.output = folder / pattern;
                settings.lookaheadFrames = 0;
                settings.frames = 300;
                const RecordingSummary summary = record(settings);
                CHECK(summary.failure.find("Input/output error") != std::string::npos);
                CHECK(summary.exitStatus() == (summary.framesRecorded == 0 ? 2 : 1));
                CHECK(summary.wallTime < 15s);
                std::uint64_t pictures = 0;
                for (const SegmentRecord& segment : listedSegments(folder.path())) {
                    CHECK(segment.state != SegmentRecord::State::Recording);
                    pictures += raw ? segment.frames.value_or(0) : readRecording(folder / segment.file).times.size();
                }
                CHECK(pictures == summary.framesRecorded);
                CHECK(listedSegments(folder.path()).size() == filesIn(folder.path()).size());
            }
        }
    }

    TEST_CASE("a raw stream makes room too") {
        const TemporaryFolder folder;
        const SmallDisk disk(folder.path(), 200'000);
        Settings settings = onSmallDisk(folder, true);
        settings.output = folder / "s%03i.h264";
        const RecordingSummary summary = record(settings);
        CHECK(summary.failure == "");
        CHECK(summary.framesLost == 0);
        CHECK(listedSegments(folder.path()).back().number == summary.segments->written);
        CHECK(listedSegments(folder.path()).size() < 6);
    }
}
