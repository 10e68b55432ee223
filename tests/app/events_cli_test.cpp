#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

using Arguments = std::vector<std::string>;

/// The still scene, at its own pace.
Arguments still(const std::string& output, const Arguments& more) {
    Arguments arguments{"--scene",   "empty",    "--realtime", "-w",   "64",        "-h",  "64",
                        "--encoder", "software", "-o",         output, "--summary", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// Until the recording has begun.
[[nodiscard]] bool waitForIndex(Program& program, const TemporaryFolder& folder) {
    for (int i = 0; i < 600; ++i) {
        if (std::ifstream(folder / "segments.jsonl").good())
            return true;
        if (program.waitForError("no such thing is ever said", 0s))
            return false;
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("SIGUSR1 makes an event of what was just before it and of what follows") {
        const TemporaryFolder folder;
        Program program(
            still(folder / "e%i.mp4", {"--events", "--pre-roll", "1s", "--post-roll", "1s", "--duration", "8"}));
        REQUIRE(waitForIndex(program, folder));
        std::this_thread::sleep_for(4s);
        program.send(SIGUSR1);
        const ProgramResult result = program.wait();
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 1);
        CHECK(segments[0].event == 1U);
        CHECK(segments[0].reason == "signal");
        CHECK(segments[0].state == SegmentRecord::State::Finished);
        const RecordedFile file = readRecording(folder / segments[0].file);
        CHECK(file.times.size() == segments[0].frames);
        CHECK(file.videoEnd >= 2);
        CHECK(file.videoEnd < 5);
        const auto summary = nlohmann::json::parse(result.output);
        CHECK(summary["events"]["count"] == 1);
        CHECK(summary["events"]["time_s"].get<double>() == doctest::Approx(file.videoEnd).epsilon(0.01));
        CHECK(summary["frames_in"] == summary["frames_recorded"].get<int>() + summary["frames_dropped"].get<int>() +
                                          summary["frames_dropped_at_source"].get<int>() +
                                          summary["frames_lost"].get<int>() + summary["frames_disk_busy"].get<int>() +
                                          summary["events"]["frames_between"].get<int>());
    }

    TEST_CASE("SIGUSR1 does no harm where everything is recorded") {
        const TemporaryFolder folder;
        Program program(still(folder / "video.mp4", {"--duration", "2"}));
        for (int i = 0; i < 30; ++i) {
            std::this_thread::sleep_for(50ms);
            if (i > 5)
                program.send(SIGUSR1);  // by then it has the signal blocked
        }
        const ProgramResult result = program.wait();
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors == "");
        CHECK(readRecording(folder / "video.mp4").videoEnd == doctest::Approx(2).epsilon(0.05));
    }

    TEST_CASE("a configuration file asks for events and the command is run for each") {
        const TemporaryFolder folder;
        std::ofstream(folder / "c.toml") << "scene = \"corridor\"\n"
                                         << "duration = 20\n"
                                         << "events = true\n"
                                         << "pre-roll = \"2s\"\n"
                                         << "post-roll = \"1s\"\n"
                                         << "on-segment = \"touch {}.done\"\n";
        const ProgramResult result = runProgram({"--config", folder / "c.toml", "-w", "160", "-h", "96", "--encoder",
                                                 "software", "-o", folder / "event-%i.mp4"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.output.find("events         1,") != std::string::npos);
        const std::vector<SegmentRecord> segments = listedSegments(folder.path());
        REQUIRE(segments.size() == 1);
        CHECK(segments[0].file == "event-1.mp4");
        CHECK(segments[0].reason.starts_with("activity: "));
        CHECK(segments[0].motion > 1s);
        CHECK(filesIn(folder.path()).size() == 3);  // with the mark that the command left, and the configuration
    }
}
