#include "encoder/v4l2_queue.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

namespace smartcodec {

namespace {

[[nodiscard]] std::uint32_t v4l2Memory(V4l2Queue::Memory memory) {
    return memory == V4l2Queue::Memory::Mapped ? V4L2_MEMORY_MMAP : V4L2_MEMORY_DMABUF;
}

/// A v4l2_buffer and its planes. Planes are filled in whatever the planarity; `finish` moves the one of a single-planar
/// buffer to where it belongs, `planes` gets it back from there.
struct WireBuffer {
    v4l2_buffer buffer{};
    std::array<v4l2_plane, VIDEO_MAX_PLANES> planes{};
    bool multiplanar;

    WireBuffer(std::uint32_t type, std::uint32_t memory) : multiplanar(V4L2_TYPE_IS_MULTIPLANAR(type)) {
        buffer.type = type;
        buffer.memory = memory;
        buffer.field = V4L2_FIELD_NONE;
    }

    void toDriver(int planeCount) {
        if (multiplanar) {
            buffer.m.planes = planes.data();
            buffer.length = static_cast<std::uint32_t>(planeCount);
            return;
        }
        buffer.bytesused = planes[0].bytesused;
        buffer.length = planes[0].length;
        if (buffer.memory == V4L2_MEMORY_DMABUF)
            buffer.m.fd = planes[0].m.fd;
    }

    void fromDriver() {
        if (multiplanar)
            return;
        planes[0].bytesused = buffer.bytesused;
        planes[0].length = buffer.length;
        planes[0].m.mem_offset = buffer.m.offset;
    }
};

[[nodiscard]] timeval toTimeval(std::chrono::microseconds time) {
    constexpr std::int64_t kPerSecond = 1'000'000;
    timeval value{};
    value.tv_sec = static_cast<decltype(value.tv_sec)>(time.count() / kPerSecond);
    value.tv_usec = static_cast<decltype(value.tv_usec)>(time.count() % kPerSecond);
    return value;
}

}  // namespace

std::string V4l2Result::text() const {
    return std::string(attempt) + ": " + std::generic_category().message(error);
}

V4l2Queue::Buffer& V4l2Queue::Buffer::operator=(Buffer&& other) noexcept {
    if (this != &other) {
        giveBack();
        queue_ = std::exchange(other.queue_, nullptr);
        index_ = other.index_;
    }
    return *this;
}

std::span<const std::span<std::byte>> V4l2Queue::Buffer::memory() const {
    if (!queue_ || queue_->memory_ != Memory::Mapped)
        return {};
    return std::span(queue_->slots_[index_].memory).first(static_cast<std::size_t>(queue_->format_.planeCount));
}

void V4l2Queue::Buffer::giveBack() noexcept {
    if (V4l2Queue* queue = std::exchange(queue_, nullptr)) {
        queue->slots_[index_].state = State::Free;
        --queue->taken_;
    }
}

V4l2Queue::V4l2Queue(const V4l2Device& device, Kind kind, bool multiplanar)
    : device_(device),
      kind_(kind),
      type_(kind == Kind::Frames ? v4l2FrameType(multiplanar) : v4l2BitstreamType(multiplanar)) {}

V4l2Result V4l2Queue::setFormat(V4l2Format& format) {
    v4l2_format wire = format.toV4l2(type_);
    const V4l2Result result{attempt("setting the format of the frames (VIDIOC_S_FMT)",
                                    "setting the format of the bit stream (VIDIOC_S_FMT)"),
                            device_.ioctl(VIDIOC_S_FMT, wire)};
    if (result.ok()) {
        format.fromV4l2(wire);
        format_ = format;
    }
    return result;
}

V4l2Result V4l2Queue::allocate(Memory memory, std::uint32_t count) {
    release();
    v4l2_requestbuffers request{};
    request.count = count;
    request.type = type_;
    request.memory = v4l2Memory(memory);
    V4l2Result result{attempt("asking for buffers for frames (VIDIOC_REQBUFS)",
                              "asking for buffers for the bit stream (VIDIOC_REQBUFS)"),
                      device_.ioctl(VIDIOC_REQBUFS, request)};
    if (!result.ok())
        return result;
    memory_ = memory;
    allocated_ = true;
    if (request.count == 0) {
        result.error = ENOMEM;
        return result;
    }
    slots_.resize(request.count);
    if (memory == Memory::Dmabuf)
        return result;
    for (std::uint32_t index = 0; index < request.count; ++index)
        if (const V4l2Result mapped = map(index); !mapped.ok()) {
            release();
            return mapped;
        }
    return result;
}

V4l2Result V4l2Queue::map(std::uint32_t index) {
    WireBuffer wire(type_, V4L2_MEMORY_MMAP);
    wire.buffer.index = index;
    wire.toDriver(format_.planeCount);
    const V4l2Result asked{attempt("asking where a frame's buffer is (VIDIOC_QUERYBUF)",
                                   "asking where a buffer of the bit stream is (VIDIOC_QUERYBUF)"),
                           device_.ioctl(VIDIOC_QUERYBUF, wire.buffer)};
    if (!asked.ok())
        return asked;
    wire.fromDriver();
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(format_.planeCount); ++plane) {
        const v4l2_plane& description = wire.planes[plane];
        void* address = device_.system().map(device_.descriptor(), description.length, description.m.mem_offset);
        if (address == MAP_FAILED)
            return {attempt("mapping a frame's buffer (mmap)", "mapping a buffer of the bit stream (mmap)"), errno};
        slots_[index].memory[plane] = {static_cast<std::byte*>(address), description.length};
    }
    return asked;
}

