#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "encoder/v4l2_region_search.h"
#include "encoder/v4l2_regions.h"

namespace smartcodec {

/// Regions as an array with one delta per block. Thread-bound.
class V4l2MapRegions final : public V4l2Regions {
  public:
    /// How the array is.
    struct Layout {
        std::uint32_t id = 0;
        std::size_t elementBytes = 1;  ///< 1: s8, 4: s32
        std::size_t elements = 0;      ///< that are sent: the frame's blocks or more
        int block = QpMap::kBlock;     ///< pixels
        int low = -51;                 ///< of a delta
        int high = 51;
        bool lapses = true;                   ///< it is for one frame: to be sent with each
        bool onlyChangesArrive = true;        ///< the kernel keeps from the driver what equals the array before
        std::optional<std::uint32_t> modeId;  ///< the control that turns the array on and off; empty: zeros do
    };
    /// The interfaces that are known; null if there is none.
    [[nodiscard]] static std::unique_ptr<V4l2Regions> find(const V4l2RegionSearch& search);

    V4l2MapRegions(V4l2Controls& controls, const Layout& layout);

    [[nodiscard]] RegionSupport support() const override { return RegionSupport::QpMap; }
    [[nodiscard]] std::string description() const override;
    [[nodiscard]] int apply(const QpMap& map, std::uint32_t bufferIndex) override;

  private:
    int send(std::span<const std::int8_t> deltas);
    int clear();
    void write(std::span<const std::int8_t> deltas);
    void makeDifferent(std::size_t blocks);

    V4l2Controls& controls_;
    Layout layout_;
    QpMap pooled_;
    std::vector<std::byte> next_;
    std::vector<std::byte> sent_;  // what the driver has; empty: not known
    bool standing_ = false;        // a map may be on
};

}  // namespace smartcodec
