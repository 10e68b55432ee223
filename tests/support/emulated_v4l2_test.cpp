#include "tests/support/emulated_v4l2.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/support/emulated_v4l2_client.h"
#include "tests/support/fake_bitstream.h"
#include "tests/support/v4l2_uapi.h"

using namespace smartcodec;
using test::V4l2Calls;
using Packets = std::vector<V4l2Calls::Dequeued>;

namespace {

constexpr Size kSize{256, 128};
constexpr std::int64_t kStep = 33'333;  // microseconds

/// Large enough for every personality.
Size sizeOf(const V4l2Personality& personality) {
    return {std::max(kSize.width, personality.smallest.width), std::max(kSize.height, personality.smallest.height)};
}

void begin(V4l2Calls& calls) {
    const auto& raw = calls.personality.rawFormats;
    // a bit rate that every one takes, since some have none by default
    calls.set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
    calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 1'000'000);
    calls.begin(calls.personality.codedFormats.front(), raw.front(), sizeOf(calls.personality));
}

Packets record(V4l2Calls& calls, int frames) {
    Packets packets;
    for (int i = 0; i < frames; ++i)
        calls.encode(kStep * (i + 1), packets);
    REQUIRE(calls.drain(packets));
    return packets;
}

std::vector<FakePicture> pictures(const Packets& packets) {
    std::vector<FakePicture> found;
    for (const auto& packet : packets)
        if (const auto picture = parseFakePicture(packet.data))
            found.push_back(*picture);
    return found;
}

/// One frame in, and out again, before the next: what is set between two calls stands for the second.
FakePicture step(V4l2Calls& calls, int number) {
    Packets packets;
    calls.encode(kStep * (number + 1), packets);
    std::vector<FakePicture> found;
    while (found.empty()) {
        REQUIRE(calls.poll(POLLIN) != 0);
        calls.collect(packets);
        found = pictures(packets);
    }
    return found.back();
}

