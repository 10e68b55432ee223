// Cameras and encoders that are busy, interrupted or gone.

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/device/camera_recording.h"
#include "tests/device/kernel_devices.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr const char* kCameraIsOpen = "does not tell its frame rate";  // the first thing that is said of it

void unbind(const std::string& driver) {
    std::ofstream file("/sys/bus/platform/drivers/" + driver + "/unbind");
    file << driver << ".0" << std::flush;
    REQUIRE(file);
}

void bind(const std::string& driver) {
    std::ofstream file("/sys/bus/platform/drivers/" + driver + "/bind");
    file << driver << ".0" << std::flush;
    REQUIRE(file);
    settleDevices();
}

/// Until there are as many bytes of it: a file that is being written.
bool waitForBytes(const std::string& path, std::uintmax_t bytes) {
    for (int i = 0; i < 300; ++i) {
        std::error_code error;
        const auto size = std::filesystem::file_size(path, error);
        if (!error && size >= bytes)
            return true;
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

/// What it says besides the notes at its start.
std::string lastLine(const std::string& errors) {
    std::istringstream lines(errors);
    std::string last;
    for (std::string line; std::getline(lines, line);)
        last = line;
    return last;
}

std::vector<std::string> toFile(const std::string& output, Size size) {
    return {"-w", std::to_string(size.width), "-h", std::to_string(size.height), "--smart", "off", "-o", output};
}

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

}  // namespace

TEST_SUITE("last") {
    TEST_CASE("unplugging 1: Ctrl-C at any moment leaves a camera's recording playable") {
        constexpr unsigned kSeed = 4;
        std::mt19937 random(kSeed);
        int recorded = 0;
        for (int i = 0; i < 5; ++i) {
            const TemporaryFolder folder;
            const std::chrono::milliseconds moment(random() % 1500);
            CAPTURE(i);
            CAPTURE(moment.count());
            Program program(with(toFile(folder / "out.mp4", kSensorSize), {"--encoder", "software"}));
            if (i > 0)  // the first may not even have come to its options
                REQUIRE(program.waitForError(kCameraIsOpen));
            std::this_thread::sleep_for(moment);
            program.send(SIGINT);
            const ProgramResult result = program.wait(60s);
            CAPTURE(result.errors);
            if (std::filesystem::exists(folder / "out.mp4")) {
                CHECK(result.exitStatus == 0);
                CHECK(!readRecording(folder / "out.mp4").times.empty());
                ++recorded;
            } else {
                CHECK((result.signal == SIGINT ||
                       (result.exitStatus > 0 &&
                        lastLine(result.errors).find("nothing was recorded") != std::string::npos)));
            }
        }
        CHECK(recorded > 1);
    }

    TEST_CASE("unplugging 2: a camera that another process records from is refused in one line") {
        const TemporaryFolder folder;
        Program first(with(toFile(folder / "first.mp4", kSensorSize), {"--encoder", "software"}));
        REQUIRE(first.waitForError(kCameraIsOpen));
        std::this_thread::sleep_for(1s);
        const ProgramResult second = runProgram(toFile(folder / "second.mp4", kSensorSize));
        CHECK(second.exitStatus == 2);
        CHECK(second.errorLines() == 1);
        CHECK_MESSAGE(second.errors.find("does no other program use it") != std::string::npos, second.errors);
        CHECK_FALSE(std::filesystem::exists(folder / "second.mp4"));
        first.send(SIGINT);
        CHECK(first.wait(60s).exitStatus == 0);
        CHECK(!readRecording(folder / "first.mp4").times.empty());
    }

    TEST_CASE("unplugging 3: an encoder that is unbound leaves a whole file and status 1") {
        const Vicodec vicodec({}, Vicodec::Use::Alone);
        const TemporaryFolder folder;
        const std::string output = folder / "out.fwht";
        Program program(with(toFile(output, kLargeSize), {"--encoder", "v4l2"}));
        REQUIRE(waitForBytes(output, 250'000));
        unbind("vicodec");
        const ProgramResult result = program.wait(60s);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(lastLine(result.errors).find("/dev/video") != std::string::npos);
        CHECK(readFwht(output).size() > 2);
        bind("vicodec");
    }

    TEST_CASE("unplugging 4: a camera that is unbound leaves a whole file and status 1 and is there no more") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.fwht";
        const Vicodec vicodec({}, Vicodec::Use::Alone);
        Program program(with(toFile(output, kLargeSize), {"--encoder", "v4l2"}));
        REQUIRE(waitForBytes(output, 250'000));
        unbind("vimc");
        const ProgramResult result = program.wait(60s);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 1);
        CHECK(lastLine(result.errors).find("smartcodec: camera ") != std::string::npos);
        CHECK(readFwht(output).size() > 2);
        const ProgramResult none = runProgram(toFile(folder / "none.mp4", kSensorSize));
        CHECK(none.exitStatus == 2);
        CHECK(none.errorLines() == 1);
        CHECK_MESSAGE(none.errors.find("no camera found") != std::string::npos, none.errors);
        CHECK_FALSE(std::filesystem::exists(folder / "none.mp4"));
        bind("vimc");
    }
}
}  // namespace smartcodec::test
