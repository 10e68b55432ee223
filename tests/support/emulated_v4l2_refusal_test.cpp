// What the kernel refuses, the emulated encoders must refuse, with the same errno.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/emulated_v4l2_client.h"
#include "tests/support/v4l2_uapi.h"

using namespace smartcodec;
using test::V4l2Calls;

namespace {

constexpr Size kSize{128, 96};
constexpr std::uint32_t kBytes = 128 * 96 * 3 / 2;

UniqueFd memfd(std::size_t bytes) {
    UniqueFd file(::memfd_create("picture", MFD_CLOEXEC));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(bytes)) == 0);
    return file;
}

void eachApi(const std::function<void(V4l2Calls&)>& check) {
    for (const char* name : {"plain", "plain-single"}) {
        CAPTURE(name);
        V4l2Calls calls(v4l2Personality(name));
        REQUIRE(calls.setFormat(false, V4L2_PIX_FMT_H264) == 0);
        REQUIRE(calls.setFormat(true, V4L2_PIX_FMT_NV12, kSize) == 0);
        check(calls);
    }
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an unknown call is ENOTTY and a missing argument EFAULT") {
        eachApi([](V4l2Calls& calls) {
            v4l2_jpegcompression jpeg{};
            CHECK(calls.call(VIDIOC_G_JPEGCOMP, jpeg) == ENOTTY);
            int other = 0;
            CHECK(calls.call(_IOWR('X', 1, int), other) == ENOTTY);
            CHECK(calls.system.ioctl(calls.descriptor, VIDIOC_QUERYCAP, nullptr) == -1);
            CHECK(errno == EFAULT);
            CHECK(calls.system.ioctl(-1, VIDIOC_QUERYCAP, &other) == -1);
            CHECK(errno == EBADF);
        });
    }

    TEST_CASE("formats cannot change under buffers") {
        eachApi([](V4l2Calls& calls) {
            REQUIRE(calls.request(true, 2) == 0);
            CHECK(calls.setFormat(true, V4L2_PIX_FMT_NV12, kSize) == EBUSY);
            CHECK(calls.setFormat(false, V4L2_PIX_FMT_HEVC) == EBUSY);
            REQUIRE(calls.request(true, 0) == 0);
            CHECK(calls.setFormat(true, V4L2_PIX_FMT_NV12, kSize) == 0);
            REQUIRE(calls.request(false, 2) == 0);
            CHECK(calls.setFormat(false, V4L2_PIX_FMT_HEVC) == EBUSY);
        });
    }

    TEST_CASE("an unsupported format is adjusted and not refused") {
        eachApi([](V4l2Calls& calls) {
            v4l2_format granted{};
            CHECK(calls.setFormat(true, V4L2_PIX_FMT_RGB24, {5, 100000}, 0, &granted) == 0);
            const bool multi = calls.personality.multiplanar;
            CHECK(+(multi ? granted.fmt.pix_mp.pixelformat : granted.fmt.pix.pixelformat) == V4L2_PIX_FMT_NV12);
            CHECK(+(multi ? granted.fmt.pix_mp.width : granted.fmt.pix.width) == 64);
            CHECK(+(multi ? granted.fmt.pix_mp.height : granted.fmt.pix.height) == 2304);
            CHECK(calls.setFormat(false, V4L2_PIX_FMT_VP8, {}, 0, &granted) == 0);
            CHECK(+(multi ? granted.fmt.pix_mp.pixelformat : granted.fmt.pix.pixelformat) == V4L2_PIX_FMT_H264);
        });
    }

    TEST_CASE("the buffer types of the other API are refused") {
        eachApi([](V4l2Calls& calls) {
            v4l2_format format{};
            format.type =
                calls.personality.multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
            CHECK(calls.call(VIDIOC_G_FMT, format) == EINVAL);
            v4l2_fmtdesc description{};
            description.type = format.type;
            CHECK(calls.call(VIDIOC_ENUM_FMT, description) == EINVAL);
            int type = static_cast<int>(format.type);
            CHECK(calls.call(VIDIOC_STREAMON, type) == EINVAL);
            CHECK(calls.call(VIDIOC_STREAMOFF, type) == EINVAL);
            v4l2_requestbuffers request{};
            request.type = format.type;
            request.memory = V4L2_MEMORY_MMAP;
            request.count = 1;
            CHECK(calls.call(VIDIOC_REQBUFS, request) == EINVAL);
        });
    }

    TEST_CASE("buffers are requested with a memory that is offered and not while streaming") {
        eachApi([](V4l2Calls& calls) {
            CHECK(calls.request(true, 1, V4L2_MEMORY_USERPTR) == EINVAL);
            CHECK(calls.request(true, 1, V4L2_MEMORY_OVERLAY) == EINVAL);
            v4l2_requestbuffers request{};
            request.type = calls.type(true);
            request.memory = V4L2_MEMORY_DMABUF;
            CHECK(calls.call(VIDIOC_REQBUFS, request) == 0);
            CHECK((request.capabilities & V4L2_BUF_CAP_SUPPORTS_DMABUF) != 0);
            CHECK((request.capabilities & V4L2_BUF_CAP_SUPPORTS_USERPTR) == 0);
            CHECK(calls.stream(true, true) == EINVAL);  // there are none
            request.memory = V4L2_MEMORY_MMAP;
            request.count = 1;
            CHECK(calls.call(VIDIOC_REQBUFS, request) == 0);
            CHECK(request.count == 2);  // the driver needs two
            CHECK(calls.stream(true, true) == 0);
            CHECK(calls.stream(true, true) == 0);
            CHECK(calls.request(true, 0) == EBUSY);
            CHECK(calls.stream(true, false) == 0);
            CHECK(calls.request(true, 0) == 0);
            CHECK(calls.stream(true, false) == 0);
            request.count = 100;
            CHECK(calls.call(VIDIOC_REQBUFS, request) == 0);
            CHECK(request.count == VIDEO_MAX_FRAME);
        });
    }

    TEST_CASE("a buffer is queued once and by its own index and memory") {
        eachApi([](V4l2Calls& calls) {
            CHECK(calls.queue(true, 0) == EINVAL);  // before REQBUFS
            REQUIRE(calls.request(true, 2) == 0);
            CHECK(calls.queue(true, 2) == EINVAL);
            const UniqueFd picture = memfd(kBytes);
            const int fd = picture.get();
            CHECK(calls.queueDmabuf(0, std::span(&fd, 1), kBytes) == EINVAL);
            CHECK(calls.queue(true, 0, 0, kBytes + 1) == EINVAL);
            CHECK(calls.queue(true, 0, 0, kBytes) == 0);
            CHECK(calls.queue(true, 0, 0, kBytes) == EINVAL);
            CHECK(calls.queue(true, 1) == 0);
            V4l2Calls::Dequeued buffer;
            CHECK(calls.dequeue(true, buffer) == EINVAL);  // not streaming
            REQUIRE(calls.stream(true, true) == 0);
            CHECK(calls.dequeue(true, buffer) == EAGAIN);
            REQUIRE(calls.stream(true, false) == 0);
            CHECK(calls.queue(true, 0) == 0);  // STREAMOFF gave it back
        });
    }

    TEST_CASE("planes must be there for a multi planar buffer") {
        V4l2Calls calls(v4l2Personality("mtk-vcodec"));
        REQUIRE(calls.setFormat(true, V4L2_PIX_FMT_NV12M, {160, 128}) == 0);
        REQUIRE(calls.request(true, 1) == 0);
        v4l2_plane planes[2]{};
        v4l2_buffer buffer{};
        buffer.type = calls.type(true);
        buffer.memory = V4L2_MEMORY_MMAP;
        CHECK(calls.call(VIDIOC_QUERYBUF, buffer) == EINVAL);
        buffer.m.planes = planes;
        buffer.length = 1;
        CHECK(calls.call(VIDIOC_QUERYBUF, buffer) == EINVAL);
        CHECK(calls.call(VIDIOC_QBUF, buffer) == EINVAL);
        buffer.length = 2;
        CHECK(calls.call(VIDIOC_QUERYBUF, buffer) == 0);
        CHECK(planes[0].length == 160 * 128);
        CHECK(planes[1].length == 160 * 128 / 2);
        planes[0].bytesused = 100;
        planes[0].data_offset = 100;
        CHECK(calls.call(VIDIOC_QBUF, buffer) == EINVAL);
        planes[0].data_offset = 0;
        buffer.field = V4L2_FIELD_INTERLACED;
        CHECK(calls.call(VIDIOC_QBUF, buffer) == EINVAL);
        buffer.field = V4L2_FIELD_NONE;
        CHECK(calls.call(VIDIOC_QBUF, buffer) == 0);
    }

    TEST_CASE("a dmabuf must be one and be large enough") {
        eachApi([](V4l2Calls& calls) {
            REQUIRE(calls.request(true, 2, V4L2_MEMORY_DMABUF) == 0);
            const UniqueFd picture = memfd(kBytes);
            const UniqueFd smaller = memfd(kBytes - 4096);
            const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
            const auto queue = [&](int fd, std::uint32_t length) {
                return calls.queueDmabuf(0, std::span(&fd, 1), length);
            };
            CHECK(queue(-1, kBytes) == EINVAL);
            CHECK(queue(event.get(), kBytes) == EINVAL);
            CHECK(queue(picture.get(), kBytes - 1) == EINVAL);
            CHECK(queue(smaller.get(), 0) == EINVAL);
            CHECK(queue(smaller.get(), kBytes) == EFAULT);
            CHECK(queue(picture.get(), kBytes) == 0);
            CHECK(calls.system.importedDmabufs() == std::vector<int>{picture.get()});
        });
    }

    TEST_CASE("what is mapped is a buffer of the driver and outlives the buffers") {
        eachApi([](V4l2Calls& calls) {
            EmulatedV4l2& system = calls.system;
            CHECK(system.map(calls.descriptor, kBytes, 0) == MAP_FAILED);
            CHECK(errno == EINVAL);
            REQUIRE(calls.request(true, 2) == 0);
            CHECK(system.map(calls.descriptor, kBytes, 4096) == MAP_FAILED);
            CHECK(system.map(calls.descriptor, kBytes + 4096, 0) == MAP_FAILED);
            void* address = system.map(calls.descriptor, kBytes, 0);
            REQUIRE(address != MAP_FAILED);
            CHECK(system.mappings() == 1);
            CHECK(calls.request(true, 0) == 0);
            std::memset(address, 1, kBytes);
            CHECK(system.unmap(address, 1) == -1);
            CHECK(system.unmap(address, kBytes) == 0);
            CHECK(system.mappings() == 0);
        });
    }

    TEST_CASE("a buffer of the driver is exported as a file of its own") {
        V4l2Calls calls(v4l2Personality("plain"));
        REQUIRE(calls.request(true, 2) == 0);
        v4l2_exportbuffer request{};
        request.type = calls.type(true);
        request.index = 5;
        CHECK(calls.call(VIDIOC_EXPBUF, request) == EINVAL);
        request.index = 1;
        request.flags = O_CLOEXEC;
        REQUIRE(calls.call(VIDIOC_EXPBUF, request) == 0);
        const UniqueFd exported(request.fd);
        CHECK(::lseek(exported.get(), 0, SEEK_END) > 0);
        REQUIRE(calls.request(true, 2, V4L2_MEMORY_DMABUF) == 0);
        CHECK(calls.call(VIDIOC_EXPBUF, request) == EINVAL);
    }

    TEST_CASE("controls are found and clamped and refused as the framework does") {
        V4l2Calls calls(v4l2Personality("bcm2835-codec"));
        CHECK(calls.set(V4L2_CID_BRIGHTNESS, 1) == EINVAL);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 30'000) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_BITRATE) == 25'000);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 40'000) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_BITRATE) == 50'000);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 2'000'000'000) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_BITRATE) == 25'000'000);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE_MODE, 9) == ERANGE);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_H264_PROFILE, 3) == EINVAL);  // a gap in the menu
        CHECK(calls.set(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, 3) == EACCES);
        v4l2_control button{.id = V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, .value = 0};
        CHECK(calls.call(VIDIOC_G_CTRL, button) == EACCES);
        v4l2_ext_control one{};
        one.id = V4L2_CID_MPEG_VIDEO_BITRATE;
        one.value = 50'000;
        v4l2_ext_controls controls{};
        controls.which = V4L2_CTRL_CLASS_USER;
        controls.count = 1;
        controls.controls = &one;
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == EINVAL);  // of another class
        controls.which = V4L2_CTRL_WHICH_DEF_VAL;
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == EINVAL);
        CHECK(calls.call(VIDIOC_G_EXT_CTRLS, controls) == 0);
        CHECK(+one.value == 10'000'000);
        controls.which = 0;
        one.value = 75'000;
        CHECK(calls.call(VIDIOC_TRY_EXT_CTRLS, controls) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_BITRATE) == 25'000'000);
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_BITRATE) == 75'000);
        CHECK(calls.system.controlsSet().back().value == 75'000);
    }

    TEST_CASE("one bad control of a set keeps all of it from being set") {
        V4l2Calls calls(v4l2Personality("plain"));
        v4l2_ext_control two[2]{};
        two[0].id = V4L2_CID_MPEG_VIDEO_GOP_SIZE;
        two[0].value = 77;
        two[1].id = V4L2_CID_MPEG_VIDEO_BITRATE_MODE;
        two[1].value = 9;
        v4l2_ext_controls controls{};
        controls.count = 2;
        controls.controls = two;
        CHECK(calls.call(VIDIOC_TRY_EXT_CTRLS, controls) == ERANGE);
        CHECK(controls.error_idx == 1);
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == ERANGE);
        CHECK(controls.error_idx == 2);
        CHECK(calls.get(V4L2_CID_MPEG_VIDEO_GOP_SIZE) == 0);
    }

    TEST_CASE("an array control wants all of its elements") {
        V4l2Calls calls(v4l2Personality("iris"));
        v4l2_query_ext_ctrl query{};
        query.id = uapi::kCidRoiMbDeltaQp;
        REQUIRE(calls.call(VIDIOC_QUERY_EXT_CTRL, query) == 0);
        CHECK(query.type == uapi::kCtrlTypeS8);
        CHECK(query.elems == 139264);
        CHECK(query.elem_size == 1);
        CHECK(query.nr_of_dims == 1);
        CHECK((query.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD) != 0);
        std::vector<std::int8_t> map(query.elems, 100);
        v4l2_ext_control one{};
        one.id = query.id;
        one.size = 100;
        one.ptr = map.data();
        v4l2_ext_controls controls{};
        controls.count = 1;
        controls.controls = &one;
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == EFAULT);
        one.size = 100;
        CHECK(calls.call(VIDIOC_G_EXT_CTRLS, controls) == ENOSPC);
        CHECK(+one.size == query.elems);
        CHECK(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
        CHECK(calls.call(VIDIOC_G_EXT_CTRLS, controls) == 0);
        CHECK(map[5] == 30);  // clamped
        v4l2_control old{.id = query.id, .value = 0};
        CHECK(calls.call(VIDIOC_S_CTRL, old) == EINVAL);
    }

    TEST_CASE("all controls are listed in the order of their numbers") {
        V4l2Calls calls(v4l2Personality("iris"));
        std::vector<std::uint32_t> ids;
        v4l2_query_ext_ctrl query{};
        query.id = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
        while (calls.call(VIDIOC_QUERY_EXT_CTRL, query) == 0) {
            ids.push_back(query.id);
            query.id |= V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
        }
        CHECK(std::ranges::is_sorted(ids));
        CHECK(ids.size() == calls.personality.controls.size() + 2);  // and the names of two classes
        v4l2_queryctrl old{};
        old.id = V4L2_CTRL_FLAG_NEXT_CTRL;
        std::size_t simple = 0;
        for (; calls.call(VIDIOC_QUERYCTRL, old) == 0; old.id |= V4L2_CTRL_FLAG_NEXT_CTRL)
            ++simple;
        CHECK(simple == ids.size() - 2);  // without the map and its block size
    }

    TEST_CASE("what a driver refuses while streaming is refused then") {
        V4l2Calls calls(v4l2Personality("iris"));
        calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, {128, 128});
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 30) == EINVAL);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, 30'000) == 0);
        CHECK(calls.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1) == EINVAL);  // there is none
        V4l2Personality grabbed = v4l2Personality("plain");
        control(grabbed, V4L2_CID_MPEG_VIDEO_BITRATE).errorWhileStreaming = EBUSY;
        V4l2Calls other(grabbed);
        other.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, kSize);
        CHECK(other.set(V4L2_CID_MPEG_VIDEO_BITRATE, 30'000) == EBUSY);
        CHECK(other.set(V4L2_CID_MPEG_VIDEO_BITRATE, 2'000'000) == EBUSY);  // the same as it is
        REQUIRE(other.stream(false, false) == 0);
        CHECK(other.set(V4L2_CID_MPEG_VIDEO_BITRATE, 30'000) == 0);
    }

    TEST_CASE("a driver that needs a frame rate does not stream without") {
        V4l2Calls calls(v4l2Personality("s5p-mfc"));
        REQUIRE(calls.request(true, 2) == 0);
        CHECK(calls.stream(true, true) == EINVAL);
        CHECK(calls.setFrameRate(30) == 0);
        CHECK(calls.stream(true, true) == 0);
        V4l2Calls wave(v4l2Personality("wave5"));
        CHECK(wave.set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1) == 0);
        CHECK(wave.set(V4L2_CID_MPEG_VIDEO_BITRATE, 30) == 0);
        CHECK_THROWS(wave.begin(V4L2_PIX_FMT_HEVC, V4L2_PIX_FMT_NV12, {256, 128}));
        V4l2Calls without(v4l2Personality("vicodec"));
        CHECK(without.setFrameRate(30) == ENOTTY);
        V4l2Calls output(v4l2Personality("venus"));
        v4l2_streamparm capture{};
        capture.type = output.type(false);
        CHECK(output.call(VIDIOC_S_PARM, capture) == EINVAL);
    }

    TEST_CASE("commands and events are those of an encoder") {
        eachApi([](V4l2Calls& calls) {
            CHECK(calls.command(V4L2_ENC_CMD_PAUSE) == EINVAL);
            CHECK(calls.command(V4L2_ENC_CMD_STOP) == 0);  // nothing streams: nothing happens
            v4l2_event_subscription subscription{};
            subscription.type = V4L2_EVENT_SOURCE_CHANGE;
            CHECK(calls.call(VIDIOC_SUBSCRIBE_EVENT, subscription) == EINVAL);
            v4l2_event event{};
            CHECK(calls.call(VIDIOC_DQEVENT, event) == ENOENT);
        });
        V4l2Calls mfc(v4l2Personality("s5p-mfc"));
        v4l2_encoder_cmd command{};
        command.cmd = V4L2_ENC_CMD_STOP;
        CHECK(mfc.call(VIDIOC_TRY_ENCODER_CMD, command) == ENOTTY);
        CHECK(mfc.call(VIDIOC_ENCODER_CMD, command) == EINVAL);
        CHECK(mfc.command(V4L2_ENC_CMD_START) == EINVAL);
    }

    TEST_CASE("the visible part begins at the corner and lies within the picture") {
        V4l2Calls calls(v4l2Personality("venus"));
        REQUIRE(calls.setFormat(true, V4L2_PIX_FMT_NV12, {200, 100}) == 0);
        v4l2_selection selection{};
        selection.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
        selection.target = V4L2_SEL_TGT_CROP_BOUNDS;
        REQUIRE(calls.call(VIDIOC_G_SELECTION, selection) == 0);
        CHECK(selection.r.width == 256);
        CHECK(selection.r.height == 128);
        CHECK(calls.call(VIDIOC_S_SELECTION, selection) == EINVAL);
        selection.target = V4L2_SEL_TGT_CROP;
        selection.r = {10, 10, 200, 100};
        REQUIRE(calls.call(VIDIOC_S_SELECTION, selection) == 0);
        CHECK(selection.r.left == 0);
        CHECK(selection.r.width == 200);
        selection.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        CHECK(calls.call(VIDIOC_G_SELECTION, selection) == EINVAL);
    }
}
