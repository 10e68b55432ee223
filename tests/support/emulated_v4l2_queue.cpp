#include "tests/support/emulated_v4l2_queue.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace smartcodec::emulated {
namespace {

constexpr std::int64_t kCaptureOffsets = 1 << 30;  // where v4l2-mem2mem begins those of CAPTURE
constexpr std::size_t kPageBytes = 4096;

std::size_t pages(std::size_t bytes) {
    return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

/// What a dmabuf, or a memfd that stands for one, holds; 0 for other files.
std::size_t fileBytes(int descriptor, struct stat& status) {
    if (::fstat(descriptor, &status) != 0)
        return 0;
    if (status.st_size > 0)
        return static_cast<std::size_t>(status.st_size);
    const off_t end = ::lseek(descriptor, 0, SEEK_END);
    return end > 0 ? static_cast<std::size_t>(end) : 0;
}

}  // namespace

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    reset();
    file_ = std::move(other.file_);
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
}

void SharedMemory::reset() noexcept {
    if (data_)
        ::munmap(data_, bytes_);
    data_ = nullptr;
    file_.reset();
}

SharedMemory SharedMemory::allocate(std::size_t bytes) {
    SharedMemory memory;
    memory.file_ = UniqueFd(::memfd_create("emulated V4L2 buffer", MFD_CLOEXEC));
    memory.bytes_ = pages(bytes);
    if (!memory.file_ || ::ftruncate(memory.file_.get(), static_cast<off_t>(memory.bytes_)) != 0)
        throw std::system_error(errno, std::generic_category(), "making a buffer of an emulated encoder");
    void* address = ::mmap(nullptr, memory.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memory.file_.get(), 0);
    if (address == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mapping a buffer of an emulated encoder");
    memory.data_ = static_cast<std::byte*>(address);
    return memory;
}

SharedMemory SharedMemory::import(int descriptor, std::size_t bytes, bool writable) {
    SharedMemory memory;
    memory.file_ = UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    memory.bytes_ = bytes;
    if (!memory.file_)
        return {};
    void* address = ::mmap(nullptr, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED)
        return {};
    memory.data_ = static_cast<std::byte*>(address);
    return memory;
}

int Queue::request(v4l2_requestbuffers& request, std::span<const std::uint32_t> planeBytes) {
    request.capabilities = traits_.memories | V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS;
    const std::uint32_t wanted = request.memory == V4L2_MEMORY_MMAP      ? V4L2_BUF_CAP_SUPPORTS_MMAP
                                 : request.memory == V4L2_MEMORY_USERPTR ? V4L2_BUF_CAP_SUPPORTS_USERPTR
                                 : request.memory == V4L2_MEMORY_DMABUF  ? V4L2_BUF_CAP_SUPPORTS_DMABUF
                                                                         : 0;
    if (request.type != traits_.type || (wanted & traits_.memories) == 0)
        return EINVAL;
    if (streaming_)
        return EBUSY;
    stop();
    buffers_.clear();
    memory_ = request.memory;
    if (request.count == 0)
        return 0;
    request.count = std::clamp<std::uint32_t>(request.count, traits_.atLeast, VIDEO_MAX_FRAME);
    std::int64_t offset = output() ? 0 : kCaptureOffsets;
    for (std::uint32_t i = 0; i < request.count; ++i) {
        Buffer& buffer = buffers_.emplace_back();
        for (const std::uint32_t bytes : planeBytes) {
            Plane& plane = buffer.planes.emplace_back();
            plane.leastBytes = plane.length = bytes;
            if (memory_ == V4L2_MEMORY_MMAP)
                plane.memory = SharedMemory::allocate(bytes);
            plane.offset = offset;
            offset += static_cast<std::int64_t>(pages(bytes));
        }
    }
    return 0;
}

int Queue::check(const v4l2_buffer& buffer) const {
    if (buffer.type != traits_.type || buffer.index >= buffers_.size())
        return EINVAL;
    if (!multiplanar())
        return 0;
    const std::size_t planes = buffers_[buffer.index].planes.size();
    if (!buffer.m.planes || buffer.length < planes || buffer.length > VIDEO_MAX_PLANES)
        return EINVAL;
    return 0;
}

int Queue::query(v4l2_buffer& buffer) const {
    if (const int error = check(buffer))
        return error;
    fill(buffer.index, buffer);
    return 0;
}

void Queue::fill(std::uint32_t index, v4l2_buffer& buffer) const {
    const Buffer& own = buffers_[index];
    buffer.index = index;
    buffer.memory = memory_;
    buffer.field = own.field;
    buffer.timestamp = own.timestamp;
    buffer.sequence = own.sequence;
    buffer.flags = own.flags | V4L2_BUF_FLAG_TIMESTAMP_COPY;
    if (own.state == State::Driver)
        buffer.flags |= V4L2_BUF_FLAG_QUEUED;
    if (own.state == State::Done)
        buffer.flags |= V4L2_BUF_FLAG_QUEUED | V4L2_BUF_FLAG_DONE;
    if (!multiplanar()) {
        const Plane& plane = own.planes[0];
        buffer.length = plane.length;
        buffer.bytesused = plane.bytesUsed;
        if (memory_ == V4L2_MEMORY_MMAP)
            buffer.m.offset = static_cast<std::uint32_t>(plane.offset);
        else
            buffer.m.fd = plane.descriptor;
        return;
    }
    buffer.bytesused = 0;
    buffer.length = static_cast<std::uint32_t>(own.planes.size());
    for (std::size_t i = 0; i < own.planes.size(); ++i) {
        const Plane& plane = own.planes[i];
        v4l2_plane& out = buffer.m.planes[i];
        out.length = plane.length;
        out.bytesused = plane.bytesUsed;
        out.data_offset = plane.dataOffset;
        if (memory_ == V4L2_MEMORY_MMAP)
            out.m.mem_offset = static_cast<std::uint32_t>(plane.offset);
        else
            out.m.fd = plane.descriptor;
    }
}

// vb2's __verify_length: only what the application fills
int Queue::checkLengths(const v4l2_buffer& buffer, const Buffer& own) const {
    if (!output())
        return 0;
    if (!multiplanar())
        return buffer.bytesused > own.planes[0].length ? EINVAL : 0;
    for (std::size_t i = 0; i < own.planes.size(); ++i) {
        const v4l2_plane& plane = buffer.m.planes[i];
        const std::uint32_t length = memory_ == V4L2_MEMORY_MMAP ? own.planes[i].length : plane.length;
        const std::uint32_t used = plane.bytesused ? plane.bytesused : length;
        if (plane.bytesused > length || (plane.data_offset > 0 && plane.data_offset >= used))
            return EINVAL;
    }
    return 0;
}

// vb2's __prepare_dmabuf: what was attached at this index stays, as long as it is the same
int Queue::import(Plane& plane, int descriptor, std::uint32_t length, bool writable) {
    struct stat status {};
    const std::size_t bytes = fileBytes(descriptor, status);
    if (bytes == 0)
        return EINVAL;
    if (length == 0)
        length = static_cast<std::uint32_t>(bytes);
    if (length < plane.leastBytes)
        return EINVAL;
    if (plane.memory && plane.device == status.st_dev && plane.inode == status.st_ino && plane.length == length) {
        plane.descriptor = descriptor;
        return 0;
    }
    plane.memory = {};
    if (bytes < length)
        return EFAULT;
    plane.memory = SharedMemory::import(descriptor, length, writable);
    if (!plane.memory)
        return EINVAL;
    plane.device = status.st_dev;
    plane.inode = status.st_ino;
    plane.length = length;
    plane.descriptor = descriptor;
    return 0;
}

int Queue::importPlanes(const v4l2_buffer& buffer, Buffer& own) const {
    if (memory_ != V4L2_MEMORY_DMABUF)
        return 0;
    for (std::size_t i = 0; i < own.planes.size(); ++i) {
        const int descriptor = multiplanar() ? buffer.m.planes[i].m.fd : buffer.m.fd;
        const std::uint32_t length = multiplanar() ? buffer.m.planes[i].length : buffer.length;
        if (const int error = import(own.planes[i], descriptor, length, !output()))
            return error;
    }
    return 0;
}

int Queue::queue(v4l2_buffer& buffer) {
    if (const int error = check(buffer))
        return error;
    if (buffer.memory != memory_)
        return EINVAL;
    if (buffer.flags & V4L2_BUF_FLAG_REQUEST_FD)
        return EBADR;  // no encoder takes requests
    Buffer& own = buffers_[buffer.index];
    if (const int error = checkLengths(buffer, own))
        return error;
    if (own.state != State::Application)
        return EINVAL;
    if (output() && buffer.field != V4L2_FIELD_ANY && buffer.field != V4L2_FIELD_NONE)
        return EINVAL;
    if (const int error = importPlanes(buffer, own))
        return error;
    own.flags = 0;
    own.field = V4L2_FIELD_NONE;
    for (std::size_t i = 0; i < own.planes.size(); ++i) {
        Plane& plane = own.planes[i];
        plane.bytesUsed = plane.dataOffset = 0;
        if (!output())
            continue;
        plane.bytesUsed = multiplanar() ? buffer.m.planes[i].bytesused : buffer.bytesused;
        plane.dataOffset = multiplanar() ? buffer.m.planes[i].data_offset : 0;
        if (plane.bytesUsed == 0 && !traits_.emptyEnds)
            plane.bytesUsed = plane.length;
    }
    own.timestamp = output() ? buffer.timestamp : timeval{};
    own.state = State::Driver;
    waiting_.push_back(buffer.index);
    fill(buffer.index, buffer);
    return 0;
}

int Queue::dequeue(v4l2_buffer& buffer) {
    if (buffer.type != traits_.type || !streaming_)
        return EINVAL;
    if (ended())
        return EPIPE;
    if (done_.empty())
        return EAGAIN;
    const std::uint32_t index = done_.front();
    Buffer& own = buffers_[index];
    if (multiplanar() && (!buffer.m.planes || buffer.length < own.planes.size() || buffer.length > VIDEO_MAX_PLANES))
        return EINVAL;
    done_.pop_front();
    own.state = State::Application;
    fill(index, buffer);
    if (own.hadLast && traits_.keepsLast)
        buffer.flags |= V4L2_BUF_FLAG_LAST;
    if (!output() && (own.flags & V4L2_BUF_FLAG_LAST))
        lastDequeued_ = own.hadLast = true;
    return 0;
}

int Queue::exportBuffer(v4l2_exportbuffer& request) const {
    if (request.type != traits_.type || memory_ != V4L2_MEMORY_MMAP || request.index >= buffers_.size() ||
        request.plane >= buffers_[request.index].planes.size() || (request.flags & ~(O_CLOEXEC | O_ACCMODE)) != 0)
        return EINVAL;
    const int memory = buffers_[request.index].planes[request.plane].memory.descriptor();
    request.fd = ::fcntl(memory, request.flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
    return request.fd < 0 ? errno : 0;
}

int Queue::start() {
    if (streaming_)
        return 0;
    if (buffers_.empty())
        return EINVAL;
    streaming_ = true;
    sequence_ = 0;
    return 0;
}

void Queue::stop() {
    streaming_ = false;
    waiting_.clear();
    done_.clear();
    taken_ = 0;
    for (Buffer& buffer : buffers_)
        buffer.state = State::Application;
    resume();
}

void Queue::resume() {
    lastDequeued_ = false;
    endAfterDone_ = false;
}

void* Queue::map(std::size_t lengthBytes, std::int64_t offset) const {
    errno = EINVAL;
    if (memory_ != V4L2_MEMORY_MMAP)
        return MAP_FAILED;
    for (const Buffer& buffer : buffers_)
        for (const Plane& plane : buffer.planes)
            if (plane.offset == offset && lengthBytes > 0 && lengthBytes <= pages(plane.length))
                return ::mmap(nullptr, lengthBytes, PROT_READ | PROT_WRITE, MAP_SHARED, plane.memory.descriptor(), 0);
    return MAP_FAILED;
}

std::optional<std::uint32_t> Queue::take() {
    if (waiting_.empty())
        return std::nullopt;
    const std::uint32_t index = waiting_.front();
    waiting_.pop_front();
    ++taken_;
    return index;
}

void Queue::finish(std::uint32_t index, std::uint32_t flags) {
    Buffer& own = buffers_[index];
    own.flags = flags;
    own.state = State::Done;
    own.sequence = sequence_++;
    done_.push_back(index);
    --taken_;
}

void Queue::finish(std::uint32_t index, const Result& result) {
    Buffer& own = buffers_[index];
    own.timestamp = result.timestamp;
    own.planes[0].bytesUsed = result.bytesUsed;
    own.planes[0].dataOffset = result.dataOffset;
    finish(index, result.flags);
}

Queue::View Queue::view(std::uint32_t index) const {
    const Buffer& own = buffers_[index];
    View view{.planes = {}, .timestamp = own.timestamp, .empty = own.planes[0].bytesUsed == 0};
    for (const Plane& plane : own.planes)
        view.planes.push_back(plane.memory.data());
    return view;
}

std::span<std::byte> Queue::memory(std::uint32_t index) const {
    const Plane& plane = buffers_[index].planes[0];
    return {plane.memory.data(), plane.length};
}

std::vector<int> Queue::descriptors(std::uint32_t index) const {
    std::vector<int> result;
    if (memory_ == V4L2_MEMORY_DMABUF)
        for (const Plane& plane : buffers_[index].planes)
            result.push_back(plane.descriptor);
    return result;
}

}  // namespace smartcodec::emulated
