#include "capture/picture.h"

#include <drm_fourcc.h>
#include <xf86drm.h>

#include <cassert>
#include <cstdlib>
#include <memory>

namespace smartcodec {

const PixelFormat kNv12{DRM_FORMAT_NV12};
const PixelFormat kYuv420{DRM_FORMAT_YUV420};

std::string name(PixelFormat format) {
    const std::unique_ptr<char, decltype(&std::free)> text(drmGetFormatName(format.fourcc), &std::free);
    return text ? text.get() : "unknown";
}

int planeCount(PixelFormat format) {
    if (format == kNv12)
        return 2;
    return format == kYuv420 ? 3 : 0;
}

Size planeSizeBytes(PixelFormat format, Size size, int plane) {
    assert(plane >= 0 && plane < planeCount(format));
    if (plane == 0)
        return size;
    // both formats halve chroma both ways; NV12 puts Cb and Cr side by side in one row
    return {format == kNv12 ? size.width : size.width / 2, size.height / 2};
}

}  // namespace smartcodec
