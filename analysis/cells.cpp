#include "analysis/cells.h"

#include <algorithm>
#include <cstddef>

#include "analysis/vector_clones.h"

namespace smartcodec {
namespace {

// One row of cells whose columns do not overlap: sums of 4 rows, then of 4 neighbours.
SMARTCODEC_VECTOR_CLONES
void sumCellRow(const std::uint8_t* __restrict top, std::ptrdiff_t stride, int columns, std::uint16_t* __restrict out) {
    const std::uint8_t* __restrict r0 = top;
    const std::uint8_t* __restrict r1 = top + stride;
    const std::uint8_t* __restrict r2 = top + 2 * stride;
    const std::uint8_t* __restrict r3 = top + 3 * stride;
    constexpr int kChunk = 256;  // columns whose sums stay in the first-level cache
    std::uint16_t vertical[kChunk * CellGrid::kCell];
    for (int start = 0; start < columns; start += kChunk) {
        const int count = std::min(kChunk, columns - start);
        const int from = start * CellGrid::kCell;
        for (int x = 0; x < count * CellGrid::kCell; ++x)
            vertical[x] = static_cast<std::uint16_t>(r0[from + x] + r1[from + x] + r2[from + x] + r3[from + x]);
        for (int c = 0; c < count; ++c)
            out[start + c] = static_cast<std::uint16_t>(vertical[4 * c] + vertical[4 * c + 1] + vertical[4 * c + 2] +
                                                        vertical[4 * c + 3]);
    }
}

std::uint16_t sumCell(const std::uint8_t* top, std::ptrdiff_t stride) {
    int sum = 0;
    for (int y = 0; y < CellGrid::kCell; ++y)
        for (int x = 0; x < CellGrid::kCell; ++x)
            sum += top[y * stride + x];
    return static_cast<std::uint16_t>(sum);
}

}  // namespace

void computeCells(const LumaView& picture, CellGrid& cells) {
    constexpr int kCell = CellGrid::kCell;
    cells.columns = (picture.width + kCell - 1) / kCell;
    cells.rows = (picture.height + kCell - 1) / kCell;
    cells.sum.resize(static_cast<std::size_t>(cells.columns) * static_cast<std::size_t>(cells.rows));

    const int whole = picture.width / kCell;
    for (int r = 0; r < cells.rows; ++r) {
        const std::uint8_t* top = picture.row(std::min(r * kCell, picture.height - kCell));
        std::uint16_t* out = cells.sum.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(cells.columns);
        sumCellRow(top, picture.strideBytes, whole, out);
        if (whole < cells.columns)
            out[whole] = sumCell(top + picture.width - kCell, picture.strideBytes);
    }
}

}  // namespace smartcodec
