#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "capture/camera_formats.h"
#include "capture/mapping.h"
#include "tests/capture/camera_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

TEST_SUITE("unit") {
    TEST_CASE("a camera's frame carries both pictures and what the sensor said") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.setSensor({.exposure = 8000us, .gain = 2.5});
        camera.produce(3);
        camera.setSensor({.exposure = 16000us, .gain = 1.25});
        camera.produce(1);
        CHECK(running.info().live);
        CHECK(running.info().name == "camera emu477");
        CHECK(running.info().format == kNv12);
        CHECK(running.info().size == Size{1280, 720});
        CHECK(running.info().frameRate == FrameRate{30, 1});
        for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
            const Frame frame = running.sink.take();
            REQUIRE(frame->sequence == sequence);
            CHECK(frame->time == camera.timeOf(sequence));
            CHECK(frame->duration == 33'333'333ns);
            CHECK(frame->sensor.exposure == (sequence < 3 ? 8000us : 16000us));
            CHECK(frame->sensor.gain == (sequence < 3 ? 2.5 : 1.25));
            CHECK(frame->picture.size == Size{1280, 720});
            CHECK(frame->picture.format == kNv12);
            CHECK(differenceToPattern(frame->picture, sequence) <= 1);
            REQUIRE(frame->analysisPicture);
            CHECK(frame->analysisPicture->size == Size{640, 360});
            CHECK(differenceToPattern(*frame->analysisPicture, sequence) <= 1);
        }
        CHECK(running.finish().ok());
    }

    TEST_CASE("the main picture is in the dmabuf that the camera filled") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        const Frame frame = running.sink.take();
        const std::vector<int> dmabufs = camera.mainDmabufs();
        CHECK(std::find(dmabufs.begin(), dmabufs.end(), frame->picture.planes[0].dmabuf) != dmabufs.end());
        CHECK(frame->picture.planes[1].dmabuf == frame->picture.planes[0].dmabuf);
        REQUIRE(running.info().dmabufLayout);
        CHECK(running.info().dmabufLayout->planes[1].offsetBytes == frame->picture.planes[1].offsetBytes);
        CHECK(running.info().dmabufLayout->planes[0].strideBytes == frame->picture.planes[0].strideBytes);
    }

    TEST_CASE("no byte of the main picture is touched where there is a second stream") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.mainMemory = MainMemory::Forbidden});  // or this dies by SIGSEGV
        RunningCamera running({}, system);
        for (std::uint64_t sequence = 0; sequence < 30; ++sequence) {
            camera.waitForBuffers(8);
            camera.produce(1);
            const Frame frame = running.sink.take();
            CHECK(differenceToPattern(*frame->analysisPicture, sequence) <= 1);
            CHECK(frame->picture.planes[0].data);
            const void* mapped = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, frame->picture.planes[0].dmabuf, 0);
            CHECK(mapped == MAP_FAILED);  // by another way neither
        }
    }

    TEST_CASE("a camera without a second stream gives its main picture alone") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.secondStream = false});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        CHECK_FALSE(running.sink.take()->analysisPicture);
        CHECK(camera.request().analysisStream);
    }

    TEST_CASE("a frame outlives its source and keeps the camera until it dies") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(2);
        Frame frame = running.sink.take();
        Frame second = running.sink.take();
        running.destroySource();
        CHECK(camera.taken());
        CHECK_FALSE(camera.running());
        CHECK(differenceToPattern(frame->picture, 0) <= 1);
        CHECK(differenceToPattern(*second->analysisPicture, 1) <= 1);
        CHECK(refusal({}, system).find("another program uses it") != std::string::npos);
        std::thread([gone = std::move(frame)] {}).join();
        CHECK(camera.taken());
        second.reset();
        CHECK_FALSE(camera.taken());
        CHECK(refusal({}, system).empty());
    }

    TEST_CASE("a buffer goes back when the last share of its frame dies on whatever thread") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        Frame frame = running.sink.take();
        Frame share = frame.share();
        CHECK(camera.queued() == 7);
        frame.reset();
        CHECK(camera.queued() == 7);
        std::thread([gone = std::move(share)] {}).join();
        CHECK(camera.queued() == 8);
    }

    TEST_CASE("a frame that nobody takes goes back on the camera's own thread") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        running.sink.refuse();
        camera.waitForBuffers(8);
        camera.produce(50);
        CHECK(camera.starved() == 0);
        CHECK(camera.queued() == 8);
        CHECK(running.sink.offered() == 50);
    }

    TEST_CASE("a few frames of delay starve nobody") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        std::vector<Frame> held;
        for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
            camera.produce(1);
            held.push_back(running.sink.take());
            CHECK(held.back()->sequence == sequence);
            if (held.size() == 6)
                held.erase(held.begin());
        }
        CHECK(camera.starved() == 0);
    }

    TEST_CASE("pictures for which there is no buffer are missing and are no stall") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.buffers = 4});
        RunningCamera running(impatient(400ms), system);
        camera.waitForBuffers(4);
        camera.produce(6);
        CHECK(camera.starved() == 2);
        std::this_thread::sleep_for(500ms);  // more than its patience
        CHECK(running.sink.kept() == 4);
        for (std::uint64_t sequence = 0; sequence < 4; ++sequence)
            CHECK(running.sink.take()->sequence == sequence);
        camera.produce(1);
        CHECK(running.sink.take()->sequence == 6);
        CHECK(running.finish().ok());
    }

    TEST_CASE("a failed picture is left out and its buffer goes back") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.failNext(2);
        camera.produce(3);
        CHECK(running.sink.take()->sequence == 2);
        CHECK(camera.queued() == 8);
        CHECK(running.finish().ok());
        CHECK(running.report().failed == 2);
        CHECK(running.report().converted == 0);
    }

    TEST_CASE("a buffer that comes back without a picture is given to the camera again") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(1);
        running.sink.take().reset();
        camera.cancelNext(11);
        camera.waitForCancelled(11);  // in two rounds
        camera.waitForBuffers(8);
        camera.produce(3);
        CHECK(running.sink.take()->sequence == 1);
        CHECK(running.sink.take()->sequence == 2);
        CHECK(running.finish().ok());
        CHECK(running.report().failed == 11);
    }

    TEST_CASE("a source that has ended offers nothing more and leaves its camera running until it dies") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(2);
        CHECK(running.finish().ok());
        camera.produce(20);
        CHECK(running.sink.offered() == 2);
        CHECK(camera.running());
        CHECK(camera.queued() == 6);
        running.sink.take().reset();
        CHECK(camera.queued() == 7);
        running.destroySource();
        CHECK_FALSE(camera.running());
    }

    TEST_CASE("a camera whose buffers are all out is stopped without a wait for a picture") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({.buffers = 4});
        CameraConfig config;
        config.patience = 1h;
        RunningCamera running(config, system);
        camera.waitForBuffers(4);
        camera.produce(4);
        running.destroySource();
        CHECK_FALSE(camera.running());
    }

    TEST_CASE("buffers that die while the camera stops and after it has stopped stay") {
        EmulatedCameraSystem system;
        EmulatedCamera camera = system.add({});
        RunningCamera running({}, system);
        camera.waitForBuffers(8);
        camera.produce(2);
        Frame first = running.sink.take();
        camera.whileStopping([&] { first.reset(); });  // queued now the double would end the program
        running.destroySource();
        CHECK_FALSE(first);
        running.sink.take().reset();
        CHECK(camera.queued() == 0);
    }

    TEST_CASE("stopping never meets a buffer that is just given back") {
        for (int round = 0; round < 40; ++round) {
            EmulatedCameraSystem system;
            EmulatedCamera camera =
                system.add({.formats = {{kNv12, {{64, 48}}}}, .secondStream = false, .pace = CameraPace::Free});
            RunningCamera running({}, system);
            std::atomic<bool> over{false};
            std::vector<std::thread> consumers;
            for (int i = 0; i < 3; ++i) {
                consumers.emplace_back([&] {
                    while (!over) {
                        if (running.sink.kept() > 3)  // so that `take` never waits
                            running.sink.take().reset();
                        else
                            std::this_thread::yield();
                    }
                });
            }
            while (camera.delivered() < static_cast<std::uint64_t>(round) * 3)
                std::this_thread::yield();
            running.destroySource();
            over = true;
            for (std::thread& consumer : consumers)
                consumer.join();
            CHECK(camera.starved() == 0);
        }
    }
}
