// A disk that fails in a live recording, at each of the changes that it is asked for: what is left plays, nothing
// hangs, every picture is accounted for, and the recording goes on when the disk does.

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "app/pipeline.h"
#include "app/segment_index.h"
#include "mux/file_writer.h"
#include "mux/segment_folder.h"
#include "tests/app/fakes.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/app/small_disk.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr int kPictures = 60;
constexpr auto kFrameTime = 40ms;
constexpr auto kForEver = 1h;

Settings everyFrame(const std::string& output) {
    Settings settings;
    settings.output = output;
    settings.smart = SmartFunctions::none();
    settings.lookaheadFrames = 0;
    return settings;
}

/// Much faster than it says, and so are the retries.
PipelineParts live(int pictures = kPictures) {
    PipelineParts parts = makeParts({.times = evenTimes(pictures, kFrameTime), .live = true, .pace = 1ms});
    parts.retries = {.first = 4ms, .longest = 20ms};
    return parts;
}

template <typename Counts>
std::uint64_t total(const Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& count) { return sum + count.second; });
}

struct Outcome {
    RecordingSummary summary;
    bool struck = false;
};

Outcome recordOn(const Settings& settings, const SickDisk::Course& course, int pictures = kPictures) {
    Outcome outcome;
    Recording recording(settings, live(pictures));
    const SickDisk disk(std::filesystem::path(settings.output).parent_path(), course);
    recording.start();
    outcome.summary = recording.finish();
    outcome.struck = SickDisk::struck();
    return outcome;
}

void checkFigures(const Outcome& outcome) {
    const RecordingSummary& summary = outcome.summary;
    CAPTURE(summary.failure);
    if (summary.failure.find("quota") == std::string::npos)  // which ends it
        CHECK(summary.framesIn == kPictures);
    const std::uint64_t between = summary.events ? summary.events->framesBetween : 0;
    CHECK(summary.framesIn == summary.framesRecorded + total(summary.droppedByReason) + summary.framesDroppedAtSource +
                                  summary.framesLost + summary.framesDiskBusy + between);
    CHECK(summary.framesLost == summary.framesLostToDisk);
    CHECK(summary.framesDiskBusy == 0);  // memory has room for all of them
    CHECK(summary.wallTime < 15s);
    const bool complete = summary.framesRecorded + between == summary.framesIn;
    if (!outcome.struck)
        CHECK(summary.exitStatus() == 0);
    if (!complete)
        CHECK(summary.exitStatus() == (summary.framesRecorded == 0 ? 2 : 1));
    CHECK((summary.framesLostToDisk > 0) == !complete);
    if (complete)
        CHECK(summary.timeLost == 0ms);
}

std::uint64_t picturesIn(const std::string& path) {
    CAPTURE(path);
    return readRecording(path).times.size();
}

struct Sickness {
    std::string name;
    std::chrono::nanoseconds lasting;
    int error;
};
const Sickness kSicknesses[] = {{"one change fails", 0ns, EIO},
                                {"gone for a while", 20ms, EIO},
                                {"read-only for a while", 20ms, EROFS},
                                {"gone for good", kForEver, EIO},
                                {"a quota is exceeded", kForEver, EDQUOT}};

/// Until the recording ends before the disk fails. Every picture of a raw stream is a change: some of them must do.
template <typename Check>
void failAtEachChange(const Sickness& sickness, int step, const Check& check) {
    bool struck = true;
    for (int well = 0; struck; well += step) {
        CAPTURE(sickness.name);
        CAPTURE(well);
        REQUIRE(well < 500);
        struck = check(SickDisk::Course{
            .well = well, .lasting = sickness.lasting, .error = sickness.error, .partly = sickness.lasting == 0ns});
    }
}

bool isBackSoon(const Sickness& sickness) {
    return sickness.lasting < kForEver;
}

}  // namespace