void V4l2Queue::release() noexcept {
    static_cast<void>(streamOff());
    for (Slot& slot : slots_)
        for (const std::span<std::byte> memory : slot.memory)
            if (memory.data())
                device_.system().unmap(memory.data(), memory.size());
    slots_.clear();
    queued_ = taken_ = 0;
    next_ = 0;
    if (!std::exchange(allocated_, false))
        return;
    v4l2_requestbuffers request{};
    request.type = type_;
    request.memory = v4l2Memory(memory_);
    static_cast<void>(device_.ioctl(VIDIOC_REQBUFS, request));  // closing the device does it too
}

V4l2Result V4l2Queue::streamOn() {
    if (streaming_)
        return {};
    auto type = static_cast<int>(type_);
    const V4l2Result result{
        attempt("starting the stream of frames (VIDIOC_STREAMON)", "starting the bit stream (VIDIOC_STREAMON)"),
        device_.ioctl(VIDIOC_STREAMON, type)};
    streaming_ = result.ok();
    return result;
}

V4l2Result V4l2Queue::streamOff() {
    // Buffers that were queued before the stream began come back too, but nobody queues any without starting it.
    if (!streaming_)
        return {};
    auto type = static_cast<int>(type_);
    const V4l2Result result{
        attempt("stopping the stream of frames (VIDIOC_STREAMOFF)", "stopping the bit stream (VIDIOC_STREAMOFF)"),
        device_.ioctl(VIDIOC_STREAMOFF, type)};
    streaming_ = false;
    if (result.ok()) {
        for (Slot& slot : slots_)
            if (slot.state == State::Queued)
                slot.state = State::Free;
        queued_ = 0;
    }
    return result;
}

std::optional<V4l2Queue::Buffer> V4l2Queue::take() {
    for (std::size_t tried = 0; tried < slots_.size(); ++tried) {
        const std::uint32_t index = next_;
        next_ = (next_ + 1) % static_cast<std::uint32_t>(slots_.size());
        if (std::optional<Buffer> buffer = take(index))
            return buffer;
    }
    return std::nullopt;
}

