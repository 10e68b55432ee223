// Power cuts: what the recorder has not seen flushed is gone, in whatever order a disk stores things. What is left
// plays, but for the time between two syncs and the last second, and the next recorder finds its way.

#include <doctest/doctest.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "app/segment_index.h"
#include "app/wall_clock.h"
#include "mux/segment_folder.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_check.h"
#include "tests/device/kernel_devices.h"
#include "tests/device/volatile_disk.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr std::uint64_t kDiskBytes = 64 << 20;
/// After the last recording has begun: later than all of it may be lost.
constexpr auto kEarliest = 3600ms;
constexpr unsigned kRangeMilliseconds = 1500;
/// What may be lost: the time between two syncs, the default, and the last second.
constexpr double kMayBeLost = 1 + 1;
/// From a picture's time until it is encoded, and from a sync's beginning to its end: the machine is emulated, on a
/// host that may be busy.
constexpr double kUnderWay = 1.5;

int number(const char* variable, int usual) {
    const char* given = std::getenv(variable);
    return given ? std::atoi(given) : usual;
}

/// A file system that goes with this.
class Mounted {
  public:
    Mounted(const std::string& device, std::string folder) : folder_(std::move(folder)) {
        mounted_ = ::mount(device.c_str(), folder_.c_str(), "ext4", 0, nullptr) == 0;
        REQUIRE(mounted_);
    }
    ~Mounted() {
        if (mounted_)
            (void)::umount2(folder_.c_str(), MNT_DETACH);
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    void unmount() {
        REQUIRE(::umount(folder_.c_str()) == 0);
        mounted_ = false;
    }

  private:
    std::string folder_;
    bool mounted_ = false;
};

struct Cut {
    std::vector<std::string> arguments;
    std::string path;
    std::unique_ptr<Program> program;
    Moment created;
    double recording = 0;  // seconds
};

std::vector<std::string> arguments(const std::string& codec, const std::string& output) {
    return {"--scene",    "busy",      "-w",       "64",      "-h",  "48", "--fps", "10",
            "--realtime", "--encoder", "software", "--codec", codec, "-o", output};
}

/// Into a folder of their own.
Cut inSegments(const std::string& folder, const std::string& codec, const std::vector<std::string>& more) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    Cut cut;
    cut.path = folder + "/" + SegmentIndex::kFileName;
    cut.arguments = arguments(codec, folder + "/s%04i.mp4");
    cut.arguments.insert(cut.arguments.end(), {"--segment", "1s"});
    cut.arguments.insert(cut.arguments.end(), more.begin(), more.end());
    return cut;
}

/// Once the next recording has found its way.
double secondsOfSegments(const Cut& cut) {
    const std::string folder = std::filesystem::path(cut.path).parent_path();
    {
        SegmentFolder next(folder);
        const SegmentIndex index(next, WallTimes(readSystemClocks, false));
    }
    return checkSegments(folder, true);
}

void waitForFile(Cut& one) {
    const Moment deadline = std::chrono::steady_clock::now() + 60s;
    while (!std::filesystem::exists(one.path)) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(1ms);
    }
    one.created = std::chrono::steady_clock::now();
}

}  // namespace

TEST_SUITE("power") {
    TEST_CASE("a power cut costs what was not synced and the last second and the rest plays") {
        const auto seed = static_cast<unsigned>(number("SMARTCODEC_SEED", 7));
        std::mt19937 random(seed);
        double most = 0;
        VolatileDisk disk(kDiskBytes, seed);
        const ProgramResult made =
            runProgram({"-q", "-F", "-b", "4096", disk.path()}, {.binary = "/usr/sbin/mkfs.ext4"});
        REQUIRE(made.exitStatus == 0);
        const TemporaryFolder place;
        const int cuts = number("SMARTCODEC_CUTS", 2);
        for (int cut = 0; cut < cuts; ++cut) {
            CAPTURE(cut);
            const char* codec = cut % 2 == 0 ? "h264" : "hevc";
            const char* other = cut % 2 == 0 ? "hevc" : "h264";
            Mounted mounted(disk.path(), place.path());
            Cut plain;
            plain.path = place / ("plain" + std::to_string(cut) + ".mp4");
            plain.arguments = arguments(codec, plain.path);
            Cut segments = inSegments(place / "segments", other, {});
            Cut events = inSegments(place / "events", codec, {"--events", "--pre-roll", "1s", "--post-roll", "1h"});
            const std::array all{&plain, &segments, &events};
            for (Cut* one : all)
                one->program = std::make_unique<Program>(one->arguments);
            for (Cut* one : all)
                waitForFile(*one);
            std::this_thread::sleep_for(kEarliest + std::chrono::milliseconds(random() % kRangeMilliseconds));

            disk.cutPower();
            const Moment moment = std::chrono::steady_clock::now();
            for (Cut* one : all) {
                one->program->send(SIGKILL);
                one->recording = std::chrono::duration<double>(moment - one->created).count();
            }
            for (Cut* one : all)
                REQUIRE(one->program->wait(60s).signal == SIGKILL);
            mounted.unmount();
            disk.restorePower();
            const Mounted again(disk.path(), place.path());

            for (const Cut* one : all) {
                CAPTURE(one->path);
                CAPTURE(one->recording);
                const double seconds = one == &plain ? readUntilDamage(plain.path).videoEnd : secondsOfSegments(*one);
                CHECK(seconds > one->recording - kMayBeLost - kUnderWay);
                most = std::max(most, one->recording - seconds);
            }
        }
        MESSAGE(cuts << " power cuts; at most " << most << " s lost");
    }
}

}  // namespace smartcodec::test
