#include "tests/support/emulated_v4l2_formats.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smartcodec::emulated {
namespace {

constexpr std::uint32_t alignUp(std::uint32_t value, int alignment) {
    const auto step = static_cast<std::uint32_t>(alignment);
    return (value + step - 1) / step * step;
}

bool interleaved(std::uint32_t fourcc) {
    return fourcc == V4L2_PIX_FMT_NV12 || fourcc == V4L2_PIX_FMT_NV21 || fourcc == V4L2_PIX_FMT_NV12M ||
           fourcc == V4L2_PIX_FMT_NV21M;
}

bool crFirst(std::uint32_t fourcc) {
    return fourcc == V4L2_PIX_FMT_NV21 || fourcc == V4L2_PIX_FMT_NV21M || fourcc == V4L2_PIX_FMT_YVU420 ||
           fourcc == V4L2_PIX_FMT_YVU420M;
}

std::size_t bufferPlanes(std::uint32_t fourcc) {
    switch (fourcc) {
        case V4L2_PIX_FMT_NV12M:
        case V4L2_PIX_FMT_NV21M:
            return 2;
        case V4L2_PIX_FMT_YUV420M:
        case V4L2_PIX_FMT_YVU420M:
            return 3;
        default:
            return 1;
    }
}

}  // namespace

Formats::Formats(const V4l2Personality& personality)
    : personality_(personality), coded_(personality.codedFormats.front()) {
    raw_ = rounded(personality.rawFormats.front(), {640, 480}, 0);
    crop_ = raw_.size;
    codedBytes_ = roundedCodedBytes(0, raw_.size);
    color_[0] = V4L2_COLORSPACE_REC709;
}

