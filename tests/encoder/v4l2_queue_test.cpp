#include "encoder/v4l2_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <type_traits>

#include "tests/support/emulated_v4l2.h"

namespace smartcodec {
namespace {

// Queueing uses a buffer up: that none can be queued twice is not left to the kernel.
static_assert(!std::is_copy_constructible_v<V4l2Queue::Buffer> && !std::is_copy_assignable_v<V4l2Queue::Buffer>);
static_assert(std::is_nothrow_move_constructible_v<V4l2Queue::Buffer>);
static_assert(!std::is_default_constructible_v<V4l2Queue::Buffer>);

using Kind = V4l2Queue::Kind;
using Memory = V4l2Queue::Memory;

/// An opened device with formats set on both queues.
struct Device {
    explicit Device(const char* personality)
        : system(v4l2Personality(personality), EmulatedV4l2::Coding::Fake),
          device(system, "/dev/video0"),
          multiplanar(v4l2Personality(personality).multiplanar) {}

    void setFormats(V4l2Queue& bitstream, V4l2Queue& frames) {
        V4l2Format coded;
        coded.fourcc = V4L2_PIX_FMT_H264;
        coded.planes[0].sizeBytes = 100'000;
        REQUIRE(bitstream.setFormat(coded).ok());
        V4l2Format raw;
        raw.fourcc = V4L2_PIX_FMT_NV12;
        raw.size = {128, 64};
        REQUIRE(frames.setFormat(raw).ok());
        CHECK(raw.size == Size{128, 64});
        CHECK(raw.planes[0].strideBytes >= 128);
    }

