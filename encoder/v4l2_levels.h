#pragma once

#include "analysis/bitrate.h"
#include "capture/picture.h"
#include "encoder/codec.h"

namespace smartcodec {

/// The lowest level that allows this size, frame rate and bit rate (ITU-T H.264 table A-1; ITU-T H.265 tables A.8, A.9,
/// Main tier), as V4L2_MPEG_VIDEO_H264_LEVEL_* or V4L2_MPEG_VIDEO_HEVC_LEVEL_*; the highest where none does.
[[nodiscard]] int v4l2Level(Codec codec, Size size, FrameRate frameRate, Bitrate bitrate);
/// The highest there is of that codec.
[[nodiscard]] int highestV4l2Level(Codec codec);

}  // namespace smartcodec
