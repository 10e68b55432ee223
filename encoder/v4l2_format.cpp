#include "encoder/v4l2_format.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace smartcodec {

namespace {

constexpr int kBlock = 16;  // what both codecs predict and code by, at least

// What V4L2 has for the code points of ITU-T H.273 (videodev2.h); the rest of them no camera gives.

[[nodiscard]] std::uint32_t colorspace(const Color& color) {
    switch (color.primaries) {
        case 1:
            return V4L2_COLORSPACE_REC709;
        case 5:
            return V4L2_COLORSPACE_470_SYSTEM_BG;
        case 6:
        case 7:
            return V4L2_COLORSPACE_SMPTE170M;
        case 9:
            return V4L2_COLORSPACE_BT2020;
        default:
            return V4L2_COLORSPACE_DEFAULT;
    }
}

[[nodiscard]] std::uint8_t transferFunction(const Color& color) {
    switch (color.transfer) {
        case 1:
        case 6:
        case 14:
        case 15:
            return V4L2_XFER_FUNC_709;
        case 8:
            return V4L2_XFER_FUNC_NONE;
        case 13:
            return V4L2_XFER_FUNC_SRGB;
        case 16:
            return V4L2_XFER_FUNC_SMPTE2084;
        default:
            return V4L2_XFER_FUNC_DEFAULT;
    }
}

[[nodiscard]] std::uint8_t ycbcrEncoding(const Color& color) {
    switch (color.matrix) {
        case 1:
            return V4L2_YCBCR_ENC_709;
        case 5:
        case 6:
            return V4L2_YCBCR_ENC_601;
        case 9:
            return V4L2_YCBCR_ENC_BT2020;
        default:
            return V4L2_YCBCR_ENC_DEFAULT;
    }
}

[[nodiscard]] std::uint8_t quantization(const Color& color) {
    return color.fullRange ? V4L2_QUANTIZATION_FULL_RANGE : V4L2_QUANTIZATION_LIM_RANGE;
}

/// One row of samples, and the last of them again up to the padded width.
void copyRow(const std::byte* from, std::byte* to, std::size_t width, std::size_t padded) {
    std::memcpy(to, from, width);
    std::memset(to + width, static_cast<int>(from[width - 1]), padded - width);
}

/// The same of pixels that are several bytes each.
void copyPixels(const std::byte* from, std::byte* to, std::size_t width, std::size_t padded, std::size_t pixelBytes) {
    std::memcpy(to, from, width * pixelBytes);
    for (std::size_t x = width; x < padded; ++x)
        std::memcpy(to + x * pixelBytes, from + (width - 1) * pixelBytes, pixelBytes);
}

void interleaveRow(const std::byte* cb, const std::byte* cr, std::byte* to, std::size_t width, std::size_t padded) {
    for (std::size_t x = 0; x < width; ++x) {
        to[2 * x] = cb[x];
        to[2 * x + 1] = cr[x];
    }
    for (std::size_t x = width; x < padded; ++x) {
        to[2 * x] = cb[width - 1];
        to[2 * x + 1] = cr[width - 1];
    }
}

void splitRow(const std::byte* from, std::byte* cb, std::byte* cr, std::size_t width, std::size_t padded) {
    for (std::size_t x = 0; x < width; ++x) {
        cb[x] = from[2 * x];
        cr[x] = from[2 * x + 1];
    }
    std::memset(cb + width, static_cast<int>(cb[width - 1]), padded - width);
    std::memset(cr + width, static_cast<int>(cr[width - 1]), padded - width);
}

/// Begin of row `y` of a plane; below its end the last one again.
[[nodiscard]] const std::byte* sourceRow(const Plane& plane, int y, int height) {
    return plane.data + static_cast<std::size_t>(std::min(y, height - 1)) * plane.strideBytes;
}

}  // namespace

std::string v4l2FourccName(std::uint32_t fourcc) {
    std::string text;
    for (int shift = 0; shift < 32; shift += 8) {
        const auto letter = static_cast<char>((fourcc >> shift) & 0x7f);
        text += letter >= ' ' && letter < 0x7f ? letter : '?';
    }
    return text;
}

