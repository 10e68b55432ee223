#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/qp_map.h"
#include "capture/picture.h"

namespace smartcodec {

/// A rectangle of 16x16 blocks that share one quantiser delta, in pixels of the picture; right and bottom are outside.
struct QpRegion {
    int left = 0;
    int top = 0;
    int right = 0;
    int bottom = 0;
    int delta = 0;  ///< -51..51, not 0
    friend bool operator==(const QpRegion&, const QpRegion&) = default;
};

/// Turns QP maps into regions, picture after picture in the same memory. Thread-bound.
class QpRegionBuilder {
  public:
    explicit QpRegionBuilder(Size size) : size_(size) {}

    /// The map, with `offset` added to every block, as rectangles that do not overlap and cover exactly the blocks
    /// whose sum is not zero. An empty map stands for zeros. Equal neighbours in a row are joined, then equal runs in
    /// consecutive rows. The edges of the last column and row are cut to the picture. Valid until the next call.
    [[nodiscard]] std::span<const QpRegion> build(const QpMap& map, int offset = 0);

  private:
    void addRow(std::span<const std::int8_t> deltas, int row, int offset);
    void addRun(QpRegion run, std::size_t& candidate);

    Size size_;
    std::vector<QpRegion> regions_;
    std::vector<std::size_t> open_;  // regions that reach down to the row before, ordered by left edge
    std::vector<std::size_t> next_;  // regions that reach down to this row
};

}  // namespace smartcodec