std::optional<V4l2Queue::Buffer> V4l2Queue::take(std::uint32_t index) {
    if (index >= slots_.size() || slots_[index].state != State::Free)
        return std::nullopt;
    slots_[index].state = State::Taken;
    ++taken_;
    return Buffer(*this, index);
}

V4l2Result V4l2Queue::queue(Buffer buffer, const Filling& filling) {
    assert(buffer.queue_ == this);
    WireBuffer wire(type_, v4l2Memory(memory_));
    wire.buffer.index = buffer.index();
    wire.buffer.timestamp = toTimeval(filling.timestamp);
    for (std::size_t i = 0; i < static_cast<std::size_t>(format_.planeCount); ++i) {
        v4l2_plane& plane = wire.planes[i];
        const Filling::Plane& filled = filling.planes[i];
        if (memory_ == Memory::Dmabuf) {
            plane.m.fd = filled.dmabuf;
            plane.length = static_cast<std::uint32_t>(filled.lengthBytes);
        } else {
            plane.length = static_cast<std::uint32_t>(slots_[buffer.index()].memory[i].size());
        }
        if (kind_ == Kind::Frames) {
            plane.bytesused = static_cast<std::uint32_t>(filled.offsetBytes + filled.usedBytes);
            plane.data_offset = static_cast<std::uint32_t>(filled.offsetBytes);
        }
    }
    wire.toDriver(format_.planeCount);
    const V4l2Result result{
        attempt("queueing a frame (VIDIOC_QBUF)", "queueing a buffer for the bit stream (VIDIOC_QBUF)"),
        device_.ioctl(VIDIOC_QBUF, wire.buffer)};
    if (result.ok()) {
        buffer.queue_ = nullptr;
        --taken_;
        slots_[buffer.index()].state = State::Queued;
        ++queued_;
    }
    return result;
}

V4l2Result V4l2Queue::dequeue(std::optional<Returned>& returned) {
    returned.reset();
    WireBuffer wire(type_, v4l2Memory(memory_));
    wire.toDriver(format_.planeCount);
    V4l2Result result{
        attempt("taking a frame's buffer back (VIDIOC_DQBUF)", "taking a piece of the bit stream (VIDIOC_DQBUF)"),
        device_.ioctl(VIDIOC_DQBUF, wire.buffer)};
    if (result.error == EAGAIN)
        return {};
    if (!result.ok())
        return result;
    wire.fromDriver();
    returned = accept(wire.buffer, wire.planes.data());
    if (!returned)
        result.error = EBADMSG;  // a buffer that it does not have: nothing that it says can be believed
    return result;
}

std::optional<V4l2Queue::Returned> V4l2Queue::accept(const v4l2_buffer& buffer, const v4l2_plane* planes) {
    if (buffer.index >= slots_.size() || slots_[buffer.index].state != State::Queued)
        return std::nullopt;
    Slot& slot = slots_[buffer.index];
    slot.state = State::Taken;
    --queued_;
    ++taken_;
    Returned returned{
        .buffer = Buffer(*this, buffer.index),
        .payload = {},
        .timestamp =
            std::chrono::seconds(buffer.timestamp.tv_sec) + std::chrono::microseconds(buffer.timestamp.tv_usec),
        .failed = (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0,
        .last = (buffer.flags & V4L2_BUF_FLAG_LAST) != 0,
    };
    if (kind_ == Kind::Bitstream) {
        const std::span<const std::byte> memory = slot.memory[0];
        // Of the bytes used, those before the data's offset are no data (Linux, userspace-api/media/v4l/buffer.rst).
        const std::size_t end = std::min<std::size_t>(planes[0].bytesused, memory.size());
        const std::size_t begin = std::min<std::size_t>(planes[0].data_offset, end);
        returned.payload = memory.subspan(begin, end - begin);
        returned.capacityBytes = memory.size() - begin;
    }
    return returned;
}

}  // namespace smartcodec
