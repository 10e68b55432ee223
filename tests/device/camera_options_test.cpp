// What the user asks of the kernel's virtual camera, and what it does not tell of itself.

#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "capture/file_source.h"
#include "capture/libcamera_system.h"
#include "tests/app/picture_sink.h"
#include "tests/app/program.h"
#include "tests/device/camera_recording.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

/// Takes frames and, for a while, gives none back.
class HoldingSink final : public SourceSink {
  public:
    struct Seen {
        std::uint64_t sequence;
        CaptureTime time;
        bool starving;
    };

    bool deliver(Frame) override { return false; }
    bool deliver(Packet) override { return false; }
    void offer(Frame frame) override {
        const std::lock_guard lock(mutex_);
        seen_.push_back({frame->sequence, frame->time, frame->starving});
        if (holding_)
            held_.push_back(std::move(frame));
    }

    void hold() {
        const std::lock_guard lock(mutex_);
        holding_ = true;
    }
    void release() {
        std::vector<Frame> gone;
        const std::lock_guard lock(mutex_);
        holding_ = false;
        gone.swap(held_);
    }
    [[nodiscard]] std::vector<Seen> seen() {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    void waitFor(std::size_t pictures) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (seen().size() < pictures && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(10ms);
        REQUIRE(seen().size() >= pictures);
    }

  private:
    std::mutex mutex_;
    std::vector<Seen> seen_;
    std::vector<Frame> held_;
    bool holding_ = false;
};

std::vector<std::string> arguments(const std::string& output, const std::vector<std::string>& more) {
    std::vector<std::string> all{"-w",        std::to_string(kSensorSize.width),
                                 "-h",        std::to_string(kSensorSize.height),
                                 "--encoder", "software",
                                 "--smart",   "off",
                                 "--frames",  "8",
                                 "-o",        output};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace

TEST_SUITE("camera") {
    TEST_CASE("a camera that is named by its id records at the rate that is asked for and is turned by the player") {
        const TemporaryFolder folder;
        const std::string output = folder / "out.mp4";
        const ProgramResult result =
            runProgram(arguments(output, {"--camera", "platform/vimc.0 Sensor B", "--fps", "5", "--rotate", "180"}));
        CAPTURE(result.errors);
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.find("the file tells players to") != std::string::npos);
        CHECK(result.errors.find("cannot be told a frame rate") != std::string::npos);
        FileSourceConfig file;
        file.path = output;
        const auto source = openFile(file);
        CHECK(source->info().rotation == 180);
        PictureSink sink;
        REQUIRE(source->run(sink, {}).ok());
        REQUIRE(sink.frames.size() > 4);
        for (std::size_t i = 1; i < sink.frames.size(); ++i)  // the grid of 200 ms, a quarter early at most
            CHECK(sink.frames[i]->time - sink.frames[i - 1]->time >= 100ms);
        const auto spaces = static_cast<std::int64_t>(sink.frames.size()) - 1;
        CHECK((sink.frames.back()->time - sink.frames.front()->time) / spaces >= 180ms);
    }

    TEST_CASE("a mirroring that the camera cannot do is refused in one line") {
        const TemporaryFolder folder;
        for (const std::string option : {"--hflip", "--vflip"}) {
            const ProgramResult result = runProgram(arguments(folder / "out.mp4", {option}));
            CHECK(result.exitStatus == 2);
            CHECK(result.errorLines() == 1);
            CHECK_MESSAGE(result.errors.find("cannot turn its pictures so") != std::string::npos, result.errors);
        }
    }

    TEST_CASE("pictures that a camera lost uncounted for want of a buffer have numbers") {
        const auto source = openCamera(camera(kLargeSize, {kBgr888, kRgb888}), libcameraSystem());
        HoldingSink sink;
        std::stop_source stop;
        Status status;
        std::jthread thread([&] { status = source->run(sink, stop.get_token()); });
        constexpr std::size_t kBefore = 40;
        sink.waitFor(kBefore);
        sink.hold();
        std::this_thread::sleep_for(1s);
        const std::vector<HoldingSink::Seen> starved = sink.seen();
        sink.release();
        sink.waitFor(starved.size() + 5);
        stop.request_stop();
        thread.join();
        CHECK(status.ok());
        const std::vector<HoldingSink::Seen> all = sink.seen();
        CHECK(starved.back().starving);
        CHECK(starved.size() < kBefore + 20);  // its buffers, and what came before they were held
        const auto& last = starved.back();
        const auto& next = all[starved.size()];
        const double spacing = static_cast<double>((all[kBefore - 1].time - all[0].time).count()) / (kBefore - 1);
        const double expected = static_cast<double>((next.time - last.time).count()) / spacing;
        const auto counted = static_cast<double>(next.sequence - last.sequence);
        MESSAGE("one picture each " << spacing / 1e6 << " ms, then " << counted - 1 << " lost");
        CHECK(counted > 2);
        CHECK(counted == doctest::Approx(expected).epsilon(0.5));  // the machine's camera is no clock
    }
}

}  // namespace smartcodec::test
