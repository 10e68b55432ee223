#include "capture/picture_converter.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <array>
#include <cstring>
#include <string>

namespace smartcodec {
namespace {

constexpr int kHdHeight = 720;  // from here on players take untagged pictures for BT.709, below for BT.601
constexpr int kBt709 = AVCOL_SPC_BT709;
constexpr int kBt601 = AVCOL_SPC_SMPTE170M;

int assumedMatrix(int height) {
    return height >= kHdHeight ? kBt709 : kBt601;
}

/// The J formats are older names for full range.
AVPixelFormat withoutRange(AVPixelFormat format) {
    switch (format) {
        case AV_PIX_FMT_YUVJ420P:
            return AV_PIX_FMT_YUV420P;
        case AV_PIX_FMT_YUVJ422P:
            return AV_PIX_FMT_YUV422P;
        case AV_PIX_FMT_YUVJ444P:
            return AV_PIX_FMT_YUV444P;
        case AV_PIX_FMT_YUVJ440P:
            return AV_PIX_FMT_YUV440P;
        case AV_PIX_FMT_YUVJ411P:
            return AV_PIX_FMT_YUV411P;
        default:
            return format;
    }
}

AVPixelFormat formatOf(const ::AVFrame& decoded) {
    return static_cast<AVPixelFormat>(decoded.format);
}

bool isRgb(AVPixelFormat format) {
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    return description && description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

bool isFullRange(const ::AVFrame& decoded) {
    return decoded.color_range == AVCOL_RANGE_JPEG || withoutRange(formatOf(decoded)) != formatOf(decoded);
}

/// A damaged or newer file states what no standard knows here: then `unknown`. Read as bytes, since the enumeration has
/// no such value.
template <typename Enum>
int stated(const Enum& field, int count, Enum unknown) {
    static_assert(sizeof(Enum) == sizeof(int));
    int value = 0;
    std::memcpy(&value, &field, sizeof value);
    return value >= 0 && value < count ? value : unknown;
}

int statedMatrix(const ::AVFrame& decoded) {
    return stated(decoded.colorspace, AVCOL_SPC_NB, AVCOL_SPC_UNSPECIFIED);
}

int statedChromaLocation(const ::AVFrame& decoded) {
    return stated(decoded.chroma_location, AVCHROMA_LOC_NB, AVCHROMA_LOC_UNSPECIFIED);
}

bool hasHalvedChroma(AVPixelFormat format) {
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    return description && description->log2_chroma_w == 1 && description->log2_chroma_h == 1;
}

/// Where chroma samples lie, in libswscale's 1/256 of a luma sample from the first; left, as H.264 assumes, if unknown.
struct ChromaPosition {
    int horizontal = 0;
    int vertical = 128;
};

ChromaPosition chromaPosition(int location) {
    switch (location) {
        case AVCHROMA_LOC_CENTER:
            return {128, 128};
        case AVCHROMA_LOC_TOPLEFT:
            return {0, 0};
        case AVCHROMA_LOC_TOP:
            return {128, 0};
        case AVCHROMA_LOC_BOTTOMLEFT:
            return {0, 256};
        case AVCHROMA_LOC_BOTTOM:
            return {128, 256};
        default:
            return {0, 128};
    }
}

}  // namespace

Size evenSize(const ::AVFrame& decoded) {
    return {decoded.width & ~1, decoded.height & ~1};
}

std::optional<PixelFormat> directFormat(const ::AVFrame& decoded) {
    // a negative stride (bottom-up pictures in AVI) cannot be said in a Plane
    const AVPixelFormat format = withoutRange(formatOf(decoded));
    if (decoded.linesize[0] <= 0 || decoded.linesize[1] <= 0)
        return {};
    if (format == AV_PIX_FMT_YUV420P && decoded.linesize[2] > 0)
        return kYuv420;
    if (format == AV_PIX_FMT_NV12)
        return kNv12;
    return {};
}

Picture directPicture(::AVFrame& decoded) {
    Picture picture;
    picture.format = directFormat(decoded).value();
    picture.size = evenSize(decoded);
    for (std::size_t i = 0; i < static_cast<std::size_t>(planeCount(picture.format)); ++i) {
        picture.planes[i].strideBytes = static_cast<std::size_t>(decoded.linesize[i]);
        picture.planes[i].data = reinterpret_cast<std::byte*>(decoded.data[i]);
    }
    picture.writable = av_frame_is_writable(&decoded) > 0;
    return picture;
}

Color outputColor(const ::AVFrame& decoded, Size size) {
    Color color;
    color.primaries = stated(decoded.color_primaries, AVCOL_PRI_NB, AVCOL_PRI_UNSPECIFIED);
    color.transfer = stated(decoded.color_trc, AVCOL_TRC_NB, AVCOL_TRC_UNSPECIFIED);
    color.matrix = statedMatrix(decoded);
    color.fullRange = isFullRange(decoded);
    color.chromaLocation = statedChromaLocation(decoded);
    if (isRgb(formatOf(decoded))) {
        color.matrix = assumedMatrix(size.height);
        color.fullRange = false;
    } else if (color.matrix == AVCOL_SPC_UNSPECIFIED && assumedMatrix(decoded.height) != assumedMatrix(size.height)) {
        color.matrix = assumedMatrix(decoded.height);
    }
    if (!hasHalvedChroma(formatOf(decoded)))
        color.chromaLocation = AVCHROMA_LOC_LEFT;
    return color;
}

Status PictureConverter::prepare(const Input& input) {
    sws_.reset();
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(input.format);
    const std::string what = std::string("converting pictures of format ") + (description ? description->name : "?") +
                             " to " + name(format_);
    if (!sws_isSupportedInput(input.format))
        return Status::failure(what + ": libswscale does not read that format");

    AvSws sws(avAllocated(sws_alloc_context()));
    const AVPixelFormat output = format_ == kNv12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
    const ChromaPosition from = chromaPosition(input.color.chromaLocation);
    const ChromaPosition to = chromaPosition(color_.chromaLocation);
    const bool halvedInput = hasHalvedChroma(input.format);
    const struct {
        const char* name;
        std::int64_t value;
    } options[] = {
        {"srcw", input.size.width},
        {"srch", input.size.height},
        {"src_format", input.format},
        {"dstw", size_.width},
        {"dsth", size_.height},
        {"dst_format", output},
        {"sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP},
        {"src_h_chr_pos", from.horizontal},
        {"src_v_chr_pos", halvedInput ? from.vertical : -513},  // -513: libswscale's own default
        {"dst_h_chr_pos", to.horizontal},
        {"dst_v_chr_pos", to.vertical},
    };
    for (const auto& option : options) {
        if (const int result = av_opt_set_int(sws.get(), option.name, option.value, 0); result < 0)
            return Status::failure(what + ": option " + option.name + ": " + libavError(result));
    }
    if (const int result = sws_init_context(sws.get(), nullptr, nullptr); result < 0)
        return Status::failure(what + ": " + libavError(result));

    // RGB has no matrix of its own: libswscale uses the output's. Its answer is -1 for pairs of formats that need no
    // such arithmetic at all, which is as good.
    const int* inputMatrix = sws_getCoefficients(isRgb(input.format) ? color_.matrix : input.color.matrix);
    (void)sws_setColorspaceDetails(sws.get(), inputMatrix, input.color.fullRange, sws_getCoefficients(color_.matrix),
                                   color_.fullRange, 0, 1 << 16, 1 << 16);
    sws_ = std::move(sws);
    input_ = input;
    return {};
}

Status PictureConverter::convert(const ::AVFrame& decoded, const Picture& target) {
    Input input;
    input.format = withoutRange(formatOf(decoded));
    input.size = evenSize(decoded);
    const int matrix = statedMatrix(decoded);
    input.color.matrix = matrix == AVCOL_SPC_UNSPECIFIED ? color_.matrix : matrix;
    input.color.fullRange = isFullRange(decoded);
    input.color.chromaLocation = statedChromaLocation(decoded);
    if (!sws_ || input != input_) {
        if (Status prepared = prepare(input); !prepared.ok())
            return prepared;
    }
    std::array<std::uint8_t*, kMaxPlanes + 1> data{};
    std::array<int, kMaxPlanes + 1> strides{};
    for (std::size_t i = 0; i < kMaxPlanes; ++i) {
        data[i] = reinterpret_cast<std::uint8_t*>(target.planes[i].data);
        strides[i] = static_cast<int>(target.planes[i].strideBytes);
    }
    const int rows =
        sws_scale(sws_.get(), decoded.data, decoded.linesize, 0, input.size.height, data.data(), strides.data());
    if (rows != size_.height)
        return Status::failure("converting a picture with libswscale: " +
                               (rows < 0 ? libavError(rows) : std::to_string(rows) + " rows came out"));
    return {};
}

}  // namespace smartcodec