void setMap(V4l2Calls& calls, std::int8_t delta) {
    std::vector<std::int8_t> map(139264, delta);
    v4l2_ext_control one{};
    one.id = uapi::kCidRoiMbDeltaQp;
    one.size = static_cast<std::uint32_t>(map.size());
    one.ptr = map.data();
    v4l2_ext_controls controls{};
    controls.count = 1;
    controls.controls = &one;
    REQUIRE(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("pictures go in and one access unit each comes out of every personality") {
        for (const V4l2Personality& personality : v4l2Personalities()) {
            CAPTURE(personality.name);
            V4l2Calls calls(personality);
            begin(calls);
            const Packets packets = record(calls, 10);
            const auto found = pictures(packets);
            REQUIRE(found.size() == 10);
            for (std::size_t i = 0; i < found.size(); ++i) {
                CHECK(found[i].number == i);
                CHECK((found[i].keyFrame || i > 0));
                CHECK(found[i].checksum == found[0].checksum);
            }
            CHECK(calls.system.timestamps().size() == 10);
            const auto last = std::ranges::find_if(packets.rbegin(), packets.rend(),
                                                   [](const auto& packet) { return !packet.data.empty(); });
            CHECK(last->microseconds == 10 * kStep);
        }
    }

    TEST_CASE("the checksum is that of the picture that went in") {
        for (const std::uint32_t raw : {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420}) {
            V4l2Calls calls(v4l2Personality("plain"));
            calls.begin(V4L2_PIX_FMT_H264, raw, {64, 64});
            std::vector<std::byte> picture(64 * 64 * 3 / 2);
            for (std::size_t i = 0; i < picture.size(); ++i)
                picture[i] = static_cast<std::byte>(i * 7);
            Packets packets;
            calls.encode(1, packets,
                         [&](std::span<std::byte*> planes) { std::memcpy(planes[0], picture.data(), picture.size()); });
            REQUIRE(calls.drain(packets));
            Picture expected{.format = raw == V4L2_PIX_FMT_NV12 ? kNv12 : kYuv420, .size = {64, 64}};
            const std::size_t chroma = raw == V4L2_PIX_FMT_NV12 ? 64 : 32;
            expected.planes[0] = {.strideBytes = 64, .data = picture.data()};
            expected.planes[1] = {.strideBytes = chroma, .data = picture.data() + 64 * 64};
            expected.planes[2] = {.strideBytes = chroma, .data = picture.data() + 64 * 64 * 5 / 4};
            CHECK(pictures(packets).at(0).checksum == fakeChecksum(expected));
        }
    }

    TEST_CASE("an imported dmabuf is read where it lies and may be closed once it is queued") {
        V4l2Calls calls(v4l2Personality("plain"));
        REQUIRE(calls.setFormat(true, V4L2_PIX_FMT_NV12, {64, 64}) == 0);
        REQUIRE(calls.request(true, 2, V4L2_MEMORY_DMABUF) == 0);
        REQUIRE(calls.request(false, 2) == 0);
        REQUIRE(calls.queue(false, 0) == 0);
        REQUIRE(calls.queue(false, 1) == 0);
        int fd = ::memfd_create("picture", MFD_CLOEXEC);
        REQUIRE(::ftruncate(fd, 64 * 64 * 3 / 2) == 0);
        REQUIRE(calls.queueDmabuf(1, std::span(&fd, 1), 64 * 64 * 3 / 2, 77) == 0);
        ::close(fd);
        REQUIRE(calls.stream(true, true) == 0);
        REQUIRE(calls.stream(false, true) == 0);
        CHECK((calls.poll(POLLIN) & POLLIN) != 0);
        V4l2Calls::Dequeued packet;
        CHECK(calls.dequeue(false, packet) == 0);
        CHECK(packet.microseconds == 77);
        CHECK(calls.dequeue(true, packet) == 0);
        CHECK(packet.index == 1);
        CHECK(packet.microseconds == 77);
    }

    TEST_CASE("poll says POLLERR while neither queue can move and waits truly otherwise") {
        V4l2Calls calls(v4l2Personality("plain"));
        CHECK(calls.poll(POLLIN | POLLOUT, 0) == POLLERR);
        CHECK(calls.poll(POLLPRI, 0) == 0);
        begin(calls);
        CHECK(calls.poll(POLLIN | POLLOUT, 0) == 0);
        const UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
        std::thread waker([&] {
            const std::uint64_t one = 1;
            CHECK(::write(wake.get(), &one, sizeof one) == sizeof one);
        });
        pollfd both[] = {{.fd = calls.descriptor, .events = POLLIN | POLLOUT, .revents = 0},
                         {.fd = wake.get(), .events = POLLIN, .revents = 0}};
        CHECK(calls.system.poll(both, 10'000) == 1);
        CHECK(both[0].revents == 0);
        CHECK(both[1].revents == POLLIN);
        waker.join();
        Packets packets;
        calls.encode(1, packets);
        const short first = calls.poll(POLLIN);
        CHECK((first & POLLIN) != 0);
        CHECK((calls.poll(POLLOUT) & POLLOUT) != 0);
        const auto before = std::chrono::steady_clock::now();
        calls.collect(packets);
        CHECK(calls.poll(POLLIN | POLLOUT, 20) == 0);
        CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(20));
        REQUIRE(calls.stream(true, false) == 0);
        CHECK(calls.poll(POLLIN | POLLOUT, 0) == 0);  // CAPTURE still has buffers
        REQUIRE(calls.stream(false, false) == 0);
        CHECK(calls.poll(POLLIN | POLLOUT, 0) == POLLERR);
    }

    TEST_CASE("a drain ends as the personality has it") {
        for (const V4l2Personality& personality : v4l2Personalities()) {
            CAPTURE(personality.name);
            V4l2Calls calls(personality);
            begin(calls);
            const Packets packets = record(calls, 3);
            const bool last = (packets.back().flags & V4L2_BUF_FLAG_LAST) != 0;
            V4l2Calls::Dequeued none;
            const int after = calls.dequeue(false, none);
            switch (personality.end) {
                case V4l2EndOfStream::LastOnPicture:
                case V4l2EndOfStream::LastOnEmpty:
                    CHECK(last);
                    CHECK(after == EPIPE);
                    CHECK((calls.poll(POLLIN, 0) & POLLIN) != 0);
                    break;
                case V4l2EndOfStream::Epipe:
                    CHECK(!last);
                    CHECK(after == EPIPE);
                    break;
                case V4l2EndOfStream::Empty:
                case V4l2EndOfStream::Event:
                    CHECK(!last);
                    CHECK(after == EAGAIN);
                    break;
            }
        }
    }

    TEST_CASE("a drain with nothing inside ends at once and waits for a buffer if there is none") {
        V4l2Calls calls(v4l2Personality("plain"));
        begin(calls);
        Packets packets;
        CHECK(calls.drain(packets));
        REQUIRE(packets.size() == 1);
        CHECK(packets[0].data.empty());
        CHECK(calls.command(V4L2_ENC_CMD_START) == 0);
        CHECK(calls.queue(false, packets[0].index) == 0);
        V4l2Calls::Dequeued none;
        CHECK(calls.dequeue(false, none) == EAGAIN);

        V4l2Calls without(v4l2Personality("plain"));
        REQUIRE(without.setFormat(true, V4L2_PIX_FMT_NV12, {64, 64}) == 0);
        REQUIRE(without.request(true, 2) == 0);
        REQUIRE(without.request(false, 2) == 0);
        REQUIRE(without.stream(true, true) == 0);
        REQUIRE(without.stream(false, true) == 0);
        CHECK(without.command(V4L2_ENC_CMD_STOP) == 0);
        CHECK(without.command(V4L2_ENC_CMD_STOP) == EBUSY);
        CHECK(without.command(V4L2_ENC_CMD_START) == EBUSY);
        REQUIRE(without.queue(false, 0) == 0);
        CHECK((without.poll(POLLIN) & POLLIN) != 0);
        CHECK(without.dequeue(false, none) == 0);
        CHECK((none.flags & V4L2_BUF_FLAG_LAST) != 0);
    }

    TEST_CASE("after the end START goes on and a new CAPTURE stream begins anew") {
        V4l2Calls calls(v4l2Personality("plain"));
        begin(calls);
        Packets packets = record(calls, 3);
        REQUIRE(calls.command(V4L2_ENC_CMD_START) == 0);
        REQUIRE(calls.queue(false, packets.back().index) == 0);
        const FakePicture resumed = step(calls, 3);
        CHECK(resumed.number == 3);
        CHECK(!resumed.keyFrame);
        REQUIRE(calls.stream(false, false) == 0);
        for (std::uint32_t i = 0; i < 4; ++i)
            REQUIRE(calls.queue(false, i) == 0);
        REQUIRE(calls.stream(false, true) == 0);
        const FakePicture anew = step(calls, 4);
        CHECK(anew.number == 0);
        CHECK(anew.keyFrame);
        CHECK(anew.parameterSets);
    }

    TEST_CASE("stopping CAPTURE ends a drain that is under way") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.neverEnds = true;
        V4l2Calls calls(personality);
        begin(calls);
        step(calls, 0);
        REQUIRE(calls.command(V4L2_ENC_CMD_STOP) == 0);
        CHECK(calls.command(V4L2_ENC_CMD_STOP) == EBUSY);
        REQUIRE(calls.stream(false, false) == 0);
        for (std::uint32_t i = 0; i < 4; ++i)
            REQUIRE(calls.queue(false, i) == 0);
        REQUIRE(calls.stream(false, true) == 0);
        CHECK(step(calls, 1).keyFrame);
        CHECK(calls.command(V4L2_ENC_CMD_STOP) == 0);
    }

    TEST_CASE("the START of bcm2835-codec does nothing and its streams must begin anew") {
        V4l2Calls calls(v4l2Personality("bcm2835-codec"));
        begin(calls);
        record(calls, 2);
        V4l2Calls::Dequeued none;
        CHECK(calls.command(V4L2_ENC_CMD_START) == 0);
        CHECK(calls.dequeue(false, none) == EPIPE);
        for (const bool output : {true, false})
            REQUIRE(calls.stream(output, false) == 0);
        for (std::uint32_t i = 0; i < 4; ++i)
            REQUIRE(calls.queue(false, i) == 0);
        for (const bool output : {true, false})
            REQUIRE(calls.stream(output, true) == 0);
        CHECK(step(calls, 0).keyFrame);
    }

    TEST_CASE("s5p-mfc takes no picture after STOP") {
        V4l2Calls calls(v4l2Personality("s5p-mfc"));
        begin(calls);
        record(calls, 2);
        CHECK(calls.queue(true, 0) == EIO);
    }

    TEST_CASE("a setting acts when its effect says") {
        const auto rateAfterChange = [](const char* name) {
            V4l2Calls calls(v4l2Personality(name));
            begin(calls);
            const std::int64_t before = step(calls, 0).bitrate;
            REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 500'000) == 0);
            return std::pair(before, step(calls, 1).bitrate);
        };
        CHECK(rateAfterChange("bcm2835-codec") == std::pair<std::int64_t, std::int64_t>(1'000'000, 500'000));
        CHECK(rateAfterChange("mtk-vcodec") == std::pair<std::int64_t, std::int64_t>(1'000'000, 500'000));
        CHECK(rateAfterChange("wave5") == std::pair<std::int64_t, std::int64_t>(1'000'000, 1'000'000));
        CHECK(rateAfterChange("s5p-mfc") == std::pair<std::int64_t, std::int64_t>(1'000'000, 1'000'000));
    }

    TEST_CASE("a latched setting goes with the buffer that is queued after it") {
        V4l2Calls calls(v4l2Personality("mtk-vcodec"));
        begin(calls);
        REQUIRE(calls.stream(false, false) == 0);  // what is queued now waits
        Packets packets;
        calls.encode(1, packets);
        REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1) == 0);
        calls.encode(2, packets);
        for (std::uint32_t i = 0; i < 4; ++i)
            REQUIRE(calls.queue(false, i) == 0);
        calls.encode(3, packets);
        REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 100'000) == 0);
        calls.encode(4, packets);
        REQUIRE(calls.stream(false, true) == 0);
        REQUIRE(calls.drain(packets));
        const auto found = pictures(packets);
        REQUIRE(found.size() == 4);
        CHECK(found[1].keyFrame);
        CHECK(!found[2].keyFrame);
        CHECK(found[2].bitrate == 1'000'000);
        CHECK(found[3].bitrate == 100'000);
    }

    TEST_CASE("a key frame comes when it is asked for except where the request is inert") {
        for (const V4l2Personality& personality : v4l2Personalities()) {
            const bool known = std::ranges::count(personality.controls, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
                                                  &V4l2PersonalityControl::id) > 0;
            if (!known)
                continue;
            CAPTURE(personality.name);
            V4l2Calls calls(personality);
            begin(calls);
            CHECK(step(calls, 0).keyFrame);
            CHECK(!step(calls, 1).keyFrame);
            REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1) == 0);
            CHECK(step(calls, 2).keyFrame == (personality.name != "s5p-mfc"));
            CHECK(!step(calls, 3).keyFrame);
        }
    }

    TEST_CASE("the GOP length holds and vicodec tells key frames in its headers alone") {
        V4l2Calls calls(v4l2Personality("vicodec"));
        begin(calls);
        REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_GOP_SIZE, 3) == 0);
        const Packets packets = record(calls, 7);
        for (std::size_t i = 0; i < 7; ++i) {
            CHECK(pictures(packets).at(i).keyFrame == (i % 3 == 0));
            CHECK((packets[i].flags & V4L2_BUF_FLAG_KEYFRAME) == 0);
            REQUIRE(packets[i].data.size() > 44);
            CHECK(packets[i].data[0] == std::byte{0x4f});
            CHECK((packets[i].data[22] == std::byte{4}) == (i % 3 == 0));  // flags, big endian: bit 10
        }
    }

    TEST_CASE("wave5 flags no key frame in H.264 and all of them in HEVC") {
        for (const std::uint32_t coded : {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC}) {
            V4l2Calls calls(v4l2Personality("wave5"));
            calls.begin(coded, V4L2_PIX_FMT_NV12, kSize);
            const Packets packets = record(calls, 2);
            CHECK(((packets[0].flags & V4L2_BUF_FLAG_KEYFRAME) != 0) == (coded == V4L2_PIX_FMT_HEVC));
        }
    }

    TEST_CASE("parameter sets come apart or joined and again where that is asked for") {
        V4l2Calls apart(v4l2Personality("mtk-vcodec"));
        begin(apart);
        const Packets packets = record(apart, 2);
        CHECK(!parseFakePicture(packets.at(0).data));
        CHECK(!packets[0].data.empty());
        CHECK(!pictures(packets).at(0).parameterSets);
        V4l2Calls repeated(v4l2Personality("bcm2835-codec"));
        repeated.set(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
        begin(repeated);
        CHECK(step(repeated, 0).parameterSets);
        CHECK(!step(repeated, 1).parameterSets);
        repeated.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
        CHECK(step(repeated, 2).parameterSets);
    }

    TEST_CASE("the map of iris belongs to the next picture alone") {
        V4l2Calls calls(v4l2Personality("iris"));
        begin(calls);
        CHECK(step(calls, 0).mapChecksum == 0);
        setMap(calls, -5);
        const FakePicture mapped = step(calls, 1);
        CHECK(mapped.lowestDelta == -5);
        const std::vector<std::int8_t> expected(16 * 8, -5);
        CHECK(mapped.mapChecksum == fakeMapChecksum(expected));
        CHECK(step(calls, 2).mapChecksum == 0);
        setMap(calls, 0);
        CHECK(step(calls, 3).mapChecksum == 0);
    }

    TEST_CASE("the rectangles of vsi stand until others are set and the first wins") {
        V4l2Calls calls(v4l2Personality("vsi"));
        begin(calls);
        uapi::ImxRoi roi{};
        roi.regions = 2;
        roi.region[0] = {.rect = {20, 20, 10, 10}, .enable = 1, .qpDelta = -8, .reserved = {}};
        roi.region[1] = {.rect = {0, 0, 64, 64}, .enable = 1, .qpDelta = 4, .reserved = {}};
        v4l2_ext_control one{};
        one.id = uapi::kCidImxRoi;
        one.size = sizeof roi;
        one.ptr = &roi;
        v4l2_ext_controls controls{};
        controls.count = 1;
        controls.controls = &one;
        REQUIRE(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
        std::vector<std::int8_t> expected(16 * 8, 0);
        for (std::size_t row = 0; row < 4; ++row)
            for (std::size_t column = 0; column < 4; ++column)
                expected[row * 16 + column] = row == 1 && column == 1 ? -8 : 4;
        CHECK(step(calls, 0).mapChecksum == fakeMapChecksum(expected));
        CHECK(step(calls, 1).mapChecksum == fakeMapChecksum(expected));
        roi.regions = 0;
        REQUIRE(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
        CHECK(step(calls, 2).mapChecksum == 0);
    }

    TEST_CASE("the frame rate of amphion waits for a change of the bit rate") {
        V4l2Calls calls(v4l2Personality("amphion"));
        begin(calls);
        step(calls, 0);
        REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1) == 0);
        const int before = step(calls, 1).qp;
        REQUIRE(calls.setFrameRate(1) == 0);
        CHECK(step(calls, 2).qp >= before - 3);
        REQUIRE(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 1'001'000) == 0);
        int after = before;
        for (int i = 3; i < 12; ++i)
            after = step(calls, i).qp;
        CHECK(after < before - 6);  // thirty times the bits per picture
        CHECK(calls.get(uapi::kCidAverageQp) == after);
    }
}