std::uint32_t Formats::outputType() const {
    return personality_.multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

std::uint32_t Formats::captureType() const {
    return personality_.multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

bool Formats::ours(std::uint32_t type) const {
    return type == outputType() || type == captureType();
}

int Formats::enumerate(v4l2_fmtdesc& description) const {
    if (!ours(description.type))
        return EINVAL;
    const auto& formats = description.type == outputType() ? personality_.rawFormats : personality_.codedFormats;
    if (description.index >= formats.size())
        return EINVAL;
    description.pixelformat = formats[description.index];
    description.flags = 0;
    if (description.type == captureType()) {
        description.flags = V4L2_FMT_FLAG_COMPRESSED;
        if (personality_.captureFrameRate)
            description.flags |= V4L2_FMT_FLAG_ENC_CAP_FRAME_INTERVAL;
    }
    std::memset(description.description, 0, sizeof description.description);
    std::memcpy(description.description, &description.pixelformat, sizeof description.pixelformat);
    return 0;
}

int Formats::enumerateSizes(v4l2_frmsizeenum& sizes) const {
    const auto has = [&](const auto& formats) { return std::ranges::count(formats, sizes.pixel_format) > 0; };
    if (sizes.index > 0 || (!has(personality_.rawFormats) && !has(personality_.codedFormats)))
        return EINVAL;
    sizes.type = V4L2_FRMSIZE_TYPE_STEPWISE;
    sizes.stepwise = {.min_width = static_cast<std::uint32_t>(personality_.smallest.width),
                      .max_width = static_cast<std::uint32_t>(personality_.largest.width),
                      .step_width = 2,
                      .min_height = static_cast<std::uint32_t>(personality_.smallest.height),
                      .max_height = static_cast<std::uint32_t>(personality_.largest.height),
                      .step_height = 2};
    return 0;
}

int Formats::enumerateIntervals(v4l2_frmivalenum& intervals) const {
    const auto within = [](std::uint32_t value, int least, int most) {
        return value >= static_cast<std::uint32_t>(least) && value <= static_cast<std::uint32_t>(most);
    };
    if (intervals.index > 0 || std::ranges::count(personality_.rawFormats, intervals.pixel_format) == 0 ||
        !within(intervals.width, personality_.smallest.width, personality_.largest.width) ||
        !within(intervals.height, personality_.smallest.height, personality_.largest.height))
        return EINVAL;
    intervals.type = V4L2_FRMIVAL_TYPE_STEPWISE;
    intervals.stepwise = {.min = {1, 240}, .max = {1, 1}, .step = {1, 1}};
    return 0;
}

Formats::Raw Formats::rounded(std::uint32_t fourcc, Size size, std::uint32_t strideAsked) const {
    Raw raw;
    const auto& known = personality_.rawFormats;
    raw.fourcc = std::ranges::count(known, fourcc) > 0 ? fourcc : known.front();
    const auto fit = [](int value, int least, int most, int alignment) {
        return static_cast<int>(alignUp(static_cast<std::uint32_t>(std::clamp(value, least, most)), alignment));
    };
    raw.size = {
        fit(size.width, personality_.smallest.width, personality_.largest.width, personality_.alignment.width),
        fit(size.height, personality_.smallest.height, personality_.largest.height, personality_.alignment.height)};
    // separate chroma planes have half the stride, which is aligned in its turn
    const int alignment = personality_.strideAlignment * (interleaved(raw.fourcc) ? 1 : 2);
    raw.stride = alignUp(static_cast<std::uint32_t>(raw.size.width), alignment);
    if (personality_.strideAsAsked && strideAsked > raw.stride && strideAsked <= 4 * raw.stride)
        raw.stride = alignUp(strideAsked, alignment);
    return raw;
}

std::uint32_t Formats::roundedCodedBytes(std::uint32_t asked, Size size) const {
    const auto pixels = static_cast<std::uint32_t>(size.width * size.height);
    const std::uint32_t least = std::min(personality_.smallestCodedBytes, std::max(pixels, 64u * 1024));
    return alignUp(std::clamp(asked == 0 ? std::max(pixels / 2, least) : asked, least, 32u << 20), 4096);
}

std::vector<std::uint32_t> Formats::planeBytes(bool output) const {
    if (!output)
        return {codedBytes_};
    const std::uint32_t luma =
        raw_.stride * alignUp(static_cast<std::uint32_t>(raw_.size.height), personality_.rowAlignment);
    switch (bufferPlanes(raw_.fourcc)) {
        case 2:
            return {luma, luma / 2};
        case 3:
            return {luma, luma / 4, luma / 4};
        default:
            return {luma * 3 / 2};
    }
}

void Formats::describeRaw(const Raw& raw, v4l2_format& format) const {
    Formats shape = *this;
    shape.raw_ = raw;
    const std::vector<std::uint32_t> bytes = shape.planeBytes(true);
    const auto width = static_cast<std::uint32_t>(raw.size.width);
    const auto height = static_cast<std::uint32_t>(raw.size.height);
    if (!personality_.multiplanar) {
        auto& pix = format.fmt.pix;
        const auto priv = pix.priv;
        pix = {};
        pix.priv = priv;
        pix.width = width;
        pix.height = height;
        pix.pixelformat = raw.fourcc;
        pix.field = V4L2_FIELD_NONE;
        pix.bytesperline = raw.stride;
        pix.sizeimage = bytes[0];
        pix.colorspace = color_[0];
        return;
    }
    auto& pix = format.fmt.pix_mp;
    pix = {};
    pix.width = width;
    pix.height = height;
    pix.pixelformat = raw.fourcc;
    pix.field = V4L2_FIELD_NONE;
    pix.colorspace = color_[0];
    pix.ycbcr_enc = static_cast<std::uint8_t>(color_[1]);
    pix.quantization = static_cast<std::uint8_t>(color_[2]);
    pix.xfer_func = static_cast<std::uint8_t>(color_[3]);
    pix.num_planes = static_cast<std::uint8_t>(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        pix.plane_fmt[i].sizeimage = bytes[i];
        pix.plane_fmt[i].bytesperline = i == 0 || interleaved(raw.fourcc) ? raw.stride : raw.stride / 2;
    }
}

void Formats::describeCoded(std::uint32_t fourcc, std::uint32_t bytes, v4l2_format& format) const {
    const auto width = static_cast<std::uint32_t>(raw_.size.width);
    const auto height = static_cast<std::uint32_t>(raw_.size.height);
    if (!personality_.multiplanar) {
        auto& pix = format.fmt.pix;
        pix = {};
        pix.width = width;
        pix.height = height;
        pix.pixelformat = fourcc;
        pix.field = V4L2_FIELD_NONE;
        pix.sizeimage = bytes;
        pix.colorspace = color_[0];
        return;
    }
    auto& pix = format.fmt.pix_mp;
    pix = {};
    pix.width = width;
    pix.height = height;
    pix.pixelformat = fourcc;
    pix.field = V4L2_FIELD_NONE;
    pix.colorspace = color_[0];
    pix.ycbcr_enc = static_cast<std::uint8_t>(color_[1]);
    pix.quantization = static_cast<std::uint8_t>(color_[2]);
    pix.xfer_func = static_cast<std::uint8_t>(color_[3]);
    pix.num_planes = 1;
    pix.plane_fmt[0].sizeimage = bytes;
}

int Formats::get(v4l2_format& format) const {
    if (!ours(format.type))
        return EINVAL;
    if (format.type == outputType())
        describeRaw(raw_, format);
    else
        describeCoded(coded_, codedBytes_, format);
    return 0;
}

int Formats::attempt(v4l2_format& format) const {
    Formats trial = *this;
    return trial.set(format);
}

int Formats::set(v4l2_format& format) {
    if (!ours(format.type))
        return EINVAL;
    const bool multi = personality_.multiplanar;
    const std::uint32_t fourcc = multi ? format.fmt.pix_mp.pixelformat : format.fmt.pix.pixelformat;
    if (format.type == captureType()) {
        const auto& known = personality_.codedFormats;
        coded_ = std::ranges::count(known, fourcc) > 0 ? fourcc : known.front();
        const std::uint32_t asked = multi ? format.fmt.pix_mp.plane_fmt[0].sizeimage : format.fmt.pix.sizeimage;
        codedBytes_ = roundedCodedBytes(asked, raw_.size);
        return get(format);
    }
    const Size size = multi ? Size{static_cast<int>(std::min(format.fmt.pix_mp.width, 1u << 20)),
                                   static_cast<int>(std::min(format.fmt.pix_mp.height, 1u << 20))}
                            : Size{static_cast<int>(std::min(format.fmt.pix.width, 1u << 20)),
                                   static_cast<int>(std::min(format.fmt.pix.height, 1u << 20))};
    color_[0] = multi ? format.fmt.pix_mp.colorspace : format.fmt.pix.colorspace;
    if (multi) {
        color_[1] = format.fmt.pix_mp.ycbcr_enc;
        color_[2] = format.fmt.pix_mp.quantization;
        color_[3] = format.fmt.pix_mp.xfer_func;
    }
    raw_ = rounded(fourcc, size, multi ? format.fmt.pix_mp.plane_fmt[0].bytesperline : format.fmt.pix.bytesperline);
    crop_ = raw_.size;
    codedBytes_ = roundedCodedBytes(personality_.frameFormatResetsRoom ? 0 : codedBytes_, raw_.size);
    return get(format);
}

int Formats::getSelection(v4l2_selection& selection) const {
    if (selection.type != V4L2_BUF_TYPE_VIDEO_OUTPUT && selection.type != V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE)
        return EINVAL;
    Size size = raw_.size;
    if (selection.target == V4L2_SEL_TGT_CROP)
        size = crop_;
    else if (selection.target != V4L2_SEL_TGT_CROP_DEFAULT && selection.target != V4L2_SEL_TGT_CROP_BOUNDS)
        return EINVAL;
    selection.r = {0, 0, static_cast<std::uint32_t>(size.width), static_cast<std::uint32_t>(size.height)};
    return 0;
}

int Formats::setSelection(v4l2_selection& selection) {
    if ((selection.type != V4L2_BUF_TYPE_VIDEO_OUTPUT && selection.type != V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE) ||
        selection.target != V4L2_SEL_TGT_CROP)
        return EINVAL;
    const auto fit = [](std::uint32_t value, int most) {
        return std::clamp(static_cast<int>(std::min(value, 1u << 20)) & ~1, 16, most);
    };
    crop_ = {fit(selection.r.width, raw_.size.width), fit(selection.r.height, raw_.size.height)};
    return getSelection(selection);
}

RawPicture Formats::picture(std::span<const std::byte* const> planes) const {
    const std::uint32_t fourcc = raw_.fourcc;
    const std::size_t stride = raw_.stride;
    // the specification lets chroma begin behind the height that S_FMT gave; rows beyond it are room at the end
    const auto rows = static_cast<std::size_t>(raw_.size.height);
    RawPicture picture{.size = crop_};
    picture.planes[0] = planes[0];
    const std::byte* chroma = planes.size() > 1 ? planes[1] : planes[0] + stride * rows;
    if (interleaved(fourcc)) {
        picture.strides = {stride, stride, stride};
        picture.chromaStep = 2;
        picture.planes[1] = chroma;
        picture.planes[2] = chroma + 1;
    } else {
        picture.strides = {stride, stride / 2, stride / 2};
        picture.planes[1] = chroma;
        picture.planes[2] = planes.size() > 2 ? planes[2] : chroma + stride / 2 * (rows / 2);
    }
    if (crFirst(fourcc))
        std::swap(picture.planes[1], picture.planes[2]);
    return picture;
}

}  // namespace smartcodec::emulated
