#include <doctest/doctest.h>
#include <drm_fourcc.h>

#include <thread>

#include "capture/camera_formats.h"
#include "tests/capture/camera_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("without a camera the message names what else there is") {
        EmulatedCameraSystem none;
        const std::string message = refusal({}, none);
        CHECK(contains(message, "no camera found"));
        CHECK(contains(message, "--scene"));
    }

    TEST_CASE("a camera is named by number or id or model") {
        EmulatedCameraSystem system;
        EmulatedCamera first = system.add({.id = "platform/0", .model = "one"});
        EmulatedCamera second = system.add({.id = "platform/1", .model = "two"});
        for (const std::string name : {"1", "platform/1", "two"}) {
            CameraConfig config;
            config.camera = name;
            CHECK(openCamera(config, system)->info().name == "camera two");
        }
        CHECK(openCamera({}, system)->info().name == "camera one");
        for (const std::string name : {"2", "three", "-1", "1x"}) {
            CameraConfig config;
            config.camera = name;
            const std::string message = refusal(config, system);
            CHECK(contains(message, "--camera " + name));
            CHECK(contains(message, "0 (platform/0), 1 (platform/1)"));
        }
    }

    TEST_CASE("a camera that another program uses is refused with that reason") {
        EmulatedCameraSystem system;
        system.add({}).setBusy();
        CHECK(contains(refusal({}, system), "another program uses it"));
    }

    TEST_CASE("a format that nobody takes is refused by its name") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.formats = {{{DRM_FORMAT_P010}, {{640, 480}}}}});
        const std::string message = refusal({}, system);
        CHECK(contains(message, "emulated/0"));
        CHECK(contains(message, "P010"));
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a size that the camera adjusts is used and said") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.widthStep = 12});
        CameraConfig config;
        config.width = 640;
        config.height = 360;
        const auto source = openCamera(config, system);
        CHECK(source->info().size == Size{636, 360});
        CHECK(hasNote(source->info(), "has no pictures of 640x360: records 636x360"));
    }

    TEST_CASE("an odd size is cut to an even one") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.formats = {{kMjpeg, {{321, 241}}}}, .widthStep = 1});
        CHECK(openCamera({}, system)->info().size == Size{320, 240});
    }

    TEST_CASE("a side that is not given follows from the camera's shape") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.formats = {{kNv12, {{640, 480}, {1280, 960}}}}});
        CameraConfig wide;
        wide.width = 640;
        CHECK(openCamera(wide, system)->info().size == Size{640, 480});
        CameraConfig high;
        high.height = 960;
        CHECK(openCamera(high, system)->info().size == Size{1280, 960});
    }

    TEST_CASE("a camera that cannot turn its pictures leaves half a turn to the player") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.turns = false});
        CameraConfig config;
        config.orientation.halfTurn = true;
        CHECK(openCamera(config, system)->info().rotation == 180);
        config.orientation.halfTurn = false;
        config.orientation.mirror = true;
        CHECK_FALSE(refusal(config, system).empty());
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("how pictures are turned and which controls are set is asked of the camera") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        CameraConfig config;
        config.orientation = {.halfTurn = true, .mirror = true};
        config.settings = {{"Brightness", "0.25"}};
        CHECK(openCamera(config, system)->info().rotation == 0);
        CHECK(camera.request().orientation == config.orientation);
        REQUIRE(camera.request().settings.size() == 1);
        CHECK(camera.request().settings[0].name == "Brightness");
        CHECK(camera.request().settings[0].value == "0.25");
        config.settings = {{"Contrast", "1"}};
        CHECK(contains(refusal(config, system), "--camera-control Contrast"));
    }

    TEST_CASE("an unplugged camera ends the source with what came before") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(2);
        camera.unplug();
        CHECK(running.end().message() == "camera emu477: was unplugged, or its driver unbound");
        Frame frame = running.sink.take();
        CHECK(differenceToPattern(frame->picture, 0) <= 1);
        running.destroySource();
        CHECK(differenceToPattern(frame->picture, 0) <= 1);
    }

    TEST_CASE("a camera that is unplugged before it starts fails to run") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        const auto source = openCamera({}, system);
        camera.unplug();
        CameraSink sink;
        const Status status = source->run(sink, {});
        CHECK(contains(status.message(), "starting camera emulated/0"));
        CHECK_FALSE(camera.running());
    }

    TEST_CASE("a camera that stalls ends the source after its patience") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running(impatient(), system);
        camera.waitForBuffers(8);
        camera.produce(2);
        running.sink.take().reset();
        running.sink.take().reset();
        const auto since = std::chrono::steady_clock::now();
        CHECK(running.end().message() == "camera emu477: no picture for 0.1 s: is it still connected?");
        CHECK(std::chrono::steady_clock::now() - since < 1s);
    }

    TEST_CASE("a camera that shows no life when its source dies is left alone") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running(impatient(400ms), system);
        camera.waitForBuffers(8);
        camera.produce(2);
        camera.stall();  // whoever stops it now ends the program, as libcamera does
        CHECK(running.finish().ok());
        running.sink.take().reset();
        running.sink.take().reset();
        const auto since = std::chrono::steady_clock::now();
        running.destroySource();
        CHECK(std::chrono::steady_clock::now() - since >= 400ms);
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a camera that is unplugged after its source has ended is left alone") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        CameraConfig config;
        config.patience = 1h;
        RunningCamera running(config, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        running.sink.take().reset();
        CHECK(running.finish().ok());
        camera.unplug();
        running.destroySource();
        CHECK_FALSE(camera.taken());
    }

    TEST_CASE("a first picture is waited for longer") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        const auto since = std::chrono::steady_clock::now();
        RunningCamera running(impatient(), system);
        CHECK(running.end().message() == "camera emu477: no picture for 0.3 s: is it still connected?");
        CHECK(std::chrono::steady_clock::now() - since >= 300ms);
    }

    TEST_CASE("a slow camera is given the time of three pictures") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.fastest = FrameRate{4, 1}});
        const auto since = std::chrono::steady_clock::now();
        RunningCamera running(impatient(), system);
        CHECK(contains(running.end().message(), "no picture for 0.75 s"));
        CHECK(std::chrono::steady_clock::now() - since >= 750ms);
    }

    TEST_CASE("a camera whose pictures all fail ends the source with their number") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.pace = CameraPace::Timed});
        camera.failNext(1000000);
        RunningCamera running(impatient(), system);
        const std::string message = running.end().message();
        CHECK(contains(message, "camera emu477: all of its "));
        CHECK(contains(message, " pictures failed within 0.3 s"));
        CHECK(running.sink.offered() == 0);
    }

    TEST_CASE("pictures that fail after good ones are a stall too") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.pace = CameraPace::Timed});
        RunningCamera running(impatient(400ms), system);
        running.sink.take().reset();
        camera.failNext(1000000);
        const std::string message = running.end().message();
        CHECK(contains(message, "no picture for 0.4 s ("));
        CHECK(contains(message, " failed so far)"));
    }

    TEST_CASE("a camera that gives every buffer back without a picture stalls and is not asked for ever") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running(impatient(400ms), system);
        camera.waitForBuffers(8);
        camera.produce(1);
        running.sink.take().reset();
        camera.stall();
        camera.cancelNext(1000000);
        CHECK(running.end().message() ==
              "camera emu477: no picture for 0.4 s, it gives its buffers back without one: is it still connected?");
        CHECK(camera.cancelled() >= 8);
        CHECK(camera.cancelled() <= 8 * 16);  // eight at a time, a frame's time of 33 ms apart
        CHECK(running.report().failed == 0);
    }
}
