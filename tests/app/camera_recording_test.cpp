#include <doctest/doctest.h>
#include <drm_fourcc.h>

#include <filesystem>
#include <memory>
#include <numeric>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/pipeline.h"
#include "capture/file_source.h"
#include "capture/frame_pool.h"
#include "encoder/software_encoder.h"
#include "tests/app/fakes.h"
#include "tests/app/picture_sink.h"
#include "tests/app/recorded_file.h"
#include "tests/support/camera_pattern.h"
#include "tests/support/emulated_camera.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// Encodes grey instead of what it is given, of which it keeps the times: as a device does that takes dmabufs, it never
/// looks at the pictures.
class BlindEncoder final : public Encoder {
  public:
    explicit BlindEncoder(const EncoderConfig& config)
        : encoder_(openSoftwareEncoder(inMemory(config))), pool_(kYuv420, config.size) {}

    const EncoderCapabilities& capabilities() const override { return encoder_->capabilities(); }
    std::span<const std::byte> parameterSets() const override { return encoder_->parameterSets(); }
    Status encode(Frame frame, const EncodeParameters& parameters) override {
        const Frame grey = pool_.make(*frame);
        for (std::size_t plane = 0; plane < 3; ++plane) {
            const Plane& to = grey->picture.planes[plane];
            const Size bytes = planeSizeBytes(kYuv420, grey->picture.size, static_cast<int>(plane));
            std::fill_n(to.data, to.strideBytes * static_cast<std::size_t>(bytes.height), std::byte{128});
        }
        return encoder_->encode(grey.share(), parameters);
    }
    Status drain() override { return encoder_->drain(); }
    std::optional<Packet> takePacket() override { return encoder_->takePacket(); }

  private:
    static EncoderConfig inMemory(EncoderConfig config) {
        config.format = kYuv420;
        config.dmabufLayout.reset();
        return config;
    }

    std::unique_ptr<Encoder> encoder_;
    FramePool pool_;
};

CameraModel timed() {
    CameraModel model;
    model.formats = {{kNv12, {{1280, 720}}}};
    model.pace = CameraPace::Timed;
    return model;
}

Settings settingsFor(const TemporaryFolder& folder, std::uint64_t frames) {
    CameraConfig camera;
    camera.frameRate = FrameRate{60, 1};
    Settings settings;
    settings.source = camera;
    settings.output = folder / "out.mp4";
    settings.frames = frames;
    settings.smart.stabilize = false;
    return settings;
}

std::uint64_t dropped(const RecordingSummary& summary) {
    return std::accumulate(summary.droppedByReason.begin(), summary.droppedByReason.end(), std::uint64_t{0},
                           [](std::uint64_t total, const auto& entry) { return total + entry.second; });
}

