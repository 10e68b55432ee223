#include <doctest/doctest.h>
#include <poll.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// smartcodec where there are emulated V4L2 encoders.
const ProgramOptions kEmulated{.binary = SMARTCODEC_EMULATED};

std::vector<std::string> scene(const TemporaryFolder& folder, std::vector<std::string> more) {
    std::vector<std::string> arguments{"--scene", "busy", "-w", "256", "-h", "144", "-o", folder / "out.mp4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a device that is named records and what it does in another way is said once") {
        const TemporaryFolder folder;
        const ProgramResult result = runProgram(
            scene(folder, {"--encoder", "emulated:wave5", "--frames", "60", "--lookahead", "20", "--summary", "json"}),
            kEmulated);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.rfind("smartcodec: --encoder v4l2: wave5", 0) == 0);
        for (const char* said :
             {"regions of interest: ", "no key frames on request", "its bit rate", "--lookahead 20: "}) {
            CAPTURE(said);
            const auto first = result.errors.find(said);
            CHECK(first != std::string::npos);
            CHECK(result.errors.find(said, first + 1) == std::string::npos);
        }
        const auto summary = nlohmann::json::parse(result.output);
        CHECK(summary["encoder"].get<std::string>().find("/dev/video") != std::string::npos);
        CHECK(summary["frames_recorded"] == readRecording(folder / "out.mp4").times.size());
    }

    TEST_CASE("a device that dies while it records is told of in the log and the file goes on") {
        const TemporaryFolder folder;
        const std::vector<std::string> arguments =
            scene(folder, {"--encoder", "emulated:plain,die=40", "--frames", "60", "--smart", "off"});
        const ProgramResult result = runProgram(arguments, kEmulated);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        const auto first = result.errors.find("smartcodec: plain /dev/video0: it was opened again after ");
        REQUIRE(first != std::string::npos);
        const std::string line = result.errors.substr(first, result.errors.find('\n', first) - first);
        CHECK(line.find("Input/output error") != std::string::npos);
        CHECK(result.errors.find("opened again", first + line.size()) == std::string::npos);
        CHECK(readRecording(folder / "out.mp4").times.size() >= 55);
        CHECK_FALSE(std::filesystem::exists(folder / "out-2.mp4"));
    }

    TEST_CASE("a device that dies again soon after it was opened again ends the recording with a whole file") {
        const TemporaryFolder folder;
        const std::vector<std::string> arguments = scene(
            folder,
            {"--encoder", "emulated:plain,die=40,die=60", "--frames", "100", "--smart", "off", "--summary", "json"});
        const ProgramResult result = runProgram(arguments, kEmulated);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        const auto first = result.errors.find("smartcodec: plain /dev/video0: it was opened again after ");
        REQUIRE(first != std::string::npos);
        const auto second = result.errors.find("Input/output error, less than 10 s after it was opened again", first);
        CHECK(second != std::string::npos);
        CHECK(result.errors.find("opened again", second + 60) == std::string::npos);
        const auto summary = nlohmann::json::parse(result.output);
        const std::size_t pictures = readRecording(folder / "out.mp4").times.size();  // decodes it to its end
        CHECK(summary["frames_recorded"] == pictures);
        CHECK(pictures > 40);
        CHECK(pictures < 60);
        CHECK_FALSE(std::filesystem::exists(folder / "out-2.mp4"));
    }

    TEST_CASE("auto takes a device where there is one") {
        const TemporaryFolder folder;
        const ProgramResult result = runProgram(scene(folder, {"--frames", "20"}), kEmulated);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.rfind("smartcodec: --encoder auto: ", 0) == 0);
        CHECK(result.errors.find("/dev/video") != std::string::npos);
        CHECK(result.errors.find("software") == std::string::npos);
        CHECK(readRecording(folder / "out.mp4").times.size() == 20);
    }

    TEST_CASE("a device that does not code H.264 is refused in one line and leaves no file") {
        const TemporaryFolder folder;
        for (const char* encoder : {"emulated:vicodec", "v4l2:/dev/video99"}) {
            const ProgramResult result = runProgram(scene(folder, {"--encoder", encoder, "--frames", "5"}), kEmulated);
            CAPTURE(result.errors);
            CHECK(result.exitStatus == 2);
            CHECK(result.errorLines() == 1);
            CHECK(result.errors.find("/dev/video") != std::string::npos);
            CHECK_FALSE(std::filesystem::exists(folder / "out.mp4"));
        }
    }

    TEST_CASE("smartcodec itself knows of no emulated device") {
        const TemporaryFolder folder;
        const ProgramResult result = runProgram(scene(folder, {"--encoder", "emulated:venus", "--frames", "5"}));
        CHECK(result.exitStatus == 2);
        CHECK(result.errors.find("--encoder emulated:venus: give auto") != std::string::npos);
    }

    TEST_CASE("Ctrl-C ends a recording through a device with a file that plays") {
        const TemporaryFolder folder;
        Program program(scene(folder, {"--encoder", "emulated:venus", "--realtime"}), kEmulated);
        REQUIRE(program.waitForError("--encoder v4l2"));
        poll(nullptr, 0, 700);
        program.send(SIGINT);
        const ProgramResult result = program.wait();
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(!readRecording(folder / "out.mp4").times.empty());
    }
}
