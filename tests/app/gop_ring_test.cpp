#include "app/gop_ring.h"

#include <doctest/doctest.h>

#include "app/disk_backlog.h"
#include "tests/app/held_packets.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kPacketBytes = 1000;

/// A GOP of one second: a picture each 100 ms.
void addGop(GopRing& ring, int second, std::size_t packetBytes = kPacketBytes) {
    ring.beginGop(CaptureTime(1s * second), {});
    for (int i = 0; i < 10; ++i)
        CHECK(ring.put({.packet = makePacket(0, CaptureTime(1s * second + 100ms * i), packetBytes, i == 0)}));
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a ring lets go of whole GOPs that end before the time asked for") {
        GopRing ring(1'000'000);
        for (int second = 0; second < 10; ++second)
            addGop(ring, second);
        ring.trim(CaptureTime(4900ms));
        CHECK(ring.start() == CaptureTime(4s));
        CHECK(ring.droppedPictures() == 40);
        ring.trim(CaptureTime(5s));
        CHECK(ring.start() == CaptureTime(5s));
        ring.trim(CaptureTime(100s));  // the newest one stays
        CHECK(ring.start() == CaptureTime(9s));
        CHECK_FALSE(ring.droppedForRoom());
        ring.clear();
        CHECK_FALSE(ring.start());
        CHECK(ring.droppedPictures() == 100);
    }

    TEST_CASE("a ring keeps to its bytes and still begins with a key frame") {
        const std::size_t gopBytes = 10 * memoryOf(makePacket(0, {}, kPacketBytes));
        GopRing ring(3 * gopBytes);
        for (int second = 0; second < 3; ++second)
            addGop(ring, second);
        CHECK(ring.start() == CaptureTime(0s));
        CHECK_FALSE(ring.droppedForRoom());
        addGop(ring, 3);
        CHECK(ring.start() == CaptureTime(1s));
        CHECK(ring.droppedForRoom());
        const std::optional<HeldGop> oldest = ring.take();
        REQUIRE(oldest);
        CHECK(oldest->packets.size() == 10);
        CHECK(oldest->packets.front().packet.keyFrame);
        CHECK(oldest->bytes == gopBytes);
        CHECK(ring.droppedPictures() == 10);
    }

    TEST_CASE("a GOP that is larger than the ring is let go of whole") {
        GopRing ring(10'000);
        ring.beginGop(CaptureTime(0s), {});
        CHECK(ring.put({.packet = makePacket(0, CaptureTime(0s), 2000, true)}));
        CHECK_FALSE(ring.wantsKeyFrame());
        CHECK(ring.put({.packet = makePacket(0, CaptureTime(40ms), 2000)}));
        CHECK(ring.wantsKeyFrame());  // a quarter of it
        CHECK(ring.put({.packet = makePacket(0, CaptureTime(80ms), 4000)}));
        CHECK_FALSE(ring.put({.packet = makePacket(0, CaptureTime(120ms), 2000)}));
        CHECK_FALSE(ring.start());
        CHECK(ring.droppedPictures() == 4);
        addGop(ring, 1, 100);
        CHECK(ring.start() == CaptureTime(1s));
        CHECK_FALSE(ring.droppedForRoom());
    }

    TEST_CASE("sound counts as bytes and not as pictures") {
        GopRing ring(100'000);
        addGop(ring, 0);
        CHECK(ring.put({.packet = makePacket(1, CaptureTime(500ms), 1000)}));
        addGop(ring, 1);
        ring.trim(CaptureTime(1s));
        CHECK(ring.droppedPictures() == 10);
    }

    TEST_CASE("memory that was given back serves again") {
        GopRing ring(100'000);
        addGop(ring, 0);
        std::optional<HeldGop> gop = ring.take();
        const std::size_t capacity = gop->packets.capacity();
        ring.reuse(std::move(*gop));
        ring.beginGop(CaptureTime(1s), {});
        CHECK(ring.put({.packet = makePacket(0, CaptureTime(1s), 100, true)}));
        CHECK(ring.take()->packets.capacity() == capacity);
    }
}
