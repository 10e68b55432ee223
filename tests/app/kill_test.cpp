// SIGKILL at moments that nobody chose: what is on disk plays, and lacks no more than the last second.

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
/// From a picture's time until it may be expected to be encoded, on a machine that does other things too.
constexpr double kUnderWay = 0.25;

/// SMARTCODEC_KILLS in the environment, for more than the usual 20.
int kills() {
    const char* given = std::getenv("SMARTCODEC_KILLS");
    return given ? std::atoi(given) : 20;
}

struct Killed {
    std::string path;
    std::vector<std::string> arguments;
    std::chrono::milliseconds moment{};  ///< after the file was created
    std::unique_ptr<Program> program;
    Moment created;
    double recording = 0;  ///< seconds from the file's creation to the kill
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

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a recorder that is killed at a random moment leaves a file that plays but for the last second") {
        std::mt19937 random(60);
        int number = 0;
        for (const int count = kills(); number < count;) {
            const TemporaryFolder folder;
            std::vector<Killed> all(static_cast<std::size_t>(std::min(kTogether, count - number)));
            for (Killed& one : all) {
                one.path = folder / ("out" + std::to_string(number) + ".mp4");
                one.arguments = {"--scene",
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
                                 one.path};
                one.moment = kEarliest + std::chrono::milliseconds(random() % kRangeMilliseconds);
                ++number;
                start(one);
            }
            std::ranges::sort(all, {}, [](const Killed& one) { return one.created + one.moment; });
            for (Killed& one : all) {
                std::this_thread::sleep_until(one.created + one.moment);
                one.program->send(SIGKILL);
                one.recording = std::chrono::duration<double>(std::chrono::steady_clock::now() - one.created).count();
            }
            for (Killed& one : all) {
                CAPTURE(one.arguments.at(10));
                CAPTURE(one.arguments.at(1));
                CAPTURE(one.recording);
                REQUIRE(one.program->wait(60s).signal == SIGKILL);
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
}
