#pragma once

#include <cstdint>
#include <vector>

#include "analysis/change.h"
#include "analysis/qp_map.h"

namespace smartcodec {

/// Which 16x16 blocks of the main picture move: the raster of QpMap, filled from cells of whatever size the analysed
/// picture had.
class BlockGrid {
  public:
    BlockGrid(int width, int height)
        : columns_((width + QpMap::kBlock - 1) / QpMap::kBlock),
          rows_((height + QpMap::kBlock - 1) / QpMap::kBlock),
          width_(width),
          height_(height),
          moved_(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_)) {}

    void setAll(bool moved) { moved_.assign(moved_.size(), moved ? 1 : 0); }

    /// Every block that a changed cell touches.
    void fill(const ChangeMap& change);

    [[nodiscard]] int columns() const { return columns_; }
    [[nodiscard]] int rows() const { return rows_; }
    [[nodiscard]] std::size_t size() const { return moved_.size(); }
    [[nodiscard]] bool moved(std::size_t block) const { return moved_[block] != 0; }
    [[nodiscard]] double share() const;

  private:
    int columns_;
    int rows_;
    int width_;
    int height_;
    struct Range {
        int first = 0;
        int last = 0;
    };
    static void findRanges(int cells, int pixels, int blocks, std::vector<Range>& ranges);

    std::vector<std::uint8_t> moved_;
    std::vector<Range> ofColumn_;  // blocks that a column of cells touches
    std::vector<Range> ofRow_;
};

}  // namespace smartcodec
