#pragma once

#include <array>
#include <cstddef>

#include "capture/picture.h"
#include "capture/status.h"

namespace smartcodec {

/// Memory of a dmabuf with at least a page that may be read behind it: libraries' vector code (libswscale's) reads some
/// bytes beyond a picture's end, which crashes where the end is that of the last page. Move-only; unmapped at the end.
class PaddedMapping {
  public:
    PaddedMapping() = default;
    /// Maps the first `lengthBytes` of `dmabuf`. Empty if that fails, with errno.
    PaddedMapping(int dmabuf, std::size_t lengthBytes, bool writable);
    PaddedMapping(PaddedMapping&& other) noexcept;
    PaddedMapping& operator=(PaddedMapping&& other) noexcept;
    ~PaddedMapping() { reset(); }

    [[nodiscard]] std::byte* data() const { return data_; }
    explicit operator bool() const { return data_ != nullptr; }
    void reset() noexcept;

  private:
    std::byte* data_ = nullptr;
    std::size_t mappedBytes_ = 0;  // the padding included
};

/// Access of the CPU to the pixels of a picture, for as long as it lives. Each dmabuf of the picture is mapped once,
/// however many planes lie in it, and the kernel is told when access begins and ends (DMA_BUF_IOCTL_SYNC), so that
/// caches and devices agree. For plain memory it does nothing. Move-only, thread-bound; the picture's memory must
/// outlive it.
class Mapping {
  public:
    enum class Access { Read, Write, ReadWrite };

    Mapping() = default;
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping() { close(); }

    /// Begins access to `picture`, after ending what was mapped before. Fails, and is empty then, where a buffer cannot
    /// be mapped or is smaller than its planes say.
    Status open(const Picture& picture, Access access);

    /// Ends access. Nothing may use `picture().planes[].data` of mapped planes afterwards.
    void close() noexcept;

    /// The picture as opened, every plane's `data` set. Without planes while nothing is open.
    [[nodiscard]] const Picture& picture() const { return picture_; }

  private:
    struct Buffer {
        int dmabuf = -1;
        std::size_t lengthBytes = 0;
        PaddedMapping memory;  // empty where the picture came with `data`: synchronised, but mapped by someone else
    };

    Status map(Buffer& buffer, Access access);

    Picture picture_;
    Access access_ = Access::Read;
    std::array<Buffer, kMaxPlanes> buffers_{};  // those begun, first in the array
    std::size_t bufferCount_ = 0;
};

}  // namespace smartcodec
