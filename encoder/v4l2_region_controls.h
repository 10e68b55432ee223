#pragma once

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>

/// Regions of interest are in no released kernel header: what the drivers that have them define, under names of our
/// own, since a header may bring the originals one day. Two of the proposals use the same control numbers.
namespace smartcodec {

// Proposed by Qualcomm for iris, 2026: "media: v4l2-ctrls: Add encoder ROI MB delta QP".
constexpr std::uint32_t kS8ControlType = 0x0103;       ///< V4L2_CTRL_TYPE_S8
constexpr std::uint32_t kFirstS8ControlType = 0x0284;  ///< as it was in the first version of the proposal
/// One s8 per block, row by row; all the frame's blocks, or as many as the largest frame has.
constexpr std::uint32_t kRoiMbDeltaQp = V4L2_CID_CODEC_BASE + 658;
constexpr std::uint32_t kRoiMbSize = V4L2_CID_CODEC_BASE + 659;  ///< u8, pixels: 16 (H.264) or 32 (HEVC)

// Proposed by NXP, 2024: "Add video encoder ROI ctrls".
constexpr std::uint32_t kRectControlType = 0x0107;               ///< V4L2_CTRL_TYPE_RECT
constexpr std::uint32_t kRoiMode = V4L2_CID_CODEC_BASE + 658;    ///< menu, RoiMode
constexpr std::uint32_t kRoiBlock = V4L2_CID_CODEC_BASE + 659;   ///< v4l2_area, pixels
constexpr std::uint32_t kRoiRects = V4L2_CID_CODEC_BASE + 660;   ///< v4l2_rect, dynamic array
constexpr std::uint32_t kRoiDeltas = V4L2_CID_CODEC_BASE + 661;  ///< s32 per rectangle, dynamic array
constexpr std::uint32_t kRoiMap = V4L2_CID_CODEC_BASE + 663;     ///< s32 per block, row by row, dynamic array
enum class RoiMode : std::int64_t { None = 0, Rectangles = 1, Map = 3 };

// NXP's vsi_v4l2 (linux/imx_vpu.h): V4L2_CID_ROI, and V4L2_CID_ROI_COUNT one below it.
constexpr std::size_t kImxRegions = 8;
struct ImxRegion {
    v4l2_rect rect;  ///< pixels; rounded outward to the encoder's blocks
    std::uint32_t enable;
    std::int32_t qpDelta;
    std::uint32_t reserved[2];
};
struct ImxRegions {
    std::uint32_t count;
    ImxRegion regions[kImxRegions];
    std::uint32_t configStore;
    std::uint32_t reserved[2];
};
static_assert(sizeof(ImxRegions) == 272);

// NVIDIA's Jetson (v4l2_nv_extensions.h): V4L2_CID_MPEG_VIDEOENC_ROI_PARAMS, whose number is not the same in all
// releases, and V4L2_CID_MPEG_VIDEOENC_ENABLE_ROI_PARAM.
constexpr std::size_t kJetsonRegions = 8;
struct JetsonRegion {
    v4l2_rect rect;  ///< pixels
    std::int32_t qpDelta;
};
struct JetsonRegionSet {
    std::uint32_t count;
    JetsonRegion regions[kJetsonRegions];
    std::uint32_t configStore;  ///< index of the OUTPUT buffer that they belong to
};
static_assert(sizeof(JetsonRegionSet) == 168);

}  // namespace smartcodec