TEST_SUITE("fault") {
    TEST_CASE("a live recording outlives a disk that fails at any change and every file of it plays") {
        for (const Sickness& sickness : kSicknesses) {
            for (const std::string name : {"out.mp4", "out.h264"}) {
                CAPTURE(name);
                const bool raw = rawStreamCodec(name).has_value();
                std::uint64_t most = 0;
                failAtEachChange(sickness, raw ? 7 : 1, [&](const SickDisk::Course& course) {
                    const TemporaryFolder folder;
                    const Outcome outcome = recordOn(everyFrame(folder / name), course);
                    checkFigures(outcome);
                    std::uint64_t pictures = 0;
                    for (const WrittenFile& file : outcome.summary.files) {
                        CHECK(picturesIn(file.path) == file.pictures);
                        pictures += file.pictures;
                    }
                    CHECK(pictures == outcome.summary.framesRecorded);
                    if (isBackSoon(sickness))
                        CHECK(outcome.summary.framesRecorded > 0);
                    if (outcome.struck && outcome.summary.files.size() > 1) {
                        CHECK(std::filesystem::path(outcome.summary.files[1].path).stem() == "out-2");
                        most = std::max(most, outcome.summary.files.back().pictures);
                    }
                    return outcome.struck;
                });
                CHECK((most > 0) == isBackSoon(sickness));  // it went on
            }
        }
    }

    TEST_CASE("a disk that stalls at any change costs nothing and holds nothing up") {
        for (const std::string name : {"out.mp4", "out.h264", "s%03i.mp4"}) {
            CAPTURE(name);
            failAtEachChange({"stalls", 30ms, 0}, name == "out.h264" ? 7 : 1, [&](const SickDisk::Course& course) {
                const TemporaryFolder folder;
                Settings settings = everyFrame(folder / name);
                if (name == "s%03i.mp4")
                    settings.segments = SegmentSettings{.length = 1s};
                const Outcome outcome = recordOn(settings, course);
                checkFigures(outcome);
                CHECK(outcome.summary.exitStatus() == 0);
                CHECK(outcome.summary.framesRecorded == kPictures);
                std::uint64_t pictures = 0;
                for (const std::string& file : filesIn(folder.path()))
                    pictures += picturesIn(folder / file);
                CHECK(pictures == kPictures);
                return outcome.struck;
            });
        }
    }

    TEST_CASE("what comes while the disk is away waits for it in memory") {
        constexpr int kMany = 600;
        for (const std::string name : {"out.mp4", "out.h264"}) {
            CAPTURE(name);
            const TemporaryFolder folder;
            const Outcome outcome =
                recordOn(everyFrame(folder / name), {.well = 6, .lasting = 300ms, .partly = false}, kMany);
            const RecordingSummary& summary = outcome.summary;
            REQUIRE(outcome.struck);
            CHECK(summary.framesIn == kMany);
            CHECK(summary.framesRecorded + summary.framesLostToDisk == kMany);
            CHECK(summary.diskOutages == 1);
            CHECK(summary.framesLostToDisk > 0);
            CHECK(summary.framesLostToDisk < 60);  // a fragment that was not full, and what was on its way behind it
            REQUIRE(summary.files.size() == 2);
            CHECK(picturesIn(summary.files[1].path) == summary.files[1].pictures);
            CHECK(summary.exitStatus() == 1);
            const double lost = static_cast<double>(summary.framesLostToDisk) * 0.04;
            const double told = std::chrono::duration<double>(summary.timeLost).count();
            CHECK(told < lost + 0.001);
            CHECK(told > lost - 0.6);  // the last picture of the fragment before stands until the disk has failed
        }
    }

    TEST_CASE("what waits for the disk at the end goes onto it if it is back by then") {
        const TemporaryFolder folder;
        PipelineParts parts = live(200);
        parts.retries = {.first = 1min, .longest = 2min};
        Recording recording(everyFrame(folder / "out.mp4"), parts);
        const SickDisk disk(folder.path(), {.well = 6, .lasting = 40ms, .partly = false});
        recording.start();
        const RecordingSummary summary = recording.finish();
        REQUIRE(SickDisk::struck());
        CHECK(summary.wallTime < 15s);
        CHECK(summary.framesRecorded > 140);
        CHECK(summary.framesRecorded + summary.framesLostToDisk == 200);
        REQUIRE(summary.files.size() == 2);
        CHECK(picturesIn(summary.files[1].path) == summary.files[1].pictures);
    }

    TEST_CASE("among segments and events too and index and folder agree") {
        for (std::size_t i = 0; i < 2 * std::size(kSicknesses); ++i) {
            const Sickness& sickness = kSicknesses[i / 2];
            const bool events = i % 2 == 1;
            CAPTURE(events);
            std::uint64_t wentOn = 0;
            failAtEachChange(sickness, 1, [&](const SickDisk::Course& course) {
                const TemporaryFolder folder;
                Settings settings = everyFrame(folder / "s%03i.mp4");
                settings.segments = SegmentSettings{.length = 1s};
                if (events)
                    settings.events = EventSettings{.preRoll = 1s, .postRoll = 1s};
                const Outcome outcome = recordOn(settings, course);
                checkFigures(outcome);
                wentOn += outcome.summary.diskOutages > 0 && outcome.summary.exitStatus() == 1 ? 1 : 0;
                {  // the next recording
                    SegmentFolder next(folder.path());
                    const SegmentIndex index(next, WallTimes(readSystemClocks, false));
                }
                std::uint64_t pictures = 0;
                std::vector<std::string> listed;
                for (const SegmentRecord& segment : listedSegments(folder.path())) {
                    CAPTURE(segment.file);
                    CHECK(segment.state != SegmentRecord::State::Recording);
                    listed.push_back(segment.file);
                    if (segment.frames == 0)  // what a disk that stayed away kept of its first fragment
                        CHECK(outcome.summary.exitStatus() != 0);
                    else
                        CHECK(picturesIn(folder / segment.file) == segment.frames);
                    pictures += segment.frames.value_or(0);
                }
                CHECK(listed == filesIn(folder.path()));
                CHECK(pictures == outcome.summary.framesRecorded);
                return outcome.struck;
            });
            CHECK((wentOn > 0) == (sickness.error != EDQUOT));
        }
    }

    TEST_CASE("an index that cannot be stored costs no segment") {
        for (int well = 0; well < 8; ++well) {
            CAPTURE(well);
            const TemporaryFolder folder;
            Settings settings = everyFrame(folder / "s%03i.mp4");
            settings.segments = SegmentSettings{.length = 500ms, .rotateWhenFull = true};
            const Outcome outcome =
                recordOn(settings, {.well = well, .lasting = kForEver, .partly = false, .only = "segments.jsonl"});
            CHECK(outcome.struck);
            std::uint64_t pictures = 0;
            for (const std::string& file : filesIn(folder.path()))
                pictures += picturesIn(folder / file);
            CHECK(pictures == outcome.summary.framesRecorded);
        }
    }

    TEST_CASE("the index is right at once when a disk is back before the end") {
        for (int well = 0; well < 14; ++well) {
            CAPTURE(well);
            const TemporaryFolder folder;
            Settings settings = everyFrame(folder / "s%03i.mp4");
            settings.segments = SegmentSettings{.length = 500ms};
            const Outcome outcome = recordOn(settings, {.well = well, .lasting = 10ms, .partly = false});
            REQUIRE(outcome.struck);
            std::vector<std::string> listed;
            for (const SegmentRecord& segment : listedSegments(folder.path())) {
                CAPTURE(segment.file);
                CHECK(segment.state != SegmentRecord::State::Recording);
                CHECK(std::filesystem::file_size(folder / segment.file) == segment.bytes);
                CHECK(picturesIn(folder / segment.file) == segment.frames);
                listed.push_back(segment.file);
            }
            CHECK(listed == filesIn(folder.path()));
        }
    }

    TEST_CASE("a disk that does not answer holds the end of a live recording up for ten seconds only") {
        for (const char* changes : {"6", "8", "14"}) {
            CAPTURE(std::string(changes));
            const TemporaryFolder folder;
            setenv("SMARTCODEC_SICK_FOLDER", folder.path().c_str(), 1);
            setenv("SMARTCODEC_SICK_CHANGES", changes, 1);
            Program program({"--scene", "-w", "160", "-h", "96", "--realtime", "--smart", "off", "--encoder",
                             "software", "-o", folder / "out.mp4"},
                            {.binary = SMARTCODEC_SICK_DISK});
            std::this_thread::sleep_for(4s);
            const auto asked = std::chrono::steady_clock::now();
            program.send(SIGINT);
            const ProgramResult result = program.wait(30s);
            CAPTURE(result.errors);
            CHECK(std::chrono::steady_clock::now() - asked < 15s);
            CHECK(result.exitStatus == 1);
            CHECK(result.errors.find("the disk has not answered for 10 s") != std::string::npos);
            CHECK(picturesIn(folder / "out.mp4") > 0);
        }
        unsetenv("SMARTCODEC_SICK_FOLDER");
    }

    TEST_CASE("a recording that is not live ends when its disk fails") {
        const TemporaryFolder folder;
        PipelineParts parts = makeParts({.times = {}, .endless = true});
        Recording recording(everyFrame(folder / "out.mp4"), parts);
        const SickDisk disk(folder.path(), {.well = 3});
        recording.start();
        const RecordingSummary summary = recording.finish();
        CHECK(summary.exitStatus() == 1);
        CHECK(summary.failure.find("Input/output error") != std::string::npos);
        CHECK(summary.files.size() == 1);
        CHECK(summary.diskOutages == 0);
        CHECK(picturesIn(folder / "out.mp4") == summary.framesRecorded);
        // by what is recorded, not by what was read
        const double seconds = static_cast<double>(summary.framesRecorded) * 0.04;
        CHECK(std::chrono::duration<double>(summary.duration - summary.timeLost).count() <= seconds + 0.6);
    }
}
