// Ctrl-C at moments that nobody chose.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
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

constexpr int kRounds = 10;
constexpr int kTogether = 5;
constexpr unsigned kLatestMilliseconds = 1000;  // later, it records whatever happens

struct Interrupted {
    std::string path;
    std::chrono::milliseconds moment;
    std::unique_ptr<Program> program;
};

}  // namespace

TEST_SUITE("fault") {
    TEST_CASE("fifty Ctrl-C at random moments leave a file that plays or none") {
        constexpr unsigned kSeed = 20;
        std::mt19937 random(kSeed);
        int recorded = 0;
        for (int round = 0; round < kRounds; ++round) {
            const TemporaryFolder folder;
            std::vector<Interrupted> all;
            for (int i = 0; i < kTogether; ++i)
                all.push_back({folder / ("out" + std::to_string(i) + ".mp4"),
                               std::chrono::milliseconds(random() % kLatestMilliseconds), nullptr});
            std::ranges::sort(all, {}, &Interrupted::moment);
            const auto start = std::chrono::steady_clock::now();
            for (Interrupted& one : all)
                one.program = std::make_unique<Program>(std::vector<std::string>{
                    "--scene", "-w", "160", "-h", "96", "--realtime", "--encoder", "software", "-o", one.path});
            for (const Interrupted& one : all) {
                std::this_thread::sleep_until(start + one.moment);
                one.program->send(SIGINT);
            }
            for (const Interrupted& one : all) {
                CAPTURE(one.moment.count());
                const ProgramResult result = one.program->wait(60s);  // a process that stays is killed: signal 9
                CAPTURE(result.errors);
                CAPTURE(result.signal);
                if (std::filesystem::exists(one.path)) {
                    CHECK(result.exitStatus == 0);
                    CHECK(!readRecording(one.path).times.empty());
                    ++recorded;
                } else {  // before there was anything to be lost, or before the first frame, which it says
                    CHECK((result.signal == SIGINT ||
                           (result.exitStatus > 0 && result.errors.find("nothing was recorded") != std::string::npos)));
                }
            }
        }
        CHECK(recorded > 0);
    }
}
