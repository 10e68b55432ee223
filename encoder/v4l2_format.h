#pragma once

#include <linux/videodev2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "capture/picture.h"

namespace smartcodec {

/// "NV12", "H264": a V4L2 fourcc as text.
[[nodiscard]] std::string v4l2FourccName(std::uint32_t fourcc);

/// The format of one queue, of either planarity: that of a single-planar queue has one plane.
struct V4l2Format {
    struct Plane {
        std::size_t strideBytes = 0;  ///< 0 asks for the driver's choice
        std::size_t sizeBytes = 0;    ///< of a whole buffer's plane
    };

    std::uint32_t fourcc = 0;
    Size size;
    Color color;
    int planeCount = 1;
    std::array<Plane, kMaxPlanes> planes{};

    [[nodiscard]] v4l2_format toV4l2(std::uint32_t bufferType) const;
    /// Leaves `color` as it is: drivers answer with their defaults, which say nothing about the pictures.
    void fromV4l2(const v4l2_format& format);
};

/// Where the planes of pictures lie in the buffers of a raw format.
struct RawLayout {
    struct Place {
        int bufferPlane = 0;
        std::size_t offsetBytes = 0;
        std::size_t strideBytes = 0;
    };

    PixelFormat format;  ///< kNv12 or kYuv420: how chroma lies; or a packed one, kBgr888 or kRgb888
    Size coded;          ///< of the buffer: the picture's size, rounded up
    int bufferPlanes = 0;
    std::array<Place, kMaxPlanes> places{};           ///< of each plane of the picture
    std::array<std::size_t, kMaxPlanes> usedBytes{};  ///< of each plane of the buffer

    /// Empty for a format that is neither 8-bit 4:2:0 in rows nor packed RGB, or whose buffers are too small for what
    /// they claim to hold.
    [[nodiscard]] static std::optional<RawLayout> of(const V4l2Format& format);

    /// How a picture that lies in dmabufs is to be queued as it is: where each of the buffer's planes is.
    struct Import {
        struct Plane {
            std::size_t picturePlane = 0;  ///< the plane of the picture whose dmabuf it is
            std::size_t offsetBytes = 0;   ///< at which it begins there
        };
        std::array<Plane, kMaxPlanes> planes{};
        bool atStart = true;  ///< of every dmabuf; else the driver must heed v4l2_plane.data_offset
    };
    /// Empty if `picture` lies differently.
    [[nodiscard]] std::optional<Import> import(const Picture& picture) const;

    /// Writes the picture into a buffer's mapped planes, whatever way its own 4:2:0 chroma lies, its edges repeated
    /// into what the buffer has more, up to the end of the last 16x16 block: the encoder codes those whole. `picture`
    /// must be mapped.
    void copy(const Picture& picture, std::span<const std::span<std::byte>> memory) const;
};

/// Raw formats for pictures of `format`, best first: as they are before those with chroma the other way, which only a
/// copy can give.
[[nodiscard]] std::span<const std::uint32_t> rawFormatsFor(PixelFormat format);

/// The format of pictures that a raw format takes as they are; empty for one that nothing here delivers.
[[nodiscard]] std::optional<PixelFormat> pictureFormat(std::uint32_t rawFormat);

}  // namespace smartcodec