    EmulatedV4l2 system;
    V4l2Device device;
    bool multiplanar;
};

V4l2Queue::Filling filled(const V4l2Queue& queue) {
    V4l2Queue::Filling filling;
    filling.planes[0].usedBytes = queue.format().planes[0].sizeBytes;
    filling.timestamp = std::chrono::microseconds(1'234'567);
    return filling;
}

TEST_SUITE("unit") {
    TEST_CASE("a buffer is free or taken or queued and comes back when it is dropped or dequeued") {
        for (const char* name : {"plain", "plain-single"}) {
            CAPTURE(name);
            Device device(name);
            V4l2Queue bitstream(device.device, Kind::Bitstream, device.multiplanar);
            V4l2Queue frames(device.device, Kind::Frames, device.multiplanar);
            device.setFormats(bitstream, frames);
            REQUIRE(frames.allocate(Memory::Mapped, 3).ok());
            REQUIRE(bitstream.allocate(Memory::Mapped, 2).ok());
            CHECK(frames.count() == 3);
            CHECK(device.system.mappings() == frames.count() + bitstream.count());

            std::set<std::uint32_t> indices;
            {
                auto a = frames.take();
                auto b = frames.take();
                auto c = frames.take();
                REQUIRE(a);
                REQUIRE(b);
                REQUIRE(c);
                indices = {a->index(), b->index(), c->index()};
                CHECK(frames.free() == 0);
                CHECK_FALSE(frames.take());
                CHECK_FALSE(frames.take(a->index()));
                CHECK(a->memory()[0].size() >= 128 * 64 * 3 / 2);
            }
            CHECK(indices.size() == 3);
            CHECK(frames.free() == 3);

            REQUIRE(frames.queue(*frames.take(0), filled(frames)).ok());
            CHECK(frames.queued() == 1);
            CHECK_FALSE(frames.take(0));
            while (auto buffer = bitstream.take())
                REQUIRE(bitstream.queue(std::move(*buffer), {}).ok());
            REQUIRE(frames.streamOn().ok());
            REQUIRE(bitstream.streamOn().ok());
            std::optional<V4l2Queue::Returned> returned;
            for (int tries = 0; tries < 1000 && !returned; ++tries) {
                pollfd wait{.fd = device.device.descriptor(), .events = POLLIN, .revents = 0};
                CHECK(device.system.poll(std::span(&wait, 1), 1000) == 1);
                REQUIRE(bitstream.dequeue(returned).ok());
            }
            REQUIRE(returned);
            CHECK_FALSE(returned->payload.empty());
            CHECK(returned->timestamp == std::chrono::microseconds(1'234'567));
            REQUIRE(frames.dequeue(returned).ok());
            REQUIRE(returned);
            CHECK(returned->buffer.index() == 0);
            returned.reset();
            CHECK(frames.free() == 3);
            REQUIRE(frames.dequeue(returned).ok());
            CHECK_FALSE(returned);  // EAGAIN is no failure
        }
    }

    TEST_CASE("what the device refuses is free again") {
        Device device("plain");
        V4l2Queue bitstream(device.device, Kind::Bitstream, true);
        V4l2Queue frames(device.device, Kind::Frames, true);
        device.setFormats(bitstream, frames);
        REQUIRE(frames.allocate(Memory::Mapped, 2).ok());
        V4l2Queue::Filling filling = filled(frames);
        filling.planes[0].usedBytes = 100'000'000;
        const V4l2Result result = frames.queue(*frames.take(), filling);
        CHECK(result.error == EINVAL);
        CHECK(result.text() == "queueing a frame (VIDIOC_QBUF): Invalid argument");
        CHECK(frames.free() == 2);
        CHECK(frames.queued() == 0);
    }

    TEST_CASE("stopping brings all buffers back and a queue that stands still is not stopped") {
        Device device("plain");
        V4l2Queue bitstream(device.device, Kind::Bitstream, true);
        V4l2Queue frames(device.device, Kind::Frames, true);
        device.setFormats(bitstream, frames);
        REQUIRE(bitstream.allocate(Memory::Mapped, 4).ok());
        const auto stops = [&] {
            const auto calls = device.system.calls();
            return std::ranges::count_if(calls,
                                         [](const auto& call) { return call.starts_with("ioctl VIDIOC_STREAMOFF"); });
        };
        REQUIRE(bitstream.streamOff().ok());
        CHECK(stops() == 0);
        while (auto buffer = bitstream.take())
            REQUIRE(bitstream.queue(std::move(*buffer), {}).ok());
        REQUIRE(bitstream.streamOn().ok());
        CHECK(bitstream.free() == 0);
        REQUIRE(bitstream.streamOff().ok());
        REQUIRE(bitstream.streamOff().ok());
        CHECK(stops() == 1);
        CHECK(bitstream.free() == 4);
    }

    TEST_CASE("a queue that dies stops and unmaps and gives its buffers back") {
        Device device("plain");
        V4l2Queue bitstream(device.device, Kind::Bitstream, true);
        {
            V4l2Queue frames(device.device, Kind::Frames, true);
            device.setFormats(bitstream, frames);
            REQUIRE(frames.allocate(Memory::Mapped, 3).ok());
            REQUIRE(frames.queue(*frames.take(), filled(frames)).ok());
            REQUIRE(frames.streamOn().ok());
            CHECK(device.system.mappings() == 3);
        }
        CHECK(device.system.mappings() == 0);
        const auto calls = device.system.calls();
        REQUIRE(calls.size() >= 5);
        CHECK(calls.back() == "ioctl VIDIOC_REQBUFS OUTPUT");
        CHECK(calls[calls.size() - 5] == "ioctl VIDIOC_STREAMOFF OUTPUT");
    }

    TEST_CASE("memory that cannot be mapped leaves nothing behind") {
        Device device("plain");
        V4l2Queue bitstream(device.device, Kind::Bitstream, true);
        V4l2Queue frames(device.device, Kind::Frames, true);
        device.setFormats(bitstream, frames);
        device.system.failCall(device.system.calls().size() + 4, ENOMEM);  // the second of three
        const V4l2Result result = frames.allocate(Memory::Mapped, 3);
        CHECK(result.error == ENOMEM);
        CHECK(frames.count() == 0);
        CHECK(device.system.mappings() == 0);
    }
}

}  // namespace
}  // namespace smartcodec
