#include "capture/camera_converter.h"

#include <doctest/doctest.h>
#include <drm_fourcc.h>

#include <vector>

#include "tests/capture/camera_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

CameraModel offering(PixelFormat format, Size size = {640, 480}) {
    CameraModel model;
    model.formats = {{format, {size}}};
    return model;
}

/// How far what a camera of this format records is from what it sees.
int differenceThrough(const CameraModel& model) {
    EmulatedCameraSystem system;
    EmulatedCamera camera = system.add(model);
    RunningCamera running({}, system);
    CHECK(running.info().format == kYuv420);
    CHECK_FALSE(running.info().dmabufLayout);
    CHECK_FALSE(camera.request().analysisStream);
    camera.waitForBuffers(8);
    camera.produce(4);
    int largest = 0;
    for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
        const Frame frame = running.sink.take();
        CHECK(frame->sequence == sequence);
        CHECK(frame->time == camera.timeOf(sequence));
        CHECK(frame->picture.size == running.info().size);
        largest = std::max(largest, differenceToPattern(frame->picture, sequence));
    }
    camera.waitForBuffers(8);  // they are free although frames live
    CHECK(running.finish().ok());
    return largest;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("packed colour keeps its values when it is converted") {
        for (const std::uint32_t fourcc : {DRM_FORMAT_YUYV, DRM_FORMAT_UYVY, DRM_FORMAT_YVYU}) {
            CAPTURE(name({fourcc}));
            CHECK(differenceThrough(offering({fourcc})) <= 1);
        }
        CHECK(differenceThrough(offering({DRM_FORMAT_YUV422})) <= 1);
        CHECK(differenceThrough(offering({DRM_FORMAT_NV21})) <= 1);
    }

    TEST_CASE("RGB keeps its colours when it is converted") {
        for (const std::uint32_t fourcc : {DRM_FORMAT_RGB888, DRM_FORMAT_BGR888, DRM_FORMAT_XRGB8888,
                                           DRM_FORMAT_ARGB8888, DRM_FORMAT_XBGR8888, DRM_FORMAT_ABGR8888}) {
            CAPTURE(name({fourcc}));
            CHECK(differenceThrough(offering({fourcc})) <= 2);  // rounded twice
        }
    }

    TEST_CASE("a picture that cannot be mapped ends the source with the reason") {
        CameraModel model = offering({DRM_FORMAT_YUYV});
        model.mainMemory = MainMemory::Unmapped;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        const std::string message = running.end().message();
        CHECK(message.find("camera emu477: mapping") != std::string::npos);
        CHECK(message.find("Permission denied") != std::string::npos);
    }

    TEST_CASE("a format that the encoder takes and the analysis does not comes with a small picture") {
        CameraModel model = offering({DRM_FORMAT_XRGB8888}, {1280, 720});
        model.secondStream = false;
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(model);
        CameraConfig config;
        config.directFormats = {{DRM_FORMAT_XRGB8888}, kNv12};
        RunningCamera running(config, system);
        CHECK(running.info().format == PixelFormat{DRM_FORMAT_XRGB8888});
        CHECK(running.info().dmabufLayout);
        camera.waitForBuffers(8);
        camera.produce(2);
        Frame first = running.sink.take();
        const Frame second = running.sink.take();
        REQUIRE(first->analysisPicture);
        CHECK(first->analysisPicture->size == Size{640, 360});
        CHECK(first->picture.format == PixelFormat{DRM_FORMAT_XRGB8888});
        CHECK(first->picture.planes[0].dmabuf >= 0);
        CHECK(differenceToPattern(*first->analysisPicture, 0) <= 2);
        CHECK(differenceToPattern(*second->analysisPicture, 1) <= 2);
        CHECK(camera.queued() == 6);
        first.reset();
        CHECK(camera.queued() == 7);
        running.destroySource();
        CHECK(differenceToPattern(*second->analysisPicture, 1) <= 2);
    }
}

TEST_SUITE("integration") {
    TEST_CASE("Motion JPEG keeps its colours when it is decompressed") {
        EmulatedCameraSystem system;
        CameraModel model = offering(kMjpeg, {1280, 720});
        EmulatedCamera camera = system.add(model);
        RunningCamera running({}, system);
        CHECK(running.info().color.fullRange);
        camera.waitForBuffers(8);
        camera.produce(4);
        for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
            const Frame frame = running.sink.take();
            CHECK(frame->sequence == sequence);
            CHECK(differenceToPattern(frame->picture, sequence, true) <= 3);
        }
        CHECK(running.finish().ok());
    }

    TEST_CASE("a damaged Motion JPEG is left out and the next one is whole") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add(offering(kMjpeg));
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        camera.truncateNext(2);
        camera.produce(3);
        CHECK(running.sink.take()->sequence == 0);
        const Frame next = running.sink.take();
        CHECK(next->sequence == 3);
        CHECK(differenceToPattern(next->picture, 3, true) <= 3);
        camera.waitForBuffers(8);
        CHECK(running.finish().ok());
    }

    TEST_CASE("a camera of which nothing decompresses ends the source") {
        EmulatedCameraSystem system;
        CameraModel model = offering(kMjpeg);
        model.pace = CameraPace::Timed;
        EmulatedCamera camera = system.add(model);
        camera.truncateNext(1000000);
        RunningCamera running(impatient(), system);
        CHECK(running.end().message().find("pictures failed within 0.3 s") != std::string::npos);
        CHECK(running.sink.offered() == 0);
    }
}
