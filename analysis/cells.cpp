#include "analysis/cells.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "analysis/vector_clones.h"

namespace smartcodec {
namespace {

// Four samples of a row as two sums of two, in the halves of a word.
inline std::uint32_t pairSums(const std::uint8_t* samples) {
    std::uint32_t four = 0;
    std::memcpy(&four, samples, sizeof four);
    return (four & 0x00ff00ffU) + (four >> 8 & 0x00ff00ffU);
}

// A picture has just come from elsewhere: its rows are far away, and hardware does not look ahead from row to row.
void prefetchCellRow(const std::uint8_t* top, std::ptrdiff_t stride, int columns) {
    constexpr int kLine = 64;  // bytes, of most caches
    for (int x = 0; x < columns * CellGrid::kCell; x += kLine)
        for (int row = 0; row < CellGrid::kCell; ++row)
            __builtin_prefetch(top + row * stride + x);
}

// One row of cells whose columns do not overlap.
SMARTCODEC_VECTOR_CLONES
void sumCellRow(const std::uint8_t* __restrict top, std::ptrdiff_t stride, int columns, std::uint16_t* __restrict out) {
    const std::uint8_t* __restrict r0 = top;
    const std::uint8_t* __restrict r1 = top + stride;
    const std::uint8_t* __restrict r2 = top + 2 * stride;
    const std::uint8_t* __restrict r3 = top + 3 * stride;
    for (int c = 0; c < columns; ++c) {
        const int x = c * CellGrid::kCell;
        const std::uint32_t pairs = pairSums(r0 + x) + pairSums(r1 + x) + pairSums(r2 + x) + pairSums(r3 + x);
        out[c] = static_cast<std::uint16_t>((pairs & 0xffffU) + (pairs >> 16));
    }
}

// Adds one row of cells to the tiles that it goes through.
SMARTCODEC_VECTOR_CLONES
void addToTiles(const std::uint16_t* __restrict row, int columns, std::uint32_t* __restrict tiles) {
    constexpr int kTile = CellGrid::kTile;
    const int whole = columns / kTile;
    for (int t = 0; t < whole; ++t) {
        std::uint32_t sum = 0;
        for (int c = 0; c < kTile; ++c)
            sum += row[t * kTile + c];
        tiles[t] += sum;
    }
    for (int c = whole * kTile; c < columns; ++c)
        tiles[whole] += row[c];
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

    cells.tileColumns = (cells.columns + CellGrid::kTile - 1) / CellGrid::kTile;
    cells.tileRows = (cells.rows + CellGrid::kTile - 1) / CellGrid::kTile;
    cells.tileSum.assign(static_cast<std::size_t>(cells.tileColumns) * static_cast<std::size_t>(cells.tileRows), 0);

    const int whole = picture.width / kCell;
    for (int r = 0; r < cells.rows; ++r) {
        const std::uint8_t* top = picture.row(std::min(r * kCell, picture.height - kCell));
        std::uint16_t* out = cells.sum.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(cells.columns);
        if ((r + 2) * kCell <= picture.height)
            prefetchCellRow(top + kCell * picture.strideBytes, picture.strideBytes, whole);
        sumCellRow(top, picture.strideBytes, whole, out);
        if (whole < cells.columns)
            out[whole] = sumCell(top + picture.width - kCell, picture.strideBytes);
        addToTiles(out, cells.columns,
                   cells.tileSum.data() + static_cast<std::ptrdiff_t>(r / CellGrid::kTile) * cells.tileColumns);
    }
}

}  // namespace smartcodec