v4l2_format V4l2Format::toV4l2(std::uint32_t bufferType) const {
    v4l2_format out{};
    out.type = bufferType;
    if (V4L2_TYPE_IS_MULTIPLANAR(bufferType)) {
        v4l2_pix_format_mplane& pix = out.fmt.pix_mp;
        pix.pixelformat = fourcc;
        pix.width = static_cast<std::uint32_t>(size.width);
        pix.height = static_cast<std::uint32_t>(size.height);
        pix.field = V4L2_FIELD_NONE;
        pix.num_planes = static_cast<std::uint8_t>(planeCount);
        for (std::size_t i = 0; i < static_cast<std::size_t>(planeCount); ++i) {
            pix.plane_fmt[i].bytesperline = static_cast<std::uint32_t>(planes[i].strideBytes);
            pix.plane_fmt[i].sizeimage = static_cast<std::uint32_t>(planes[i].sizeBytes);
        }
        pix.colorspace = colorspace(color);
        pix.xfer_func = transferFunction(color);
        pix.ycbcr_enc = ycbcrEncoding(color);
        pix.quantization = quantization(color);
    } else {
        v4l2_pix_format& pix = out.fmt.pix;
        pix.pixelformat = fourcc;
        pix.width = static_cast<std::uint32_t>(size.width);
        pix.height = static_cast<std::uint32_t>(size.height);
        pix.field = V4L2_FIELD_NONE;
        pix.bytesperline = static_cast<std::uint32_t>(planes[0].strideBytes);
        pix.sizeimage = static_cast<std::uint32_t>(planes[0].sizeBytes);
        pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;  // without it the kernel ignores the next fields
        pix.colorspace = colorspace(color);
        pix.xfer_func = transferFunction(color);
        pix.ycbcr_enc = ycbcrEncoding(color);
        pix.quantization = quantization(color);
    }
    return out;
}

void V4l2Format::fromV4l2(const v4l2_format& format) {
    if (V4L2_TYPE_IS_MULTIPLANAR(format.type)) {
        const v4l2_pix_format_mplane& pix = format.fmt.pix_mp;
        fourcc = pix.pixelformat;
        size = {static_cast<int>(pix.width), static_cast<int>(pix.height)};
        planeCount = std::clamp<int>(pix.num_planes, 1, kMaxPlanes);
        for (std::size_t i = 0; i < static_cast<std::size_t>(planeCount); ++i)
            planes[i] = {pix.plane_fmt[i].bytesperline, pix.plane_fmt[i].sizeimage};
    } else {
        const v4l2_pix_format& pix = format.fmt.pix;
        fourcc = pix.pixelformat;
        size = {static_cast<int>(pix.width), static_cast<int>(pix.height)};
        planeCount = 1;
        planes[0] = {pix.bytesperline, pix.sizeimage};
    }
}

std::optional<RawLayout> RawLayout::of(const V4l2Format& format) {
    RawLayout layout;
    layout.coded = format.size;
    const std::optional<PixelFormat> picture = pictureFormat(format.fourcc);
    if (!picture)
        return std::nullopt;
    layout.format = *picture;
    const bool onePlane = format.fourcc != V4L2_PIX_FMT_NV12M && format.fourcc != V4L2_PIX_FMT_YUV420M;
    const int planes = smartcodec::planeCount(layout.format);
    layout.bufferPlanes = onePlane ? 1 : planes;
    if (format.planeCount != layout.bufferPlanes || format.size.width <= 0 || format.size.height <= 0)
        return std::nullopt;
    std::size_t end = 0;  // in one plane the next one follows the one before
    for (int i = 0; i < planes; ++i) {
        const auto index = static_cast<std::size_t>(i);
        const std::size_t bufferPlane = onePlane ? 0 : index;
        const Size bytes = planeSizeBytes(layout.format, layout.coded, i);
        std::size_t stride = format.planes[bufferPlane].strideBytes;
        if (onePlane && i > 0 && layout.format == kYuv420)
            stride /= 2;
        if (stride < static_cast<std::size_t>(bytes.width))
            return std::nullopt;
        layout.places[index] = {static_cast<int>(bufferPlane), onePlane ? end : 0, stride};
        end += stride * static_cast<std::size_t>(bytes.height);
        layout.usedBytes[bufferPlane] = onePlane ? end : stride * static_cast<std::size_t>(bytes.height);
        if (layout.usedBytes[bufferPlane] > format.planes[bufferPlane].sizeBytes)
            return std::nullopt;
    }
    return layout;
}

