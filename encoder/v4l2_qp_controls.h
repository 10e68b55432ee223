#pragma once

#include <linux/v4l2-controls.h>

#include <cstdint>
#include <span>

#include "encoder/codec.h"

namespace smartcodec {

/// The controls that hold the lowest QP, all of which are set. Of FWHT, which has no rate control, those of the QP
/// itself: of key frames, and of the others.
[[nodiscard]] inline std::span<const std::uint32_t> lowestQpControls(Codec codec) {
    static constexpr std::uint32_t kH264[] = {V4L2_CID_MPEG_VIDEO_H264_MIN_QP};
    static constexpr std::uint32_t kHevc[] = {V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP};
    static constexpr std::uint32_t kFwht[] = {V4L2_CID_FWHT_I_FRAME_QP, V4L2_CID_FWHT_P_FRAME_QP};
    switch (codec) {
        case Codec::H264:
            return kH264;
        case Codec::Hevc:
            return kHevc;
        case Codec::Fwht:
            break;
    }
    return kFwht;
}

/// The same for the highest QP; none where there is no rate control.
[[nodiscard]] inline std::span<const std::uint32_t> highestQpControls(Codec codec) {
    static constexpr std::uint32_t kH264[] = {V4L2_CID_MPEG_VIDEO_H264_MAX_QP};
    static constexpr std::uint32_t kHevc[] = {V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP};
    switch (codec) {
        case Codec::H264:
            return kH264;
        case Codec::Hevc:
            return kHevc;
        case Codec::Fwht:
            break;
    }
    return {};
}

}  // namespace smartcodec
