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
        CHECK(running.sink.offered() >= 120 + 46);  // the first two seconds, until it was seen
        CHECK(running.sink.offered() <= 120 + 48);
    }

    TEST_CASE("a camera that heeds its rate has every picture taken") {
        const CameraThinner told(FrameRate{25, 1}, true);
        CHECK(wanted(told, 40ms) == 300);
        CHECK(wanted(told, 39ms) == 300);  // its clock runs fast
        CHECK(wanted(told, 41ms) == 300);
        CHECK(wanted(told, 40ms, 15ms) == 300);
        CHECK(wanted(told, 100ms) == 300);  // in bad light
        CHECK(wanted(told, 20ms) <= 201);   // what comes before it is judged is taken
    }

    TEST_CASE("a few odd times make no camera one that does not heed its rate") {
        CameraThinner thinner(FrameRate{10, 1}, true);
        int taken = 0;
        std::chrono::nanoseconds time{0};
        for (std::uint64_t i = 0; i < 1000; ++i) {
            time += i < 3 ? 33ms : i % 100 == 50 ? 1ms : i % 100 == 51 ? 199ms : 100ms;
            taken += thinner.number(picture(i, time)) ? 1 : 0;
        }
        CHECK(taken == 1000);
    }

    TEST_CASE("a camera that heeds its rate again has every picture taken again") {
        CameraThinner thinner(FrameRate{25, 1}, true);
        std::chrono::nanoseconds time{0};
        std::uint64_t sequence = 0;
        const auto take = [&](int pictures, std::chrono::nanoseconds spacing) {
            int taken = 0;
            for (int i = 0; i < pictures; ++i)
                taken += thinner.number(picture(sequence++, time += spacing)) ? 1 : 0;
            return taken;
        };
        CHECK(take(400, 10ms) <= 280);
        CHECK(take(100, 40ms) >= 98);
        CHECK(take(100, 40ms) == 100);
    }

    TEST_CASE("a camera whose clock is set back loses nothing by it") {
        for (const bool told : {true, false}) {
            CameraThinner thinner(FrameRate{10, 1}, told);
            int taken = 0;
            for (std::uint64_t i = 0; i < 100; ++i) {
                const auto time = static_cast<std::int64_t>(i) * 100ms - (i >= 50 ? 10s : 0s);
                taken += thinner.number(picture(i, 20s + time)) ? 1 : 0;
            }
            CHECK(taken == 100);
        }
    }

    TEST_CASE("a camera that cannot be so slow has pictures left out") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.slowest = FrameRate{10, 1}});
        CameraConfig config;
        config.frameRate = FrameRate{5, 1};
        RunningCamera running(config, system);
        CHECK(running.info().frameRate == FrameRate{5, 1});
        CHECK(hasNote(running.info(), "cannot take so few pictures per second"));
        running.sink.refuse();
        camera.waitForBuffers(8);
        camera.produce(40);
        CHECK(running.sink.offered() == 20);
    }

    TEST_CASE("what a failed picture says of itself is not trusted") {
        CameraNumbering numbering(20ms);
        CHECK(numbering.number(picture(5, 100ms), false) == 5);
        CapturedPicture failed = picture(4'294'967'295, 0ms);
        failed.outcome = CaptureOutcome::Failed;
        CHECK(numbering.number(failed, false) == 6);
        CHECK(numbering.number(picture(7, 140ms), false) == 7);
        CHECK(numbering.number(picture(9, 180ms), false) == 9);
    }

    TEST_CASE("a driver that begins to count anew is not believed to have lost what there was no time for") {
        CameraNumbering numbering(20ms);
        CHECK(numbering.number(picture(100, 2000ms), false) == 100);
        CHECK(numbering.number(picture(0, 2020ms), false) == 101);
        CHECK(numbering.number(picture(1, 2040ms), false) == 102);
        CHECK(numbering.number(picture(90'000, 2060ms), false) <= 111);
    }

    TEST_CASE("a driver that counts what it loses is believed though it starves and the light goes") {
        CameraNumbering numbering(33ms);
        std::chrono::nanoseconds time{0};
        CHECK(numbering.number(picture(0, time), false) == 0);
        CHECK(numbering.number(picture(1, time += 33ms), false) == 1);
        CHECK(numbering.number(picture(4, time += 99ms), true) == 4);
        for (std::uint64_t i = 5; i < 100; ++i)
            CHECK(numbering.number(picture(i, time += 133ms), true) == i);
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
