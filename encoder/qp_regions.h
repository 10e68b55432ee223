#pragma once

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

/// The map, with `offset` added to every block, as rectangles that do not overlap and cover exactly the blocks whose
/// sum is not zero. An empty map stands for zeros. Equal neighbours in a row are joined, then equal runs in consecutive
/// rows. The edges of the last column and row are cut to the picture.
[[nodiscard]] std::vector<QpRegion> qpRegions(const QpMap& map, Size size, int offset = 0);

}  // namespace smartcodec
