#pragma once

// What newer or vendors' kernel headers define, as far as emulated drivers offer it. Written apart from what the client
// has of it, so that a slip in one of them shows.

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>

namespace smartcodec::uapi {

constexpr std::uint32_t kCtrlTypeS8 = 0x0103;  ///< V4L2_CTRL_TYPE_S8 (proposed)

constexpr std::uint32_t kCidAverageQp = V4L2_CID_CODEC_BASE + 657;
constexpr std::uint32_t kCidRoiMbDeltaQp = V4L2_CID_CODEC_BASE + 658;  ///< proposed: s8 per block, raster order
constexpr std::uint32_t kCidRoiMbSize = V4L2_CID_CODEC_BASE + 659;     ///< proposed: u8, 16 or 32

constexpr std::uint32_t kCidImxRoiCount = V4L2_CID_USER_IMX_BASE + 2;
constexpr std::uint32_t kCidImxRoi = V4L2_CID_USER_IMX_BASE + 3;

/// linux/imx_vpu.h: the payload of V4L2_CID_ROI.
constexpr std::size_t kImxRoiRegions = 8;
struct ImxRoiRegion {
    v4l2_rect rect;
    std::uint32_t enable;
    std::int32_t qpDelta;
    std::uint32_t reserved[2];
};
struct ImxRoi {
    std::uint32_t regions;
    ImxRoiRegion region[kImxRoiRegions];
    std::uint32_t configStore;
    std::uint32_t reserved[2];
};

/// v4l2_nv_extensions.h: the payload of V4L2_CID_MPEG_VIDEOENC_ROI_PARAMS. The numbers are our own, since those of
/// NVIDIA lie in the range of other codec controls: a client goes by name and size.
constexpr std::uint32_t kCidJetsonRoiEnable = V4L2_CID_CODEC_BASE + 0xf00;
constexpr std::uint32_t kCidJetsonRoi = kCidJetsonRoiEnable + 1;
constexpr std::size_t kJetsonRoiRegions = 8;
struct JetsonRoiRegion {
    v4l2_rect rect;
    std::int32_t qpDelta;
};
struct JetsonRoi {
    std::uint32_t regions;
    JetsonRoiRegion region[kJetsonRoiRegions];
    std::uint32_t configStore;  ///< index of the OUTPUT buffer they belong to
};

}  // namespace smartcodec::uapi
