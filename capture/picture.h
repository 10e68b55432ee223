#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace smartcodec {

struct Size {
    int width = 0;
    int height = 0;
    friend bool operator==(const Size&, const Size&) = default;
};

/// A ratio of whole numbers: frames per second, sample aspect. 0/1 means unknown.
struct Ratio {
    int numerator = 0;
    int denominator = 1;
    [[nodiscard]] double value() const { return static_cast<double>(numerator) / denominator; }
    [[nodiscard]] bool known() const { return numerator > 0 && denominator > 0; }
    friend bool operator==(const Ratio&, const Ratio&) = default;
};

/// Frames per second.
using FrameRate = Ratio;

/// A DRM fourcc (libdrm's drm_fourcc.h), the naming that libcamera and dmabufs share.
struct PixelFormat {
    std::uint32_t fourcc = 0;
    friend bool operator==(const PixelFormat&, const PixelFormat&) = default;
};

extern const PixelFormat kNv12;    ///< luma plane, then one plane of interleaved Cb Cr at half width and height
extern const PixelFormat kYuv420;  ///< luma, Cb and Cr planes, chroma at half width and height
extern const PixelFormat kBgr888;  ///< bytes R, G, B: DRM names a word from its highest byte on
extern const PixelFormat kRgb888;  ///< bytes B, G, R

/// Whether it is kNv12 or kYuv420, the formats that the analysis and all encoders work on.
[[nodiscard]] bool is420(PixelFormat format);

/// "NV12", "YU12", ...: the fourcc's four letters, as libdrm prints them.
[[nodiscard]] std::string name(PixelFormat format);

/// Number of planes: 2 of kNv12, 3 of kYuv420, 1 of packed formats (YUYV, RGB888, ...); 0 for a format that is not
/// known.
[[nodiscard]] int planeCount(PixelFormat format);

/// Bytes per row that hold pixels, and rows, of one plane. Width and height of the picture are even.
[[nodiscard]] Size planeSizeBytes(PixelFormat format, Size size, int plane);

/// Colour description with the code points of ITU-T H.273, as MP4 and the H.264/HEVC VUI carry them. 2 is unspecified.
struct Color {
    int primaries = 2;
    int transfer = 2;
    int matrix = 2;
    bool fullRange = false;
    int chromaLocation = 0;  ///< libavutil's AVChromaLocation (H.273 chroma_sample_loc_type + 1); 0 is unspecified
    friend bool operator==(const Color&, const Color&) = default;
};

/// One plane of a picture: a dmabuf, memory of the process, or both. Borrowed from the Frame that holds it.
struct Plane {
    int dmabuf = -1;              ///< descriptor, -1 for plain memory
    std::size_t offsetBytes = 0;  ///< of the plane's first row inside the dmabuf
    std::size_t strideBytes = 0;
    std::byte* data = nullptr;  ///< first row; null for a dmabuf that nobody has mapped (see mapping.h)
};

constexpr int kMaxPlanes = 3;

/// One picture in memory: a view, it owns nothing.
struct Picture {
    PixelFormat format;
    Size size;
    std::array<Plane, kMaxPlanes> planes{};
    bool writable = false;  ///< whether pixels may be changed in place (a decoder's reference picture must not be)
};

}  // namespace smartcodec
