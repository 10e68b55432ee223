#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "encoder/qp_pooling.h"
#include "encoder/v4l2_region_search.h"
#include "encoder/v4l2_regions.h"

namespace smartcodec {

/// Regions as a few rectangles; how they are handed over is the interface's. Thread-bound.
class V4l2RectangleRegions : public V4l2Regions {
  public:
    /// The interfaces that are known; null if there is none.
    [[nodiscard]] static std::unique_ptr<V4l2Regions> find(const V4l2RegionSearch& search);

    [[nodiscard]] RegionSupport support() const override { return RegionSupport::Rectangles; }
    [[nodiscard]] std::string description() const override;
    [[nodiscard]] int apply(const QpMap& map, std::uint32_t bufferIndex) override;

  protected:
    /// `lapsing`: they are for one buffer alone, and may stay with it until it is used again.
    V4l2RectangleRegions(Size size, const QpRectangles::Limits& limits, bool lapsing);

    /// 0, or the errno. None: turn them off.
    [[nodiscard]] virtual int send(std::span<const QpRegion> regions, std::uint32_t bufferIndex) = 0;

  private:
    QpRectangles rectangles_;
    QpRectangles::Limits limits_;
    bool lapsing_;
    std::vector<QpRegion> sent_;
    bool sentKnown_ = true;  // false: sending failed, and what stands is not known
    bool everSent_ = false;
};

}  // namespace smartcodec
