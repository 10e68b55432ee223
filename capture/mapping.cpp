#include "capture/mapping.h"

#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace smartcodec {
namespace {

std::string systemError(int error) {
    return std::generic_category().message(error);
}

std::uint64_t syncFlags(Mapping::Access access) {
    switch (access) {
        case Mapping::Access::Read:
            return DMA_BUF_SYNC_READ;
        case Mapping::Access::Write:
            return DMA_BUF_SYNC_WRITE;
        case Mapping::Access::ReadWrite:
            break;
    }
    return DMA_BUF_SYNC_RW;
}

/// 0, or the errno. A descriptor that is shared memory but no dmabuf (memfd) answers ENOTTY: nothing else than the CPU
/// reaches it, so there is nothing to synchronise.
int synchronise(int descriptor, std::uint64_t flags) {
    dma_buf_sync sync{};
    sync.flags = flags;
    // the kernel's document on dmabufs asks to repeat it when a signal or a busy fence interrupted the wait
    while (ioctl(descriptor, DMA_BUF_IOCTL_SYNC, &sync) < 0) {
        if (errno == ENOTTY)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return errno;
    }
    return 0;
}

std::string describe(int descriptor) {
    return "buffer (descriptor " + std::to_string(descriptor) + ")";
}

}  // namespace

PaddedMapping::PaddedMapping(int dmabuf, std::size_t lengthBytes, bool writable) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t mapped = (lengthBytes + page - 1) / page * page + page;
    void* const room = mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return;
    const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    if (mmap(room, lengthBytes, protection, MAP_SHARED | MAP_FIXED, dmabuf, 0) == MAP_FAILED) {
        const int error = errno;
        munmap(room, mapped);
        errno = error;
        return;
    }
    data_ = static_cast<std::byte*>(room);
    mappedBytes_ = mapped;
}

PaddedMapping::PaddedMapping(PaddedMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), mappedBytes_(std::exchange(other.mappedBytes_, 0)) {}

PaddedMapping& PaddedMapping::operator=(PaddedMapping&& other) noexcept {
    if (this != &other) {
        reset();
        data_ = std::exchange(other.data_, nullptr);
        mappedBytes_ = std::exchange(other.mappedBytes_, 0);
    }
    return *this;
}

void PaddedMapping::reset() noexcept {
    if (data_)
        munmap(std::exchange(data_, nullptr), mappedBytes_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : picture_(std::exchange(other.picture_, {})),
      access_(other.access_),
      buffers_(std::move(other.buffers_)),
      bufferCount_(std::exchange(other.bufferCount_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        close();
        picture_ = std::exchange(other.picture_, {});
        access_ = other.access_;
        buffers_ = std::move(other.buffers_);
        bufferCount_ = std::exchange(other.bufferCount_, 0);
    }
    return *this;
}

Status Mapping::map(Buffer& buffer, Access access) {
    // beyond the end of the buffer a mapping answers with SIGBUS, so its size is asked for first
    const off_t actual = lseek(buffer.dmabuf, 0, SEEK_END);
    if (actual < 0)
        return Status::failure("asking the size of a picture's " + describe(buffer.dmabuf) + ": " + systemError(errno));
    if (static_cast<std::size_t>(actual) < buffer.lengthBytes)
        return Status::failure("a picture's " + describe(buffer.dmabuf) + " holds " + std::to_string(actual) +
                               " bytes where its planes need " + std::to_string(buffer.lengthBytes));

    buffer.memory = PaddedMapping(buffer.dmabuf, buffer.lengthBytes, access != Access::Read);
    if (!buffer.memory)
        return Status::failure("mapping " + std::to_string(buffer.lengthBytes) + " bytes of a picture's " +
                               describe(buffer.dmabuf) + ": " + systemError(errno));
    return {};
}

Status Mapping::open(const Picture& picture, Access access) {
    close();
    const int planes = planeCount(picture.format);
    if (planes == 0)
        return Status::failure("mapping a picture of format " + name(picture.format) + ": its planes are not known");

    std::array<Buffer, kMaxPlanes> wanted{};
    std::size_t count = 0;
    std::array<std::size_t, kMaxPlanes> bufferOf{};
    for (int i = 0; i < planes; ++i) {
        const auto index = static_cast<std::size_t>(i);
        const Plane& plane = picture.planes[index];
        if (plane.dmabuf < 0) {
            if (!plane.data)
                return Status::failure("mapping plane " + std::to_string(i) + " of a picture: it has no memory");
            continue;
        }
        const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(count);
        const auto found = std::find_if(wanted.begin(), end, [&](const Buffer& b) { return b.dmabuf == plane.dmabuf; });
        bufferOf[index] = static_cast<std::size_t>(found - wanted.begin());
        Buffer& buffer = wanted[bufferOf[index]];
        if (found == end) {
            buffer.dmabuf = plane.dmabuf;
            ++count;
        }
        if (!plane.data) {
            const Size bytes = planeSizeBytes(picture.format, picture.size, i);
            const std::size_t length = plane.offsetBytes +
                                       plane.strideBytes * static_cast<std::size_t>(bytes.height - 1) +
                                       static_cast<std::size_t>(bytes.width);
            buffer.lengthBytes = std::max(buffer.lengthBytes, length);
        }
    }

    access_ = access;
    for (std::size_t i = 0; i < count; ++i) {
        buffers_[i] = std::move(wanted[i]);
        if (buffers_[i].lengthBytes > 0) {
            if (Status mapped = map(buffers_[i], access); !mapped.ok()) {
                close();
                return mapped;
            }
        }
        if (const int error = synchronise(buffers_[i].dmabuf, DMA_BUF_SYNC_START | syncFlags(access))) {
            const int dmabuf = buffers_[i].dmabuf;
            buffers_[i].memory.reset();
            close();
            return Status::failure("beginning access to a picture's " + describe(dmabuf) + ": " + systemError(error));
        }
        ++bufferCount_;
    }

    picture_ = picture;
    for (std::size_t i = 0; i < static_cast<std::size_t>(planes); ++i) {
        Plane& plane = picture_.planes[i];
        if (!plane.data)
            plane.data = buffers_[bufferOf[i]].memory.data() + plane.offsetBytes;
    }
    return {};
}

void Mapping::close() noexcept {
    for (std::size_t i = 0; i < bufferCount_; ++i) {
        // nobody could do anything about a failure here: the pixels are written, and the mapping goes in any case
        (void)synchronise(buffers_[i].dmabuf, DMA_BUF_SYNC_END | syncFlags(access_));
        buffers_[i].memory.reset();
    }
    bufferCount_ = 0;
    picture_ = {};
}

}  // namespace smartcodec
