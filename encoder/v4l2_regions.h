#pragma once

#include <memory>
#include <string>

#include "analysis/qp_map.h"
#include "capture/picture.h"
#include "encoder/codec.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_controls.h"

namespace smartcodec {

/// How one V4L2 encoder takes regions of interest. A map belongs to the frame that is queued next, and never stays on
/// by accident: what a frame without a map needs to clear an earlier one is sent. Thread-bound.
class V4l2Regions {
  public:
    virtual ~V4l2Regions() = default;

    [[nodiscard]] virtual RegionSupport support() const = 0;
    /// For listings: "QP map of 16x16 blocks, -31..30", "8 rectangles".
    [[nodiscard]] virtual std::string description() const = 0;

    /// To be called right before the frame's VIDIOC_QBUF, for every frame. `bufferIndex` is that of its OUTPUT buffer
    /// (some interfaces tie regions to one). An empty map asks for nothing. 0, or the errno; what stands then is not
    /// known, and the next call begins anew.
    [[nodiscard]] virtual int apply(const QpMap& map, std::uint32_t bufferIndex) = 0;
};

/// Looks for the interfaces that are known, by the controls' type, element size, dimensions and name, never by their
/// number alone, best first: QP map, rectangles. Null where there is none. To be called when the formats are set and
/// before buffers are requested; `size` is that of the pictures. `device` and `controls` must outlive it.
[[nodiscard]] std::unique_ptr<V4l2Regions> findRegions(const V4l2Device& device, V4l2Controls& controls, Codec codec,
                                                       Size size);

}  // namespace smartcodec
