#include "capture/picture.h"

#include <drm_fourcc.h>
#include <xf86drm.h>

#include <cassert>
#include <cstdlib>
#include <memory>

namespace smartcodec {

const PixelFormat kNv12{DRM_FORMAT_NV12};
const PixelFormat kYuv420{DRM_FORMAT_YUV420};
const PixelFormat kBgr888{DRM_FORMAT_BGR888};
const PixelFormat kRgb888{DRM_FORMAT_RGB888};

bool is420(PixelFormat format) {
    return format == kNv12 || format == kYuv420;
}

std::string name(PixelFormat format) {
    const std::unique_ptr<char, decltype(&std::free)> text(drmGetFormatName(format.fourcc), &std::free);
    return text ? text.get() : "unknown";
}

namespace {

/// How the samples of a format lie. Rows of plane 0 are `bytesPerPixel` wide each; further planes hold chroma.
struct Samples {
    std::uint32_t fourcc;
    int planes;
    int bytesPerPixel;      // of plane 0
    int chromaRowDivisor;   // of the picture's width in bytes
    int chromaRowsDivisor;  // of its height
};

constexpr Samples kSamples[] = {
    {DRM_FORMAT_NV12, 2, 1, 1, 2},     {DRM_FORMAT_NV21, 2, 1, 1, 2},     {DRM_FORMAT_YUV420, 3, 1, 2, 2},
    {DRM_FORMAT_NV16, 2, 1, 1, 1},     {DRM_FORMAT_YUV422, 3, 1, 2, 1},   {DRM_FORMAT_YUYV, 1, 2, 1, 1},
    {DRM_FORMAT_UYVY, 1, 2, 1, 1},     {DRM_FORMAT_YVYU, 1, 2, 1, 1},     {DRM_FORMAT_RGB888, 1, 3, 1, 1},
    {DRM_FORMAT_BGR888, 1, 3, 1, 1},   {DRM_FORMAT_XRGB8888, 1, 4, 1, 1}, {DRM_FORMAT_ARGB8888, 1, 4, 1, 1},
    {DRM_FORMAT_XBGR8888, 1, 4, 1, 1}, {DRM_FORMAT_ABGR8888, 1, 4, 1, 1}, {DRM_FORMAT_R8, 1, 1, 1, 1},
};

const Samples* find(PixelFormat format) {
    for (const Samples& samples : kSamples) {
        if (samples.fourcc == format.fourcc)
            return &samples;
    }
    return nullptr;
}

}  // namespace

int planeCount(PixelFormat format) {
    const Samples* samples = find(format);
    return samples ? samples->planes : 0;
}

Size planeSizeBytes(PixelFormat format, Size size, int plane) {
    const Samples* samples = find(format);
    assert(samples && plane >= 0 && plane < samples->planes);
    if (plane == 0)
        return {size.width * samples->bytesPerPixel, size.height};
    return {size.width / samples->chromaRowDivisor, size.height / samples->chromaRowsDivisor};
}

}  // namespace smartcodec
