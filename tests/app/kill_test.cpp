// SIGKILL at moments that nobody chose: what is on disk plays, and lacks no more than the last second; the next
// recorder finds its way.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
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

using Moment = std::chrono::steady_clock::time_point;

constexpr int kTogether = 4;
constexpr auto kEarliest = 1200ms;
constexpr unsigned kRangeMilliseconds = 3000;
/// What may be lost.
constexpr double kLastSecond = 1;
/// Long enough for several of them, short enough for kills in between.
constexpr const char* kSegment = "1s";
/// From a picture's time until it may be expected to be encoded, on a machine that does other things too.
constexpr double kUnderWay = 0.25;

/// SMARTCODEC_KILLS in the environment, for more than usual.
int kills(int usual) {
    const char* given = std::getenv("SMARTCODEC_KILLS");
    return given ? std::atoi(given) : usual;
}

struct Killed {
    std::string path;  ///< is there once the recording has begun
    std::vector<std::string> arguments;
    std::chrono::milliseconds moment{};  ///< after that
    std::unique_ptr<Program> program;
    Moment created;
    double recording = 0;  ///< seconds from then to the kill
};

void start(Killed& one) {
    one.program = std::make_unique<Program>(one.arguments);
    const Moment deadline = std::chrono::steady_clock::now() + 30s;
    while (!std::filesystem::exists(one.path)) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(1ms);
    }
    one.created = std::chrono::steady_clock::now();
}

std::vector<std::string> arguments(int number, const std::string& output) {
    return {"--scene",
            number / 2 % 2 == 0 ? "busy" : "corridor",
            "-w",
            "160",
            "-h",
            "96",
            "--realtime",
            "--encoder",
            "software",
            "--codec",
            number % 2 == 0 ? "h264" : "hevc",
            "-o",
            output};
}

void killAll(std::vector<Killed>& all) {
    std::ranges::sort(all, {}, [](const Killed& one) { return one.created + one.moment; });
    for (Killed& one : all) {
        std::this_thread::sleep_until(one.created + one.moment);
        one.program->send(SIGKILL);
        one.recording = std::chrono::duration<double>(std::chrono::steady_clock::now() - one.created).count();
    }
    for (Killed& one : all)
        REQUIRE(one.program->wait(60s).signal == SIGKILL);
}

/// Index and folder say the same, and everything in it plays. Returns the seconds of all of it.
double checkSegments(const std::string& folder) {
    std::vector<std::string> listed;
    double seconds = 0;
    for (const SegmentRecord& segment : listedSegments(folder)) {
        CAPTURE(segment.file);
        listed.push_back(segment.file);
        CHECK(segment.state != SegmentRecord::State::Recording);
        const RecordedFile file = readRecording(folder + "/" + segment.file);
        CHECK(file.times.size() == segment.frames);
        CHECK(!file.times.empty());
        CHECK(file.keyTimes.at(0) == doctest::Approx(0));
        CHECK(std::filesystem::file_size(folder + "/" + segment.file) == segment.bytes);
        REQUIRE(segment.sensorStart);
        REQUIRE(segment.sensorEnd);
        const double length = std::chrono::duration<double>(*segment.sensorEnd - *segment.sensorStart).count();
        CHECK(std::abs(file.videoEnd - length) < 0.002);
        seconds += file.videoEnd;
    }
    CHECK(listed == filesIn(folder));
    return seconds;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a recorder that is killed at a random moment leaves a file that plays but for the last second") {
        std::mt19937 random(60);
        int number = 0;
        for (const int count = kills(20); number < count;) {
            const TemporaryFolder folder;
            std::vector<Killed> all(static_cast<std::size_t>(std::min(kTogether, count - number)));
            for (Killed& one : all) {
                one.path = folder / ("out" + std::to_string(number) + ".mp4");
                one.arguments = arguments(number, one.path);
                one.moment = kEarliest + std::chrono::milliseconds(random() % kRangeMilliseconds);
                ++number;
                start(one);
            }
            killAll(all);
            for (const Killed& one : all) {
                CAPTURE(one.arguments.at(10));
                CAPTURE(one.arguments.at(1));
                CAPTURE(one.recording);
                const RecordedFile file = readRecording(one.path);
                REQUIRE(!file.times.empty());
                CHECK(file.times.front() == doctest::Approx(0));
                CHECK(file.videoEnd > one.recording - kLastSecond - kUnderWay);

                const ProgramResult repaired = runProgram({"repair", one.path});
                CAPTURE(repaired.errors);
                CHECK(repaired.exitStatus == 0);
                const RecordedFile after = readRecording(one.path);
                CHECK(after.times == file.times);
                CHECK(std::abs(after.videoEnd - file.videoEnd) < 0.001);
            }
        }
    }
    TEST_CASE("after a recorder was killed among segments the next one makes index and folder agree") {
        std::mt19937 random(61);
        int number = 0;
        for (const int count = kills(12); number < count;) {
            const TemporaryFolder place;
            std::vector<Killed> all(static_cast<std::size_t>(std::min(kTogether, count - number)));
            std::vector<std::string> folders;
            for (Killed& one : all) {
                const std::string folder = place / std::to_string(number);
                std::filesystem::create_directory(folder);
                one.path = folder + "/s0001.mp4";
                one.arguments = arguments(number, folder + "/s%04i.mp4");
                one.arguments.insert(one.arguments.end(), {"--segment", kSegment});
                one.moment = kEarliest + std::chrono::milliseconds(random() % kRangeMilliseconds);
                ++number;
                start(one);
            }
            killAll(all);
            for (Killed& one : all) {
                CAPTURE(one.arguments.at(10));
                CAPTURE(one.arguments.at(1));
                CAPTURE(one.recording);
                const std::string folder = std::filesystem::path(one.path).parent_path();
                CAPTURE(folder);
                one.arguments.insert(one.arguments.end(), {"--frames", "15"});
                const ProgramResult next = runProgram(one.arguments);
                CAPTURE(next.errors);
                CHECK(next.exitStatus == 0);
                constexpr double kNext = 0.5;  // seconds of those frames
                CHECK(checkSegments(folder) > one.recording - kLastSecond - kUnderWay + kNext);
            }
        }
    }
}
