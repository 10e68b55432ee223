#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "capture/camera_numbering.h"
#include "capture/camera_thinner.h"
#include "tests/capture/camera_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

CapturedPicture picture(std::uint64_t sequence, std::chrono::nanoseconds time) {
    CapturedPicture picture;
    picture.sequence = sequence;
    picture.time = CaptureTime(time);
    return picture;
}

/// How many of 300 pictures are wanted that come so far apart, each up to `jitter` early or late.
int wanted(CameraThinner thinner, std::chrono::nanoseconds spacing, std::chrono::nanoseconds jitter = 0ns) {
    int count = 0;
    for (int i = 0; i < 300; ++i)
        count +=
            thinner.number(picture(static_cast<std::uint64_t>(i), i * spacing + (i * 7 % 5 - 2) * jitter / 2)) ? 1 : 0;
    return count;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a frame rate that the camera can be told is asked of it") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        CameraConfig config;
        config.frameRate = FrameRate{15, 1};
        CHECK(openCamera(config, system)->info().frameRate == FrameRate{15, 1});
        CHECK(camera.request().frameRate == FrameRate{15, 1});
        CHECK(openCamera({}, system));
        CHECK_FALSE(camera.request().frameRate);  // its own
    }

    TEST_CASE("pictures that come sooner than wanted are left out") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.fastest = {}, .untold = {30, 1}});
        CameraConfig config;
        config.frameRate = FrameRate{10, 1};
        RunningCamera running(config, system);
        CHECK(running.info().frameRate == FrameRate{10, 1});
        CHECK(hasNote(running.info(), "cannot be told a frame rate"));
        camera.waitForBuffers(8);
        camera.produce(15);
        for (std::uint64_t number = 0; number < 5; ++number) {
            const Frame frame = running.sink.take();
            CHECK(frame->sequence == number);  // what is left out on purpose is not missing
            CHECK(frame->time == camera.timeOf(number * 3));
        }
        CHECK(running.sink.kept() == 0);
        camera.waitForBuffers(8);
        camera.failNext(6);
        camera.produce(7);  // six fail, of which two were wanted
        CHECK(running.sink.take()->sequence == 7);
    }

    TEST_CASE("a camera that tells no frame rate is taken for one of 30") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.fastest = {}, .untold = {50, 1}});
        RunningCamera running({}, system);
        CHECK(running.info().frameRate == FrameRate{30, 1});
        CHECK(hasNote(running.info(), "does not tell its frame rate"));
        camera.waitForBuffers(8);
        camera.produce(5);
        CHECK(running.sink.kept() == 5);
    }

    TEST_CASE("a camera that does not heed the rate it was told has its pictures left out") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.untold = {60, 1}, .heedsRate = false});
        CameraConfig config;
        config.frameRate = FrameRate{15, 1};
        RunningCamera running(config, system);
        running.sink.refuse();
        camera.waitForBuffers(8);
        camera.produce(304);
        CHECK(running.sink.offered() >= 75);
        CHECK(running.sink.offered() <= 79);  // until it was seen
    }

    TEST_CASE("a camera that heeds its rate has every picture taken") {
        const CameraThinner told(FrameRate{25, 1}, true);
        CHECK(wanted(told, 40ms) == 300);
        CHECK(wanted(told, 39ms) == 300);  // its clock runs fast
        CHECK(wanted(told, 41ms) == 300);
        CHECK(wanted(told, 40ms, 15ms) == 300);
        CHECK(wanted(told, 100ms) == 300);  // in bad light
        CHECK(wanted(told, 20ms) <= 154);
    }

    TEST_CASE("pictures lost for want of a buffer have numbers even where the camera gives them none") {
        for (const bool counts : {true, false}) {
            CAPTURE(counts);
            EmulatedCameraSystem system;
            EmulatedCamera camera = system.add({.buffers = 4, .fastest = {}, .untold = {50, 1}, .countsLost = counts});
            RunningCamera running({}, system);
            camera.waitForBuffers(4);
            camera.produce(11);
            CHECK(camera.starved() == 7);
            for (std::uint64_t sequence = 0; sequence < 4; ++sequence)
                CHECK(running.sink.take()->sequence == sequence);
            camera.waitForBuffers(4);
            camera.produce(2);
            CHECK(running.sink.take()->sequence == 11);
            CHECK(running.sink.take()->sequence == 12);
        }
    }

    TEST_CASE("a frame that took the camera's last buffer says so") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.buffers = 4});
        RunningCamera running({}, system);
        camera.waitForBuffers(4);
        camera.produce(4);
        for (int i = 0; i < 4; ++i)
            CHECK(running.sink.take()->starving == (i == 3));
    }

    TEST_CASE("a gap is no loss where the camera had a buffer") {
        CameraNumbering numbering(33ms);
        CHECK(numbering.number(picture(7, 1000ms), false) == 7);  // as the camera begins
        CHECK(numbering.number(picture(8, 1020ms), false) == 8);
        CHECK(numbering.number(picture(9, 1200ms), false) == 9);  // it takes its time, in bad light perhaps
        CHECK(numbering.number(picture(12, 1260ms), true) == 12);
        CHECK(numbering.number(picture(12, 1280ms), false) == 13);  // of a driver that does not count at all
    }

    TEST_CASE("losses are reckoned from the time between pictures as the camera has shown it") {
        CameraNumbering numbering(33ms);
        std::chrono::nanoseconds time{0};
        for (std::uint64_t i = 0; i < 40; ++i, time += 20ms)
            CHECK(numbering.number(picture(i, time), false) == i);
        CHECK(numbering.number(picture(40, time + 100ms), true) == 45);         // five were lost
        CHECK(numbering.number(picture(41, time + 100ms + 22ms), true) == 46);  // a buffer came in time
        CapturedPicture slow = picture(42, time + 400ms);
        slow.duration = 139ms;  // the camera's own word
        CHECK(numbering.number(slow, true) == 48);
    }
}
