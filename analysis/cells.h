#pragma once

#include <cstdint>
#include <vector>

#include "analysis/luma_view.h"

namespace smartcodec {

/// A luma picture as sums over cells of 4x4 pixels, row by row. A sum is 0..4080, so its unit is 1/16 grey level.
/// Where width or height is no multiple of 4 the last column or row of cells ends at the picture's edge and overlaps
/// its neighbour, so that every pixel is looked at.
struct CellGrid {
    static constexpr int kCell = 4;                 ///< pixels
    static constexpr int kSamples = kCell * kCell;  ///< per cell
    static constexpr int kTile = 16;                ///< cells of a tile's side

    int columns = 0;
    int rows = 0;
    std::vector<std::uint16_t> sum;  ///< columns * rows

    /// Sums over tiles of 16x16 cells (64x64 pixels), row by row; those at the right and lower edge are of what is
    /// left.
    int tileColumns = 0;
    int tileRows = 0;
    std::vector<std::uint32_t> tileSum;  ///< tileColumns * tileRows

    [[nodiscard]] const std::uint16_t* row(int y) const { return sum.data() + static_cast<std::size_t>(y) * columns; }
};

/// Fills `cells` from `picture` (at least 4x4). Allocates only when the size changes.
void computeCells(const LumaView& picture, CellGrid& cells);

}  // namespace smartcodec
