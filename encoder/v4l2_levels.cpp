#include "encoder/v4l2_levels.h"

#include <linux/v4l2-controls.h>
#include <linux/videodev2.h>

#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>

namespace smartcodec {

namespace {

struct Level {
    int value;
    double perSecond;  // macroblocks of H.264, luma samples of HEVC
    double perPicture;
    double kilobits;  // per second; of H.264 those of the Main profile, which High exceeds
};

constexpr Level kH264[] = {
    {V4L2_MPEG_VIDEO_H264_LEVEL_1_0, 1485, 99, 64},
    {V4L2_MPEG_VIDEO_H264_LEVEL_1_1, 3000, 396, 192},
    {V4L2_MPEG_VIDEO_H264_LEVEL_1_2, 6000, 396, 384},
    {V4L2_MPEG_VIDEO_H264_LEVEL_1_3, 11880, 396, 768},
    {V4L2_MPEG_VIDEO_H264_LEVEL_2_0, 11880, 396, 2000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_2_1, 19800, 792, 4000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_2_2, 20250, 1620, 4000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_3_0, 40500, 1620, 10000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_3_1, 108000, 3600, 14000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_3_2, 216000, 5120, 20000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_0, 245760, 8192, 20000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_1, 245760, 8192, 50000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 522240, 8704, 50000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_0, 589824, 22080, 135000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 983040, 36864, 240000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_2, 2073600, 36864, 240000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_6_0, 4177920, 139264, 240000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_6_1, 8355840, 139264, 480000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_6_2, 16711680, 139264, 800000},
};

constexpr Level kHevc[] = {
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_1, 552960, 36864, 128},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_2, 3686400, 122880, 1500},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_2_1, 7372800, 245760, 3000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_3, 16588800, 552960, 6000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_3_1, 33177600, 983040, 10000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_4, 66846720, 2228224, 12000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_4_1, 133693440, 2228224, 20000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_5, 267386880, 8912896, 25000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_5_1, 534773760, 8912896, 40000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_5_2, 1069547520, 8912896, 60000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_6, 1069547520, 35651584, 60000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_6_1, 2139095040, 35651584, 120000},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_6_2, 4278190080, 35651584, 240000},
};

[[nodiscard]] std::span<const Level> levels(Codec codec) {
    return codec == Codec::H264 ? std::span<const Level>(kH264) : std::span<const Level>(kHevc);
}

}  // namespace

int v4l2Level(Codec codec, Size size, FrameRate frameRate, Bitrate bitrate) {
    const double block = codec == Codec::H264 ? 16 : 1;
    const double columns = std::ceil(size.width / block);
    const double rows = std::ceil(size.height / block);
    const double kilobits = static_cast<double>(bitrate.bitsPerSecond) / 1000;
    for (const Level& level : levels(codec)) {
        const double longestEdge = std::sqrt(8 * level.perPicture);
        if (columns * rows <= level.perPicture && columns <= longestEdge && rows <= longestEdge &&
            columns * rows * frameRate.value() <= level.perSecond && kilobits <= level.kilobits)
            return level.value;
    }
    return highestV4l2Level(codec);
}

int highestV4l2Level(Codec codec) {
    return levels(codec).back().value;
}

}  // namespace smartcodec