bool addsUp(const RecordingSummary& summary) {
    return summary.framesIn ==
           summary.framesRecorded + dropped(summary) + summary.framesDroppedAtSource + summary.framesLost;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a recording with two streams touches no byte of the main picture") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.mainMemory = MainMemory::Forbidden;  // or this dies by SIGSEGV
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        PipelineParts parts;
        parts.cameras = &system;
        parts.openEncoder = [](const EncoderConfig& config) { return std::make_unique<BlindEncoder>(config); };
        const RecordingSummary summary = record(settingsFor(folder, 40), {}, parts);
        CHECK(summary.failure == "");
        CHECK(summary.framesIn == 40);
        CHECK(addsUp(summary));
        CHECK(summary.framesRecorded > 20);  // the analysis saw the bar move
        CHECK(summary.analysis.count > 20);
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera's recording shows what it saw at the times of the sensor") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.formats = {{kNv12, {{640, 360}}}};
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        PipelineParts parts;
        parts.cameras = &system;
        Settings settings = settingsFor(folder, 24);
        settings.smart = SmartFunctions::none();
        std::get<CameraConfig>(settings.source).frameRate = FrameRate{20, 1};
        const RecordingSummary summary = record(settings, {}, parts);
        CHECK(summary.failure == "");
        CHECK(addsUp(summary));
        FileSourceConfig file;
        file.path = folder / "out.mp4";
        PictureSink sink;
        CHECK(openFile(file)->run(sink, {}).ok());
        REQUIRE(sink.frames.size() == summary.framesRecorded);
        CHECK(sink.frames.size() > 12);
        for (const Frame& frame : sink.frames) {
            const auto sequence = static_cast<std::uint64_t>((frame->time.time_since_epoch() + 25ms) / 50ms);
            const auto apart = frame->time.time_since_epoch() - sequence * 50ms;
            CHECK(std::abs(std::chrono::nanoseconds(apart).count()) < 1'000'000);
            CHECK(differenceToPattern(frame->picture, sequence) < 40);
        }
    }

    TEST_CASE("a camera that is unplugged leaves a whole file and status 1") {
        const TemporaryFolder folder;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(timed());
        PipelineParts parts;
        parts.cameras = &system;
        parts.openEncoder = [](const EncoderConfig& config) { return std::make_unique<BlindEncoder>(config); };
        Settings settings = settingsFor(folder, 100000);
        std::thread hand([&] {
            camera.waitForPictures(20);
            camera.unplug();
        });
        const RecordingSummary summary = record(settings, {}, parts);
        hand.join();
        CHECK(summary.failure == "camera emu477: was unplugged, or its driver unbound");
        CHECK(summary.exitStatus() == 1);
        CHECK(addsUp(summary));
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera that is lost just before Ctrl-C costs nothing") {
        const TemporaryFolder folder;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(timed());
        PipelineParts parts;
        parts.cameras = &system;
        parts.openEncoder = [](const EncoderConfig& config) { return std::make_unique<BlindEncoder>(config); };
        Settings settings = settingsFor(folder, 100000);
        std::get<CameraConfig>(settings.source).patience = 200ms;
        std::stop_source stop;
        std::thread hand([&] {
            camera.waitForPictures(20);
            camera.stall();  // whoever stops it now ends the program, as libcamera does
            stop.request_stop();
        });
        const RecordingSummary summary = record(settings, stop.get_token(), parts);
        hand.join();
        CHECK(summary.failure == "");
        CHECK(summary.exitStatus() == 0);
        CHECK(addsUp(summary));
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("the file is whole before the camera is stopped") {
        const TemporaryFolder folder;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(timed());
        PipelineParts parts;
        parts.cameras = &system;
        parts.openEncoder = [](const EncoderConfig& config) { return std::make_unique<BlindEncoder>(config); };
        std::size_t pictures = 0;
        camera.whileStopping([&] { pictures = readRecording(folder / "out.mp4").times.size(); });
        const RecordingSummary summary = record(settingsFor(folder, 20), {}, parts);
        CHECK(summary.failure == "");
        CHECK(pictures > 0);
        CHECK(pictures == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("the summary counts what failed at the camera and times what was converted") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.formats = {{{DRM_FORMAT_YUYV}, {{320, 240}}}};
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        PipelineParts parts;
        parts.cameras = &system;
        std::thread hand([&] {
            camera.waitForPictures(5);
            camera.failNext(3);
        });
        const RecordingSummary summary = record(settingsFor(folder, 30), {}, parts);
        hand.join();
        CHECK(summary.failure == "");
        CHECK(addsUp(summary));
        CHECK(summary.framesFailed == 3);
        CHECK(summary.framesDroppedAtSource >= 3);
        CHECK(summary.capture.count >= summary.framesIn - summary.framesDroppedAtSource);
        CHECK(summary.capture.total > 0ns);
    }

    TEST_CASE("an encoder that cannot keep up costs frames at the camera and holds up nothing") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.formats = {{kNv12, {{320, 240}}}};
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        PipelineParts parts = hinder({.delay = 60ms});
        parts.cameras = &system;
        Settings settings = settingsFor(folder, 60);
        settings.smart = SmartFunctions::none();
        const RecordingSummary summary = record(settings, {}, parts);
        CHECK(summary.failure == "");
        CHECK(addsUp(summary));
        CHECK(summary.framesDroppedAtSource > 20);
        CHECK(summary.framesRecorded > 5);
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera with few buffers that a slow encoder starves has less looked at") {
        for (const bool countsLost : {true, false}) {
            CAPTURE(countsLost);
            const TemporaryFolder folder;
            CameraModel model = timed();
            model.formats = {{kNv12, {{320, 240}}}};
            model.buffers = 4;
            model.countsLost = countsLost;
            EmulatedCameraSystem system;
            EmulatedCamera camera = system.add(model);
            PipelineParts parts = hinder({.delay = 40ms});
            parts.cameras = &system;
            Settings settings = settingsFor(folder, 180);
            settings.smart.frameRate = false;  // every picture goes to the encoder
            const RecordingSummary summary = record(settings, {}, parts);
            CHECK(summary.failure == "");
            CHECK(addsUp(summary));
            CHECK(summary.framesIn == 180);
            CHECK(summary.framesUnseen > 10);
            CHECK(summary.framesDroppedAtSource > 20);
            CHECK(summary.framesDroppedAtSource <= camera.starved());
            CHECK(summary.framesDroppedAtSource * 2 >= camera.starved());  // some come after the end
        }
    }

    TEST_CASE("a camera's recording with all that is on by itself is stabilised in place") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.formats = {{kNv12, {{1920, 1080}}}};
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        camera.setSensor({.exposure = 8000us, .gain = 2.0});
        PipelineParts parts;
        parts.cameras = &system;
        parts.openEncoder = [](const EncoderConfig& config) { return std::make_unique<BlindEncoder>(config); };
        Settings settings;
        CameraConfig config;
        config.width = 1920;
        config.height = 1080;
        config.frameRate = FrameRate{10, 1};
        settings.source = config;
        settings.output = folder / "video.mp4";
        settings.frames = 30;
        const RecordingSummary summary = record(settings, {}, parts);
        CHECK(summary.failure == "");
        CHECK(summary.exitStatus() == 0);
        CHECK(summary.framesIn == 30);
        CHECK(addsUp(summary));
        CHECK(summary.stabilising.count > 0);
        CHECK(readRecording(folder / "video.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera that stalls leaves a whole file and status 1") {
        const TemporaryFolder folder;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(timed());
        PipelineParts parts;
        parts.cameras = &system;
        Settings settings = settingsFor(folder, 100000);
        std::get<CameraConfig>(settings.source).patience = 300ms;
        std::thread hand([&] {
            camera.waitForPictures(20);
            camera.stall();
        });
        const RecordingSummary summary = record(settings, {}, parts);
        hand.join();
        CHECK(summary.failure == "camera emu477: no picture for 0.3 s: is it still connected?");
        CHECK(summary.exitStatus() == 1);
        CHECK(addsUp(summary));
        CHECK(readRecording(folder / "out.mp4").times.size() == summary.framesRecorded);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera of which no encoder takes anything leaves no file") {
        const TemporaryFolder folder;
        CameraModel model = timed();
        model.formats = {{{DRM_FORMAT_P010}, {{640, 480}}}};
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        PipelineParts parts;
        parts.cameras = &system;
        CHECK_THROWS_WITH((void)record(settingsFor(folder, 10), {}, parts), doctest::Contains("no encoder takes"));
        CHECK_FALSE(std::filesystem::exists(folder / "out.mp4"));
    }
}
