#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

std::vector<std::string> scene(const std::string& output, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--scene", "-w", "64", "-h", "64", "--encoder", "software", "-o", output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// Refused before anything was recorded: status 2, one line with `part` in it.
void checkRefused(const std::vector<std::string>& arguments, const std::string& part) {
    const ProgramResult result = runProgram(arguments);
    CAPTURE(result.errors);
    CHECK(result.exitStatus == 2);
    CHECK(result.errorLines() == 1);
    CHECK(result.errors.find(part) != std::string::npos);
    CHECK(result.output == "");
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a folder that segments cannot go to is refused in one line that names it") {
        const TemporaryFolder folder;
        const std::vector<std::string> segments{"--frames", "5", "--segment", "1s"};
        checkRefused(scene(folder / "none/%H.mp4", segments), "there is no such folder; create it first");
        std::ofstream(folder / "file") << "x";
        checkRefused(scene(folder / "file/%H.mp4", segments), folder / "file");
        fs::create_directory(folder / "notes");
        std::ofstream(folder / "notes/segments.jsonl") << "my own notes\n";
        checkRefused(scene(folder / "notes/%H.mp4", segments), "is not an index of segments");
        CHECK(filesIn(folder / "notes").empty());
        fs::create_directory(folder / "real");
        fs::create_directory(folder / "linked");
        fs::create_directory_symlink("../real", folder / "linked/2");
        checkRefused(scene(folder / "linked/%%/../%i/x.mp4", segments), "is no name of a file");
        fs::create_directory_symlink("../real", folder / "linked/1");
        checkRefused(scene(folder / "linked/%i/x.mp4", segments), "not through links");
        CHECK(filesIn(folder / "real").empty());
    }

    TEST_CASE("a second recording into the same folder is refused while the first one runs") {
        const TemporaryFolder folder;
        Program first(scene(folder / "a%i.mp4", {"--realtime", "--segment", "1min"}));
        while (!fs::exists(folder / "a1.mp4"))
            REQUIRE_FALSE(first.waitForError("no such thing is ever said", 0s));
        checkRefused(scene(folder / "b%i.mp4", {"--frames", "5", "--segment", "1s"}), "another recording");
        first.send(SIGINT);
        CHECK(first.wait().exitStatus != -1);
        CHECK(runProgram(scene(folder / "b%i.mp4", {"--frames", "5", "--segment", "1s"})).exitStatus == 0);
    }

    TEST_CASE("a configuration file says how to cut and what to keep") {
        const TemporaryFolder folder;
        std::ofstream(folder / "c.toml") << "scene = \"busy\"\n"
                                         << "frames = 120\n"
                                         << "segment = [\"1s\", \"100MB\"]\n"
                                         << "keep = [\"7d\", \"20GB\"]\n"
                                         << "keep-free = \"1kB\"\n"
                                         << "on-full = \"rotate\"\n"
                                         << "on-segment = \"touch {}.done\"\n";
        const ProgramResult result = runProgram({"--config", folder / "c.toml", "-w", "64", "-h", "64", "--encoder",
                                                 "software", "-o", folder / "rec-%Y/%i.mp4", "--summary", "json"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(nlohmann::json::parse(result.output)["segments"]["written"] == 4);
        CHECK(listedSegments(folder.path()).size() == 4);
        CHECK(filesIn(folder.path()).size() == 9);  // with the marks that the command left, and the configuration
    }

    TEST_CASE("what a command prints is not mixed with the summary") {
        const TemporaryFolder folder;
        const ProgramResult result =
            runProgram(scene(folder / "%i.mp4", {"--frames", "60", "--segment", "1s", "--summary", "json",
                                                 "--on-segment", "echo segment is there:"}));
        CHECK(result.exitStatus == 0);
        CHECK(nlohmann::json::parse(result.output)["segments"]["written"] == 2);
        CHECK(result.errors.find("segment is there: " + (folder / "2.mp4")) != std::string::npos);
    }

    TEST_CASE("an interrupted recording ends its segment properly") {
        const TemporaryFolder folder;
        Program program(scene(folder / "%i.mp4", {"--realtime", "--segment", "1s"}));
        while (!fs::exists(folder / "2.mp4"))
            REQUIRE_FALSE(program.waitForError("no such thing is ever said", 0s));
        program.send(SIGINT);
        const ProgramResult result = program.wait();
        CAPTURE(result.errors);
        const bool onTime = result.exitStatus == 0;
        CHECK(onTime);
        for (const SegmentRecord& segment : listedSegments(folder.path())) {
            CHECK(segment.state == SegmentRecord::State::Finished);
            CHECK(readRecording(folder / segment.file).times.size() == segment.frames);
        }
    }
}
