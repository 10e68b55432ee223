#include "tests/support/emulated_v4l2_client.h"

#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace smartcodec::test {

V4l2Calls::V4l2Calls(const V4l2Personality& which, EmulatedV4l2::Coding coding)
    : system(which, coding), personality(which), descriptor(system.open("/dev/video0")) {
    if (descriptor < 0)
        throw std::runtime_error("the emulated node cannot be opened");
}

V4l2Calls::~V4l2Calls() {
    release();
}

void V4l2Calls::release() {
    for (auto* mapped : {&outputs, &captures}) {
        for (const Mapped& buffer : *mapped)
            for (std::size_t i = 0; i < buffer.planes.size(); ++i)
                system.unmap(buffer.planes[i], buffer.lengths[i]);
        mapped->clear();
    }
    system.close(descriptor);
}

void V4l2Calls::reopen() {
    release();
    free_.clear();
    ended = false;
    descriptor = system.open("/dev/video0");
}

int V4l2Calls::result(int returned) {
    return returned == 0 ? 0 : errno;
}

void V4l2Calls::check(int error, const char* what) const {
    if (error != 0)
        throw std::runtime_error(personality.name + ": " + what + ": " + std::strerror(error));
}

std::uint32_t V4l2Calls::type(bool output) const {
    if (personality.multiplanar)
        return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    return output ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

int V4l2Calls::setFormat(bool output, std::uint32_t fourcc, Size size, std::uint32_t bytes, v4l2_format* granted) {
    v4l2_format format{};
    format.type = type(output);
    const auto width = static_cast<std::uint32_t>(size.width);
    const auto height = static_cast<std::uint32_t>(size.height);
    if (personality.multiplanar) {
        format.fmt.pix_mp.pixelformat = fourcc;
        format.fmt.pix_mp.width = width;
        format.fmt.pix_mp.height = height;
        format.fmt.pix_mp.plane_fmt[0].sizeimage = bytes;
    } else {
        format.fmt.pix.pixelformat = fourcc;
        format.fmt.pix.width = width;
        format.fmt.pix.height = height;
        format.fmt.pix.sizeimage = bytes;
    }
    const int error = call(VIDIOC_S_FMT, format);
    if (granted)
        *granted = format;
    return error;
}

int V4l2Calls::setFrameRate(std::uint32_t framesPerSecond) {
    v4l2_streamparm parameters{};
    parameters.type = type(!personality.captureFrameRate);
    (personality.captureFrameRate ? parameters.parm.capture.timeperframe : parameters.parm.output.timeperframe) = {
        1, framesPerSecond};
    return call(VIDIOC_S_PARM, parameters);
}

int V4l2Calls::request(bool output, std::uint32_t count, v4l2_memory memory) {
    v4l2_requestbuffers request{};
    request.type = type(output);
    request.memory = memory;
    request.count = count;
    return call(VIDIOC_REQBUFS, request);
}

int V4l2Calls::stream(bool output, bool on) {
    int which = static_cast<int>(type(output));
    return call(on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, which);
}

int V4l2Calls::set(std::uint32_t id, std::int32_t value) {
    v4l2_control control{.id = id, .value = value};
    return call(VIDIOC_S_CTRL, control);
}

std::int32_t V4l2Calls::get(std::uint32_t id) {
    v4l2_control control{.id = id, .value = 0};
    check(call(VIDIOC_G_CTRL, control), "G_CTRL");
    return control.value;
}

int V4l2Calls::command(std::uint32_t command) {
    v4l2_encoder_cmd argument{};
    argument.cmd = command;
    return call(VIDIOC_ENCODER_CMD, argument);
}

int V4l2Calls::queue(bool output, std::uint32_t index, std::int64_t microseconds, std::uint32_t bytes) {
    v4l2_plane planes[VIDEO_MAX_PLANES]{};
    v4l2_buffer buffer{};
    buffer.type = type(output);
    buffer.memory = V4L2_MEMORY_MMAP;
    buffer.index = index;
    buffer.field = V4L2_FIELD_NONE;
    buffer.timestamp = {.tv_sec = microseconds / 1'000'000, .tv_usec = microseconds % 1'000'000};
    if (personality.multiplanar) {
        buffer.m.planes = planes;
        buffer.length = VIDEO_MAX_PLANES;
        planes[0].bytesused = bytes;
    } else {
        buffer.bytesused = bytes;
    }
    return call(VIDIOC_QBUF, buffer);
}

int V4l2Calls::queueDmabuf(std::uint32_t index, std::span<const int> dmabufs, std::uint32_t length,
                           std::int64_t microseconds) {
    v4l2_plane planes[VIDEO_MAX_PLANES]{};
    v4l2_buffer buffer{};
    buffer.type = type(true);
    buffer.memory = V4L2_MEMORY_DMABUF;
    buffer.index = index;
    buffer.field = V4L2_FIELD_NONE;
    buffer.timestamp = {.tv_sec = microseconds / 1'000'000, .tv_usec = microseconds % 1'000'000};
    if (personality.multiplanar) {
        buffer.m.planes = planes;
        buffer.length = static_cast<std::uint32_t>(dmabufs.size());
        for (std::size_t i = 0; i < dmabufs.size(); ++i) {
            planes[i].m.fd = dmabufs[i];
            planes[i].length = length;
            planes[i].bytesused = length;
        }
    } else {
        buffer.m.fd = dmabufs[0];
        buffer.length = length;
    }
    return call(VIDIOC_QBUF, buffer);
}

int V4l2Calls::dequeue(bool output, Dequeued& dequeued) {
    v4l2_plane planes[VIDEO_MAX_PLANES]{};
    v4l2_buffer buffer{};
    buffer.type = type(output);
    buffer.memory = V4L2_MEMORY_MMAP;
    if (personality.multiplanar) {
        buffer.m.planes = planes;
        buffer.length = VIDEO_MAX_PLANES;
    }
    if (const int error = call(VIDIOC_DQBUF, buffer))
        return error;
    dequeued = {.index = buffer.index,
                .flags = buffer.flags,
                .microseconds = 1'000'000 * buffer.timestamp.tv_sec + buffer.timestamp.tv_usec,
                .data = {}};
    if (!output && buffer.index < captures.size()) {
        const std::uint32_t used = personality.multiplanar ? planes[0].bytesused : buffer.bytesused;
        const std::uint32_t offset = personality.multiplanar ? planes[0].data_offset : 0;
        const std::byte* data = captures[buffer.index].planes[0];
        dequeued.data.assign(data + offset, data + std::max(used, offset));
    }
    return 0;
}

short V4l2Calls::poll(short events, int milliseconds) {
    pollfd one{.fd = descriptor, .events = events, .revents = 0};
    const int count = system.poll(std::span(&one, 1), milliseconds);
    return count <= 0 ? short{0} : one.revents;
}

void V4l2Calls::map(bool output, std::uint32_t count) {
    auto& mapped = output ? outputs : captures;
    for (std::uint32_t index = 0; index < count; ++index) {
        v4l2_plane planes[VIDEO_MAX_PLANES]{};
        v4l2_buffer buffer{};
        buffer.type = type(output);
        buffer.index = index;
        if (personality.multiplanar) {
            buffer.m.planes = planes;
            buffer.length = VIDEO_MAX_PLANES;
        }
        check(call(VIDIOC_QUERYBUF, buffer), "QUERYBUF");
        Mapped& to = mapped.emplace_back();
        const std::uint32_t planeCount = personality.multiplanar ? buffer.length : 1;
        for (std::uint32_t i = 0; i < planeCount; ++i) {
            const std::uint32_t length = personality.multiplanar ? planes[i].length : buffer.length;
            const std::uint32_t offset = personality.multiplanar ? planes[i].m.mem_offset : buffer.m.offset;
            void* address = system.map(descriptor, length, offset);
            check(address == MAP_FAILED ? errno : 0, "mmap");
            to.planes.push_back(static_cast<std::byte*>(address));
            to.lengths.push_back(length);
        }
    }
}

void V4l2Calls::begin(std::uint32_t coded, std::uint32_t raw, Size size, std::uint32_t count,
                      std::uint32_t framesPerSecond) {
    check(setFormat(false, coded), "S_FMT CAPTURE");
    v4l2_format granted{};
    check(setFormat(true, raw, size, 0, &granted), "S_FMT OUTPUT");
    strideBytes = personality.multiplanar ? granted.fmt.pix_mp.plane_fmt[0].bytesperline : granted.fmt.pix.bytesperline;
    if (personality.hasFrameRate)
        check(setFrameRate(framesPerSecond), "S_PARM");
    if (personality.crops) {
        v4l2_selection selection{};
        selection.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
        selection.target = V4L2_SEL_TGT_CROP;
        selection.r = {0, 0, static_cast<std::uint32_t>(size.width), static_cast<std::uint32_t>(size.height)};
        check(call(VIDIOC_S_SELECTION, selection), "S_SELECTION");
    }
    for (const bool output : {true, false}) {
        check(request(output, count), "REQBUFS");
        map(output, count);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        check(queue(false, i), "QBUF CAPTURE");
        free_.push_back(i);
    }
    check(stream(true, true), "STREAMON OUTPUT");
    check(stream(false, true), "STREAMON CAPTURE");
}

void V4l2Calls::collect(std::vector<Dequeued>& packets) {
    for (Dequeued packet;;) {
        const int error = dequeue(false, packet);
        ended |= error == EPIPE || (error == 0 && (packet.flags & V4L2_BUF_FLAG_LAST) != 0);
        if (error != 0)
            break;
        const std::uint32_t index = packet.index;
        packets.push_back(std::move(packet));
        if (ended)
            break;
        check(queue(false, index), "QBUF CAPTURE");
    }
    for (Dequeued buffer; dequeue(true, buffer) == 0;)
        free_.push_back(buffer.index);
}

void V4l2Calls::encode(std::int64_t microseconds, std::vector<Dequeued>& packets,
                       const std::function<void(std::span<std::byte*>)>& draw) {
    collect(packets);
    while (free_.empty()) {
        if (ended || poll(POLLIN | POLLOUT) == 0)
            throw std::runtime_error(personality.name + ": nothing comes back");
        collect(packets);
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Mapped& buffer = outputs[index];
    if (draw)
        draw(buffer.planes);
    else
        for (std::size_t i = 0; i < buffer.planes.size(); ++i)
            std::memset(buffer.planes[i], 0x80, buffer.lengths[i]);
    check(queue(true, index, microseconds, buffer.lengths[0]), "QBUF OUTPUT");
}

bool V4l2Calls::drain(std::vector<Dequeued>& packets, int milliseconds) {
    v4l2_event_subscription subscription{};
    subscription.type = V4L2_EVENT_EOS;
    check(call(VIDIOC_SUBSCRIBE_EVENT, subscription), "SUBSCRIBE_EVENT");
    check(command(V4L2_ENC_CMD_STOP), "ENCODER_CMD");
    while (!ended) {
        const short ready = poll(POLLIN | POLLOUT | POLLPRI, milliseconds);
        if (ready == 0)
            return false;
        const std::size_t before = packets.size();
        collect(packets);
        v4l2_event event{};
        if ((ready & POLLPRI) && call(VIDIOC_DQEVENT, event) == 0 && event.type == V4L2_EVENT_EOS)
            ended = true;
        else if (personality.end == V4l2EndOfStream::Empty && packets.size() > before && packets.back().data.empty())
            ended = true;
    }
    collect(packets);
    ended = false;
    return true;
}

}  // namespace smartcodec::test