std::optional<RawLayout::Import> RawLayout::import(const Picture& picture) const {
    if (picture.format != format)
        return std::nullopt;
    Import result;
    std::array<bool, kMaxPlanes> begun{};
    for (std::size_t i = 0; i < static_cast<std::size_t>(smartcodec::planeCount(format)); ++i) {
        const ::smartcodec::Plane& plane = picture.planes[i];
        const Place& place = places[i];
        if (plane.dmabuf < 0 || plane.strideBytes != place.strideBytes || plane.offsetBytes < place.offsetBytes)
            return std::nullopt;
        const auto bufferPlane = static_cast<std::size_t>(place.bufferPlane);
        const std::size_t offset = plane.offsetBytes - place.offsetBytes;
        Import::Plane& there = result.planes[bufferPlane];
        if (!begun[bufferPlane]) {
            there = {i, offset};
            begun[bufferPlane] = true;
            result.atStart = result.atStart && offset == 0;
        } else if (picture.planes[there.picturePlane].dmabuf != plane.dmabuf || there.offsetBytes != offset) {
            return std::nullopt;
        }
    }
    return result;
}

void RawLayout::copy(const Picture& picture, std::span<const std::span<std::byte>> memory) const {
    assert(memory.size() == static_cast<std::size_t>(bufferPlanes));
    const auto padded = [](int pixels, int limit) { return std::min((pixels + kBlock - 1) / kBlock * kBlock, limit); };
    const Size whole{padded(picture.size.width, coded.width), padded(picture.size.height, coded.height)};
    const auto target = [&](std::size_t plane, int y) {
        const Place& place = places[plane];
        return memory[static_cast<std::size_t>(place.bufferPlane)].data() + place.offsetBytes +
               static_cast<std::size_t>(y) * place.strideBytes;
    };
    const auto pixelBytes = static_cast<std::size_t>(planeSizeBytes(format, {1, 1}, 0).width);
    for (int y = 0; y < whole.height; ++y)
        copyPixels(sourceRow(picture.planes[0], y, picture.size.height), target(0, y),
                   static_cast<std::size_t>(picture.size.width), static_cast<std::size_t>(whole.width), pixelBytes);

    if (smartcodec::planeCount(format) == 1)
        return;
    const int rows = picture.size.height / 2;
    const auto samples = static_cast<std::size_t>(picture.size.width / 2);
    const auto paddedSamples = static_cast<std::size_t>(whole.width / 2);
    for (int y = 0; y < whole.height / 2; ++y) {
        const std::byte* first = sourceRow(picture.planes[1], y, rows);
        const std::byte* second = picture.format == kYuv420 ? sourceRow(picture.planes[2], y, rows) : nullptr;
        if (picture.format == kNv12 && format == kYuv420) {
            splitRow(first, target(1, y), target(2, y), samples, paddedSamples);
        } else if (picture.format == kYuv420 && format == kNv12) {
            interleaveRow(first, second, target(1, y), samples, paddedSamples);
        } else if (format == kYuv420) {
            copyRow(first, target(1, y), samples, paddedSamples);
            copyRow(second, target(2, y), samples, paddedSamples);
        } else {
            copyPixels(first, target(1, y), samples, paddedSamples, 2);
        }
    }
}

std::optional<PixelFormat> pictureFormat(std::uint32_t rawFormat) {
    switch (rawFormat) {
        case V4L2_PIX_FMT_NV12:
        case V4L2_PIX_FMT_NV12M:
            return kNv12;
        case V4L2_PIX_FMT_YUV420:
        case V4L2_PIX_FMT_YUV420M:
            return kYuv420;
        case V4L2_PIX_FMT_RGB24:
            return kBgr888;
        case V4L2_PIX_FMT_BGR24:
            return kRgb888;
        default:
            return std::nullopt;
    }
}

std::span<const std::uint32_t> rawFormatsFor(PixelFormat format) {
    static constexpr std::uint32_t kRgb24[] = {V4L2_PIX_FMT_RGB24};
    static constexpr std::uint32_t kBgr24[] = {V4L2_PIX_FMT_BGR24};
    if (format == kBgr888)
        return kRgb24;
    if (format == kRgb888)
        return kBgr24;
    static constexpr std::uint32_t kInterleavedFirst[] = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_YUV420,
                                                          V4L2_PIX_FMT_YUV420M};
    static constexpr std::uint32_t kPlanarFirst[] = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YUV420M, V4L2_PIX_FMT_NV12,
                                                     V4L2_PIX_FMT_NV12M};
    return format == kNv12 ? std::span<const std::uint32_t>(kInterleavedFirst) : kPlanarFirst;
}

}  // namespace smartcodec
