#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// Lets the program work for a while.
void pass(std::chrono::milliseconds time) {
    poll(nullptr, 0, static_cast<int>(time.count()));
}

/// A named pipe into a program.
class Fifo {
  public:
    explicit Fifo(const std::string& path) : path_(path) { REQUIRE(mkfifo(path.c_str(), 0600) == 0); }

    [[nodiscard]] const std::string& path() const { return path_; }

    /// So that nobody waits for the other end, and no end is seen.
    void openBothEnds() { end_ = UniqueFd(open(path_.c_str(), O_RDWR | O_CLOEXEC)); }
    void close() { end_.reset(); }

    /// The file's contents, which must fit into the pipe.
    void write(const std::string& file) {
        std::ifstream stream(file, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
        REQUIRE(bytes.size() < 65536);
        REQUIRE(::write(end_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }

  private:
    std::string path_;
    UniqueFd end_;
};

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("the scene is recorded and summed up") {
        const TemporaryFolder folder;
        const ProgramResult result =
            runProgram({"--scene", "-w", "320", "-h", "240", "--frames", "60", "-o", folder / "out.mp4"});
        CHECK(result.exitStatus == 0);
        CHECK(result.output.find("frames in      60") != std::string::npos);
        CHECK(result.errorLines() == 1);  // which encoder auto became
        CHECK(result.errors.find("--encoder auto: software (libx264)") != std::string::npos);
        CHECK(!readRecording(folder / "out.mp4").times.empty());
    }

    TEST_CASE("the summary as JSON has standard output for itself") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .frames = 40});
        const ProgramResult result = runProgram({"-i", folder / "in.mp4", "-o", folder / "out.mp4", "--smart", "off",
                                                 "--summary", "json", "--encoder", "software"});
        CHECK(result.exitStatus == 0);
        CHECK(result.errors == "");
        const auto summary = nlohmann::json::parse(result.output);
        CHECK(summary["frames_in"] == 40);
        CHECK(summary["frames_recorded"] == 40);
        CHECK(summary["file_bytes"] == std::filesystem::file_size(folder / "out.mp4"));
    }

    TEST_CASE("a width alone scales a file") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mp4", .size = {320, 240}, .frames = 10});
        CHECK(runProgram({"-i", folder / "in.mp4", "-o", folder / "out.mp4", "-w", "160"}).exitStatus == 0);
        const RecordedFile file = readRecording(folder / "out.mp4");
        CHECK(file.width == 160);
        CHECK(file.height == 120);
    }

    TEST_CASE("HEVC is recorded too") {
        const TemporaryFolder folder;
        const ProgramResult result = runProgram({"--scene", "-w", "320", "-h", "240", "--frames", "20", "--codec",
                                                 "hevc", "--encoder", "software", "-o", folder / "out.mp4"});
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.find("libx265 keeps its first bit rate") != std::string::npos);
        CHECK(!readRecording(folder / "out.mp4").times.empty());
    }

    TEST_CASE("what there is to record with is listed") {
        const ProgramResult result = runProgram({"devices"});
        CHECK(result.exitStatus == 0);
        CHECK(result.output.find("libx264") != std::string::npos);
        CHECK(result.output.find("cameras") != std::string::npos);
        CHECK(result.errors == "");
    }

    TEST_CASE("help and version go to standard output") {
        CHECK(runProgram({"--help"}).output.find("--max-gop") != std::string::npos);
        CHECK(runProgram({"--version"}).output.rfind("smartcodec ", 0) == 0);
    }

    TEST_CASE("Ctrl-C at any moment leaves a file that plays") {
        for (const auto moment : {400ms, 650ms, 1100ms}) {
            CAPTURE(moment.count());
            const TemporaryFolder folder;
            Program program({"--scene", "-w", "320", "-h", "240", "--realtime", "-o", folder / "out.mp4"});
            REQUIRE(program.waitForError("--encoder auto"));
            pass(moment);
            program.send(moment == 650ms ? SIGTERM : SIGINT);
            const ProgramResult result = program.wait();
            CAPTURE(result.errors);
            CHECK(result.exitStatus == 0);
            CHECK(result.output.find("frames in") != std::string::npos);
            const RecordedFile file = readRecording(folder / "out.mp4");
            CHECK(!file.times.empty());
            CHECK(file.videoEnd > 0.1);
        }
    }

    TEST_CASE("Ctrl-C ends a program at once that waits for its input") {
        const TemporaryFolder folder;
        const Fifo fifo(folder / "fifo");
        Program program({"-i", fifo.path(), "-o", folder / "out.mp4"});
        pass(500ms);
        const auto sent = std::chrono::steady_clock::now();
        program.send(SIGINT);
        const ProgramResult result = program.wait(60s);
        CHECK(result.signal == SIGINT);
        CHECK(std::chrono::steady_clock::now() - sent < 20s);
        CHECK_FALSE(std::filesystem::exists(folder / "out.mp4"));
    }

    TEST_CASE("Ctrl-C ends a recording properly whose input has fallen silent") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mkv", .frames = 250});
        Fifo fifo(folder / "fifo");
        fifo.openBothEnds();
        Program program({"-i", fifo.path(), "-o", folder / "out.mp4", "--smart", "off"});
        fifo.write(folder / "in.mkv");
        REQUIRE(program.waitForError("--encoder auto"));
        pass(500ms);
        const auto sent = std::chrono::steady_clock::now();
        program.send(SIGINT);
        const ProgramResult result = program.wait(60s);
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(std::chrono::steady_clock::now() - sent < 20s);
        CHECK(readRecording(folder / "out.mp4").times.size() > 100);
    }

    TEST_CASE("a FIFO that ends is recorded to its end") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mkv", .frames = 100});
        Fifo fifo(folder / "fifo");
        fifo.openBothEnds();
        Program program({"-i", fifo.path(), "-o", folder / "out.mp4", "--smart", "off"});
        fifo.write(folder / "in.mkv");
        pass(500ms);
        fifo.close();
        CHECK(program.wait().exitStatus == 0);
        CHECK(readRecording(folder / "out.mp4").times.size() == 100);
    }

    TEST_CASE("sound that MP4 cannot hold is left out and that is said") {
        const TemporaryFolder folder;
        makeVideo({.path = folder / "in.mkv", .audioCodec = "wmav2"});
        const ProgramResult result =
            runProgram({"-i", folder / "in.mkv", "-o", folder / "out.mp4", "--encoder", "software"});
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.find("wmav2") != std::string::npos);
        CHECK(result.errors.find("left out") != std::string::npos);
    }

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose own memory grows
    TEST_CASE("memory does not grow with the length of a recording") {
        const auto peakBytes = [](const char* smart, const char* frames) {
            const TemporaryFolder folder;
            const ProgramResult result = runProgram({"--scene", "-w", "160", "-h", "96", "--smart", smart, "--frames",
                                                     frames, "--summary", "json", "-o", folder / "out.mp4"});
            REQUIRE(result.exitStatus == 0);
            return nlohmann::json::parse(result.output)["peak_memory_bytes"].get<double>();
        };
        for (const char* smart : {"off", "all"}) {
            CAPTURE(smart);
            // 64 bytes of index per frame are to be; one picture in eight kept would be 7 MB
            constexpr double kAllowance = 4e6;
            CHECK(peakBytes(smart, "3000") < peakBytes(smart, "500") + kAllowance);
        }
    }
#endif

    TEST_CASE("a second Ctrl-C ends the program at once") {
        const TemporaryFolder folder;
        Program program({"--scene", "-w", "3840", "-h", "2160", "--codec", "hevc", "--lookahead", "60", "--smart",
                         "off", "-o", folder / "out.mp4"});
        REQUIRE(program.waitForError("--encoder auto"));
        pass(2s);
        program.send(SIGINT);
        REQUIRE(program.waitForError("once more ends it at once"));
        const auto sent = std::chrono::steady_clock::now();
        program.send(SIGINT);
        const ProgramResult result = program.wait();
        CHECK(result.signal == SIGINT);
        CHECK(std::chrono::steady_clock::now() - sent < 20s);
    }
}
