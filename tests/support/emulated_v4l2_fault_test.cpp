// The faults that tests of clients ask the emulated encoders for.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "tests/support/emulated_v4l2_client.h"
#include "tests/support/fake_bitstream.h"

using namespace smartcodec;
using test::V4l2Calls;
using Packets = std::vector<V4l2Calls::Dequeued>;

namespace {

V4l2Personality plain() {
    return v4l2Personality("plain");
}

void begin(V4l2Calls& calls) {
    calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, {128, 96});
}

Packets record(V4l2Calls& calls, int frames) {
    begin(calls);
    Packets packets;
    for (int i = 0; i < frames; ++i)
        calls.encode(i + 1, packets);
    REQUIRE(calls.drain(packets));
    return packets;
}

std::vector<std::int64_t> times(const Packets& packets) {
    std::vector<std::int64_t> result;
    for (const auto& packet : packets)
        if (!packet.data.empty())
            result.push_back(packet.microseconds);
    return result;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the call that is to fail fails once and does nothing") {
        V4l2Calls calls(plain());
        calls.system.failCall(calls.system.calls().size(), EIO);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_GOP_SIZE, 7) == EIO);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_GOP_SIZE) == 0);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_GOP_SIZE, 7) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_GOP_SIZE) == 7);
        REQUIRE(calls.request(true, 2) == 0);
        CHECK(calls.system.calls().back() == "ioctl VIDIOC_REQBUFS OUTPUT");
        calls.system.failCall(calls.system.calls().size(), ENOMEM);
        CHECK(calls.system.map(calls.descriptor, 4096, 0) == MAP_FAILED);
        CHECK(errno == ENOMEM);
        CHECK(calls.system.calls().back() == "map");
        CHECK(calls.system.mappings() == 0);
        calls.system.failCall(calls.system.calls().size(), EMFILE);
        CHECK(calls.system.open("/dev/video0") == -1);
        CHECK(errno == EMFILE);
        calls.system.failCall(calls.system.calls().size(), EINTR);
        CHECK(calls.system.poll({}, 0) == -1);
        CHECK(errno == EINTR);
        CHECK(calls.system.openDescriptors() == 1);
    }

    TEST_CASE("a descriptor that was closed elsewhere is noticed") {
        EmulatedV4l2 system(plain(), EmulatedV4l2::Coding::Fake);
        CHECK(system.nodes() == std::vector<std::string>{"/dev/video0"});
        CHECK(system.open("/dev/video1") == -1);
        CHECK(errno == ENOENT);
        const int descriptor = system.open("/dev/video0");
        REQUIRE(descriptor >= 0);
        CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(system.opened() == 1);
        ::close(descriptor);
        CHECK(system.close(descriptor) == -1);
        CHECK(errno == EBADF);
        CHECK(system.openDescriptors() == 0);
        CHECK(system.close(descriptor) == -1);
        // close(2) closes even where it fails
        const int second = system.open("/dev/video0");
        system.failCall(system.calls().size(), EIO);
        CHECK(system.close(second) == -1);
        CHECK(errno == EIO);
        CHECK(system.openDescriptors() == 0);
        CHECK(::fcntl(second, F_GETFD) == -1);
    }

    TEST_CASE("a stalled device takes buffers and gives none back until it is opened again") {
        V4l2Calls calls(plain());
        begin(calls);
        calls.system.stall();
        Packets packets;
        for (int i = 0; i < 4; ++i)
            calls.encode(i, packets);
        CHECK(calls.poll(POLLIN | POLLOUT, 50) == 0);
        CHECK(calls.command(V4L2_ENC_CMD_STOP) == 0);
        CHECK(calls.poll(POLLIN | POLLOUT, 50) == 0);
        CHECK(calls.stream(true, false) == 0);
        CHECK(calls.stream(false, false) == 0);
        V4l2Calls another(plain());
        CHECK(record(another, 2).size() >= 2);
    }

    TEST_CASE("a dead device fails everything but closing and for good also opening") {
        V4l2Calls calls(plain());
        begin(calls);
        calls.system.die(ENODEV);
        V4l2Calls::Dequeued none;
        CHECK(calls.dequeue(false, none) == ENODEV);
        CHECK(calls.stream(true, false) == ENODEV);
        CHECK(calls.queue(true, 0) == ENODEV);
        CHECK(calls.poll(POLLIN) == POLLERR);
        CHECK(calls.system.map(calls.descriptor, 4096, 0) == MAP_FAILED);
        const int again = calls.system.open("/dev/video0");
        CHECK(again >= 0);
        calls.system.die(EIO, true);
        CHECK(calls.system.close(again) == 0);
        CHECK(calls.system.open("/dev/video0") == -1);
        CHECK(errno == EIO);
    }

    TEST_CASE("a death wakes who waits") {
        V4l2Calls calls(plain());
        begin(calls);
        std::thread killer([&] { calls.system.die(EIO); });
        CHECK(calls.poll(POLLIN | POLLOUT, 10'000) == POLLERR);
        killer.join();
    }

    TEST_CASE("frames are swallowed and packets swapped and empty ones put between") {
        V4l2Personality personality = plain();
        personality.swallowEvery = 3;
        V4l2Calls swallowing(personality);
        CHECK(times(record(swallowing, 7)) == std::vector<std::int64_t>{1, 2, 4, 5, 7});

        personality = plain();
        personality.swapPackets = true;
        V4l2Calls swapping(personality);
        CHECK(times(record(swapping, 6)) == std::vector<std::int64_t>{1, 3, 2, 5, 4, 6});

        personality = plain();
        personality.emptyPacketEvery = 2;
        V4l2Calls emptying(personality);
        const Packets packets = record(emptying, 4);
        CHECK(times(packets) == std::vector<std::int64_t>{1, 2, 3, 4});
        CHECK(packets[1].data.empty());
        CHECK((packets[1].flags & V4L2_BUF_FLAG_LAST) == 0);
    }

    TEST_CASE("the first buffer may be junk and a packet may be an error") {
        V4l2Personality personality = plain();
        personality.junkFirst = true;
        personality.errorEvery = 3;
        V4l2Calls calls(personality);
        const Packets packets = record(calls, 4);
        CHECK(packets[0].microseconds == 0);
        CHECK(!parseFakePicture(packets[0].data));
        CHECK((packets[3].flags & V4L2_BUF_FLAG_ERROR) != 0);
        CHECK(packets[3].data.empty());
        CHECK(packets[3].microseconds == 3);
    }

    TEST_CASE("frames held inside come with the drain") {
        V4l2Personality personality = plain();
        personality.latencyFrames = 3;
        V4l2Calls calls(personality);
        begin(calls);
        Packets packets;
        for (int i = 0; i < 3; ++i)
            calls.encode(i + 1, packets);
        CHECK(calls.poll(POLLIN, 50) == 0);
        REQUIRE(calls.drain(packets));
        CHECK(times(packets) == std::vector<std::int64_t>{1, 2, 3});
        CHECK((packets[2].flags & V4L2_BUF_FLAG_LAST) != 0);
    }

    TEST_CASE("poll may wake for nothing and a drain may never end") {
        V4l2Personality personality = plain();
        personality.spuriousPollEvery = 1;
        personality.neverEnds = true;
        V4l2Calls calls(personality);
        begin(calls);
        CHECK(calls.poll(POLLIN | POLLOUT, 10'000) == (POLLIN | POLLOUT));
        V4l2Calls::Dequeued none;
        CHECK(calls.dequeue(false, none) == EAGAIN);
        calls.personality.spuriousPollEvery = 0;
        V4l2Personality endless = plain();
        endless.neverEnds = true;
        V4l2Calls other(endless);
        begin(other);
        Packets packets;
        other.encode(1, packets);
        CHECK(!other.drain(packets, 50));
        CHECK(times(packets) == std::vector<std::int64_t>{1});
    }

    TEST_CASE("a picture too large for its buffer is an error or goes on in the next") {
        V4l2Personality personality = plain();
        personality.smallestCodedBytes = 4096;
        for (const V4l2Overflow overflow : {V4l2Overflow::Error, V4l2Overflow::Continue}) {
            personality.overflow = overflow;
            V4l2Calls calls(personality);
            calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 100'000'000);
            REQUIRE(calls.setFormat(false, V4L2_PIX_FMT_H264, {}, 4096) == 0);
            calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, {1280, 720});
            Packets packets;
            calls.encode(5, packets);
            REQUIRE(calls.drain(packets));
            if (overflow == V4l2Overflow::Error) {
                CHECK((packets[0].flags & V4L2_BUF_FLAG_ERROR) != 0);
                CHECK(packets[0].data.empty());
                continue;
            }
            REQUIRE(packets.size() >= 2);
            CHECK(packets[0].data.size() == calls.captures[0].lengths[0]);
            CHECK(packets[1].microseconds == 5);
            CHECK(parseFakePicture(packets[0].data));
            CHECK(!parseFakePicture(packets[1].data));
        }
    }

    TEST_CASE("bcm2835-codec stalls after the first picture where the level does not fit") {
        for (const bool fits : {true, false}) {
            V4l2Calls calls(v4l2Personality("bcm2835-codec"));
            CHECK(calls.set(V4L2_CID_MPEG_VIDEO_H264_LEVEL,
                            fits ? V4L2_MPEG_VIDEO_H264_LEVEL_4_2 : V4L2_MPEG_VIDEO_H264_LEVEL_4_0) == 0);
            calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, {1920, 1088}, 4, 60);
            Packets packets;
            for (int i = 0; i < 3; ++i)
                calls.encode(i + 1, packets);
            while (times(packets).size() < (fits ? 3 : 1)) {
                REQUIRE(calls.poll(POLLIN) != 0);
                calls.collect(packets);
            }
            if (!fits)
                CHECK(calls.poll(POLLIN, 50) == 0);
        }
    }

    TEST_CASE("calls that a driver lacks are ENOTTY") {
        V4l2Personality personality = plain();
        personality.enumeratesFormats = personality.enumeratesSizes = personality.enumeratesIntervals = false;
        personality.extendedQuery = personality.simpleControls = personality.crops = false;
        personality.hasEncoderCommand = false;
        V4l2Calls calls(personality);
        v4l2_fmtdesc description{};
        description.type = calls.type(true);
        CHECK(calls.call(VIDIOC_ENUM_FMT, description) == ENOTTY);
        v4l2_frmsizeenum sizes{};
        CHECK(calls.call(VIDIOC_ENUM_FRAMESIZES, sizes) == ENOTTY);
        v4l2_frmivalenum intervals{};
        CHECK(calls.call(VIDIOC_ENUM_FRAMEINTERVALS, intervals) == ENOTTY);
        v4l2_query_ext_ctrl extended{};
        CHECK(calls.call(VIDIOC_QUERY_EXT_CTRL, extended) == ENOTTY);
        v4l2_queryctrl query{};
        CHECK(calls.call(VIDIOC_QUERYCTRL, query) == ENOTTY);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 1) == ENOTTY);
        v4l2_selection selection{};
        CHECK(calls.call(VIDIOC_G_SELECTION, selection) == ENOTTY);
        CHECK(calls.command(V4L2_ENC_CMD_STOP) == ENOTTY);
    }

    TEST_CASE("a device may come back with other parameter sets") {
        V4l2Personality personality = plain();
        const auto parameterSets = [](EmulatedV4l2::Coding coding, bool change) {
            V4l2Personality changing = plain();
            changing.changesParameterSets = change;
            V4l2Calls calls(changing, coding);
            std::vector<std::byte> sets[2];
            for (auto& set : sets) {
                Packets packets = record(calls, 1);
                set = packets.at(0).data;
                set.resize(20);
                calls.reopen();
            }
            return sets[0] == sets[1];
        };
        for (const auto coding : {EmulatedV4l2::Coding::Fake, EmulatedV4l2::Coding::Real}) {
            CHECK(parameterSets(coding, false));
            CHECK(!parameterSets(coding, true));
        }
    }
}
