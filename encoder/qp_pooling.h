#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/qp_map.h"
#include "encoder/qp_regions.h"

namespace smartcodec {

/// The map for an encoder whose blocks are `factor` x `factor` of the map's (2: 32x32 pixels, 4: 64x64): each block
/// gets the finest quality asked for in it, its deltas limited to `low`..`high`. Rows of ceil(columns / factor), edges
/// rounded up. `pooled` is written over, in the same memory. `factor` 1 only limits.
void poolQpMap(const QpMap& map, int factor, int low, int high, QpMap& pooled);

/// At most `limit` rectangles that stand for the map: greedy maximal rectangles of one delta, the finest first, those
/// kept that matter most (|delta| x area), in the order of finest first, so that an encoder for which the first
/// rectangle wins where two overlap, or which rounds them outward, errs towards quality. Their edges are at multiples
/// of `block` pixels (a multiple of 16; the map is pooled to it) or the picture's own. In the same memory, picture
/// after picture. Thread-bound.
class QpRectangles {
  public:
    QpRectangles(Size picture, int block, std::size_t limit);

    /// Valid until the next call. None for a map that is empty or all zeros.
    [[nodiscard]] std::span<const QpRegion> build(const QpMap& map);

  private:
    Size picture_;
    int block_;
    std::size_t limit_;
    QpMap pooled_;
    std::vector<std::uint8_t> taken_;
    std::vector<QpRegion> regions_;
};

}  // namespace smartcodec
