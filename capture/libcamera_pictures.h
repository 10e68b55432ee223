#pragma once

// Private to .cpp files: libcamera's formats, colours and buffers as ours.

#include <libcamera/libcamera.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "capture/camera.h"
#include "capture/mapping.h"

namespace smartcodec {

[[nodiscard]] PixelFormat ours(const libcamera::PixelFormat& format);
[[nodiscard]] Size ours(const libcamera::Size& size);
[[nodiscard]] libcamera::Size theirs(Size size);

/// With H.273's code points.
[[nodiscard]] Color colorOf(const std::optional<libcamera::ColorSpace>& space);

[[nodiscard]] std::vector<CameraFormat> cameraFormats(const libcamera::StreamConfiguration& stream);

/// A buffer's dmabufs in this process, each mapped once for as long as this lives. The descriptors stay libcamera's.
class MappedLibcameraBuffer {
  public:
    explicit MappedLibcameraBuffer(const libcamera::FrameBuffer& buffer);

    /// Null where the memory cannot be mapped.
    [[nodiscard]] std::byte* at(int fd, std::size_t offset) const;

  private:
    struct Area {
        int fd;
        std::size_t bytes;
        PaddedMapping memory;
    };
    std::vector<Area> areas_;
};

/// Where a picture lies in a buffer. Throws std::runtime_error for one that has not all of its planes.
[[nodiscard]] Picture pictureOf(const libcamera::StreamConfiguration& stream, const libcamera::FrameBuffer& buffer,
                                const MappedLibcameraBuffer& mapped);

}  // namespace smartcodec
