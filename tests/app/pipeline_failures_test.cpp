#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

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
    settings.lookaheadFrames = 0;  // what has been encoded is out at once
    return settings;
}

bool isEmpty(const TemporaryFolder& folder) {
    return std::filesystem::is_empty(folder.path());
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("an encoder that fails leaves a whole file up to there") {
        for (const bool thrown : {false, true}) {
            CAPTURE(thrown);
            const TemporaryFolder folder;
            Obstacle obstacle;
            (thrown ? obstacle.throwAt : obstacle.failAt) = 20;
            const RecordingSummary summary =
                record(everyFrame(folder), {}, makeParts({.times = {}, .endless = true}, obstacle));
            CHECK(summary.failure.find("on purpose") != std::string::npos);
            CHECK(summary.exitStatus() == 1);
            CHECK(summary.framesRecorded == 20);
            CHECK(summary.framesLost >= 1);
            CHECK(summary.framesIn == summary.framesRecorded + summary.framesLost);
            const RecordedFile file = readRecording(folder / "out.mp4");
            CHECK(file.times.size() == 20);
            CHECK(std::abs(file.videoEnd - 0.8) < 0.001);
        }
    }

    TEST_CASE("pictures that an encoder keeps for itself when it fails do not stretch the last one written") {
        for (const bool draining : {false, true}) {
            CAPTURE(draining);
            const TemporaryFolder folder;
            Settings settings = everyFrame(folder);
            settings.lookaheadFrames.reset();
            const RecordingSummary summary =
                record(settings, {},
                       draining ? makeParts({.times = evenTimes(100, 40ms)}, {.failDrain = true})
                                : makeParts({.times = {}, .endless = true}, {.failAt = 100}));
            CHECK(summary.exitStatus() == 1);
            const RecordedFile file = readRecording(folder / "out.mp4");
            REQUIRE_FALSE(file.times.empty());
            CHECK(file.times.size() == summary.framesRecorded);
            CHECK(file.times.size() < 98);  // or nothing was looked ahead
            CHECK(std::abs(file.videoEnd - file.times.back() - 0.04) < 0.001);
        }
    }

    TEST_CASE("an encoder that cannot drain is reported") {
        const TemporaryFolder folder;
        const RecordingSummary summary =
            record(everyFrame(folder), {}, makeParts({.times = evenTimes(10, 40ms)}, {.failDrain = true}));
        CHECK(summary.failure == "fake encoder: cannot drain");
        CHECK(summary.exitStatus() == 1);
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
    }

    TEST_CASE("a source that fails leaves all its frames in a whole file") {
        const TemporaryFolder folder;
        const RecordingSummary summary = record(
            everyFrame(folder), {}, makeParts({.times = evenTimes(15, 40ms), .failure = "fake source: unplugged"}));
        CHECK(summary.failure == "fake source: unplugged");
        CHECK(summary.exitStatus() == 1);
        CHECK(readRecording(folder / "out.mp4").times.size() == 15);
    }

    TEST_CASE("a source without a picture leaves no file") {
        const TemporaryFolder folder;
        const RecordingSummary summary = record(everyFrame(folder), {}, makeParts({.times = {}}));
        CHECK(summary.exitStatus() == 2);
        CHECK(summary.failure.find("fake source") != std::string::npos);
        CHECK(isEmpty(folder));
    }

    TEST_CASE("an encoder that does not open leaves nothing behind") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.traceFile = folder / "trace.jsonl";
        PipelineParts parts = makeParts({.times = evenTimes(5, 40ms)});
        parts.openEncoder = [](const EncoderConfig&) -> std::unique_ptr<Encoder> {
            throw std::runtime_error("no encoder");
        };
        CHECK_THROWS_WITH(Recording(settings, parts), "no encoder");
        CHECK(isEmpty(folder));
    }

    TEST_CASE("an output that cannot be created leaves no trace") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.output = folder / "missing/out.mp4";
        settings.traceFile = folder / "trace.jsonl";
        CHECK_THROWS_WITH(Recording(settings, makeParts({.times = evenTimes(5, 40ms)})),
                          doctest::Contains("missing/out.mp4"));
        CHECK(isEmpty(folder));
    }

    TEST_CASE("a file that cannot be begun leaves no trace either") {
        const TemporaryFolder folder;
        Settings settings = everyFrame(folder);
        settings.traceFile = folder / "trace.jsonl";
        CHECK_THROWS_WITH(Recording(settings, makeParts({.times = evenTimes(5, 40ms)}, {.withoutParameterSets = true})),
                          doctest::Contains("parameter sets"));
        CHECK(isEmpty(folder));
    }

    TEST_CASE("the input is not overwritten by its own recording") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4"});
        const auto size = std::filesystem::file_size(folder / "in.mp4");
        std::filesystem::create_hard_link(folder / "in.mp4", folder / "other.mp4");
        Settings settings = everyFrame(folder);
        settings.overwrite = true;
        settings.source = FileSourceConfig{folder / "in.mp4", {}, {}};
        for (const char* output : {"in.mp4", "./in.mp4", "other.mp4"}) {
            CAPTURE(output);
            settings.output = folder / output;
            CHECK_THROWS_WITH((void)record(settings), doctest::Contains("is the input too"));
        }
        settings.output = folder / "out.mp4";
        settings.traceFile = folder / "in.mp4";
        CHECK_THROWS_WITH((void)record(settings), doctest::Contains("trace"));
        CHECK(std::filesystem::file_size(folder / "in.mp4") == size);
    }
}
