// SIGKILL at moments that nobody chose: what is on disk plays, and lacks no more than the last second; the next
// recorder finds its way.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "app/segment_index.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_check.h"
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
int kills() {
    const char* given = std::getenv("SMARTCODEC_KILLS");
    return given ? std::atoi(given) : 4;
}

/// SMARTCODEC_SEED in the environment, for other moments than usual.
unsigned seed(unsigned usual) {
    const char* given = std::getenv("SMARTCODEC_SEED");
    return given ? static_cast<unsigned>(std::atoi(given)) : usual;
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

/// Something moves all the time.
bool isBusy(int number) {
    return number / 2 % 2 == 0;
}

std::vector<std::string> arguments(int number, const std::string& output) {
    return {
        "--scene", isBusy(number) ? "busy" : "corridor", "-w", "160", "-h", "96", "--realtime", "--encoder", "software",
        "--codec", number % 2 == 0 ? "h264" : "hevc",    "-o", output};
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

/// What the kills cost, for whoever asked for many of them.
class Losses {
  public:
    void add(double seconds) { seconds_.push_back(seconds); }
    ~Losses() {
        if (!std::getenv("SMARTCODEC_KILLS") || seconds_.empty())
            return;
        std::ranges::sort(seconds_);
        MESSAGE(seconds_.size() << " kills; lost before each: " << seconds_[seconds_.size() / 2] << " s in the middle, "
                                << seconds_.back() << " s at most");
    }
    Losses() = default;
    Losses(const Losses&) = delete;
    Losses& operator=(const Losses&) = delete;

  private:
    std::vector<double> seconds_;
};

/// Of a recording in segments.
struct Kind {
    std::vector<std::string> more = {};  ///< arguments
    bool all = true;                     ///< is to be recorded
};

void killAmongSegments(unsigned seed, const std::function<Kind(int number)>& kindOf) {
    constexpr double kNext = 0.5;  // seconds of what the next recorder does
    std::mt19937 random(seed);
    Losses losses;
    int number = 0;
    for (const int count = kills(); number < count;) {
        const TemporaryFolder place;
        std::vector<Killed> all(static_cast<std::size_t>(std::min(kTogether, count - number)));
        for (Killed& one : all) {
            const std::string folder = place / std::to_string(number);
            std::filesystem::create_directory(folder);
            one.path = folder + "/" + SegmentIndex::kFileName;
            one.arguments = arguments(number, folder + "/s%04i.mp4");
            one.arguments.insert(one.arguments.end(), {"--segment", kSegment});
            const Kind kind = kindOf(number);
            one.arguments.insert(one.arguments.end(), kind.more.begin(), kind.more.end());
            one.moment = kEarliest + std::chrono::milliseconds(random() % kRangeMilliseconds);
            ++number;
            start(one);
        }
        killAll(all);
        for (const Killed& one : all) {
            const std::string folder = std::filesystem::path(one.path).parent_path();
            const int itsNumber = std::stoi(std::filesystem::path(folder).filename());
            CAPTURE(itsNumber);
            CAPTURE(one.recording);
            std::vector<std::string> next = arguments(itsNumber, folder + "/s%04i.mp4");
            next.insert(next.end(), {"--segment", kSegment, "--frames", "15"});
            const ProgramResult result = runProgram(next);
            CAPTURE(result.errors);
            CHECK(result.exitStatus == 0);
            const double seconds = checkSegments(folder) - kNext;
            CHECK(seconds > -0.1);
            if (!kindOf(itsNumber).all)
                continue;
            CHECK(seconds > one.recording - kLastSecond - kUnderWay);
            losses.add(one.recording - seconds);
        }
    }
}

}  // namespace

TEST_SUITE("fault") {
    TEST_CASE("a recorder that is killed at a random moment leaves a file that plays but for the last second") {
        std::mt19937 random(seed(60));
        Losses losses;
        int number = 0;
        for (const int count = kills(); number < count;) {
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
                losses.add(one.recording - file.videoEnd);

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
        killAmongSegments(seed(61), [](int) { return Kind{}; });
    }
    TEST_CASE("after a recorder was killed among events the next one makes index and folder agree") {
        // Half of them in one event that does not end, the others wherever they may be.
        killAmongSegments(seed(62), [](int number) {
            const bool busy = isBusy(number);
            return Kind{.more = {"--events", "--pre-roll", "1s", "--post-roll", busy ? "1h" : "1s"}, .all = busy};
        });
    }
}
