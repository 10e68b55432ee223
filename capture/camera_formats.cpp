#include "capture/camera_formats.h"

#include <drm_fourcc.h>

#include <algorithm>

#include "capture/libav_handles.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace smartcodec {

const PixelFormat kMjpeg{fourcc_code('M', 'J', 'P', 'G')};

namespace {

struct Known {
    std::uint32_t fourcc;
    AVPixelFormat format;
};

// DRM names a word from its highest byte on, libavutil the bytes as they lie.
constexpr Known kConvertible[] = {
    {DRM_FORMAT_NV12, AV_PIX_FMT_NV12},     {DRM_FORMAT_YUV420, AV_PIX_FMT_YUV420P},
    {DRM_FORMAT_YUYV, AV_PIX_FMT_YUYV422},  {DRM_FORMAT_UYVY, AV_PIX_FMT_UYVY422},
    {DRM_FORMAT_YVYU, AV_PIX_FMT_YVYU422},  {DRM_FORMAT_YUV422, AV_PIX_FMT_YUV422P},
    {DRM_FORMAT_NV16, AV_PIX_FMT_NV16},     {DRM_FORMAT_NV21, AV_PIX_FMT_NV21},
    {DRM_FORMAT_BGR888, AV_PIX_FMT_RGB24},  {DRM_FORMAT_RGB888, AV_PIX_FMT_BGR24},
    {DRM_FORMAT_XRGB8888, AV_PIX_FMT_BGR0}, {DRM_FORMAT_ARGB8888, AV_PIX_FMT_BGRA},
    {DRM_FORMAT_XBGR8888, AV_PIX_FMT_RGB0}, {DRM_FORMAT_ABGR8888, AV_PIX_FMT_RGBA},
    {DRM_FORMAT_R8, AV_PIX_FMT_GRAY8},
};

// What USB 2 carries at most in its isochronous mode: three packets of 1024 bytes in each of 8000 microframes a second.
constexpr double kUsb2BytesPerSecond = 3.0 * 1024 * 8000;

/// Longest sides of the small picture for the analysis.
constexpr int kAnalysisShortest = 320;
constexpr int kAnalysisLongest = 640;

const CameraFormat* find(std::span<const CameraFormat> offered, PixelFormat format) {
    const auto found =
        std::find_if(offered.begin(), offered.end(), [&](const CameraFormat& o) { return o.format == format; });
    return found == offered.end() ? nullptr : &*found;
}

bool reaches(const CameraFormat& format, Size size) {
    return std::any_of(format.sizes.begin(), format.sizes.end(),
                       [&](Size s) { return s.width >= size.width && s.height >= size.height; });
}

bool fitsUsb2(PixelFormat format, Size size, std::optional<FrameRate> rate) {
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(avPixelFormat(format)));
    const double bytes = av_get_bits_per_pixel(description) / 8.0 * size.width * size.height;
    return bytes * (rate ? rate->value() : 30) <= kUsb2BytesPerSecond;
}

std::int64_t largestArea(const CameraFormat& format) {
    std::int64_t largest = 0;
    for (const Size size : format.sizes)
        largest = std::max(largest, static_cast<std::int64_t>(size.width) * size.height);
    return largest;
}

template <class Serves>
std::optional<ChosenFormat> chooseDirect(std::span<const PixelFormat> direct, const Serves& serves) {
    for (const bool halvedChroma : {true, false}) {
        for (const PixelFormat format : direct) {
            // the analysis needs a luma picture of one that is not 4:2:0
            const bool readable = halvedChroma || avPixelFormat(format) != AV_PIX_FMT_NONE;
            if (is420(format) == halvedChroma && readable && serves(format))
                return ChosenFormat{format, CameraConversion::None};
        }
    }
    return {};
}

template <class Serves>
std::optional<ChosenFormat> chooseConverted(std::span<const CameraFormat> offered, const Serves& serves,
                                            std::optional<Size> size, std::optional<FrameRate> frameRate) {
    const CameraFormat* raw = nullptr;
    for (const Known& known : kConvertible) {  // cheapest to convert first
        if (!raw && serves({known.fourcc}))
            raw = find(offered, {known.fourcc});
    }
    const CameraFormat* compressed = serves(kMjpeg) ? find(offered, kMjpeg) : nullptr;
    const Size wanted = size.value_or(Size{1280, 720});
    const bool tooMuch = raw && !fitsUsb2(raw->format, wanted, frameRate);
    if (compressed && (!raw || (tooMuch && largestArea(*compressed) >= largestArea(*raw))))
        return ChosenFormat{kMjpeg, CameraConversion::Decompressed};
    if (raw)
        return ChosenFormat{raw->format, CameraConversion::Converted};
    return {};
}

}  // namespace

std::optional<Size> analysisSize(Size main) {
    const int longest = std::max(main.width, main.height);
    if (longest <= kAnalysisLongest)
        return {};
    const auto scaled = [&](int side) { return std::max(2, ((side * kAnalysisLongest + longest / 2) / longest) & ~1); };
    return Size{scaled(main.width), scaled(main.height)};
}

bool servesAnalysis(Size small, Size main) {
    const int longest = std::max(small.width, small.height);
    const double shape =
        static_cast<double>(small.width) * main.height / (static_cast<double>(small.height) * main.width);
    return longest >= kAnalysisShortest && longest <= kAnalysisLongest && shape > 0.98 && shape < 1.02;
}

int avPixelFormat(PixelFormat format) {
    for (const Known& known : kConvertible) {
        if (known.fourcc == format.fourcc)
            return known.format;
    }
    return AV_PIX_FMT_NONE;
}

std::optional<ChosenFormat> chooseFormat(std::span<const CameraFormat> offered, std::span<const PixelFormat> direct,
                                         std::optional<Size> size, std::optional<FrameRate> frameRate) {
    for (const bool largeEnough : {true, false}) {
        const auto serves = [&](PixelFormat format) {
            const CameraFormat* found = find(offered, format);
            return found && (!largeEnough || !size || reaches(*found, *size));
        };
        if (const auto chosen = chooseDirect(direct, serves))
            return chosen;
        if (const auto chosen = chooseConverted(offered, serves, size, frameRate))
            return chosen;
    }
    return {};
}

}  // namespace smartcodec
