#include "analysis/block_grid.h"

#include <algorithm>
#include <numeric>

namespace smartcodec {

void BlockGrid::fill(const ChangeMap& change) {
    setAll(false);
    if (change.count == 0)
        return;
    // first and last block that a column or row of cells touches
    const auto first = [](int cell, int cells, int pixels) { return cell * pixels / cells / QpMap::kBlock; };
    const auto last = [](int cell, int cells, int pixels) {
        return std::max(0, ((cell + 1) * pixels + cells - 1) / cells - 1) / QpMap::kBlock;
    };
    for (int y = 0; y < change.rows; ++y) {
        const std::uint8_t* row =
            change.cell.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(change.columns);
        if (std::find(row, row + change.columns, std::uint8_t{1}) == row + change.columns)
            continue;
        const int top = first(y, change.rows, height_), bottom = std::min(last(y, change.rows, height_), rows_ - 1);
        for (int x = 0; x < change.columns; ++x) {
            if (!row[x])
                continue;
            const int left = first(x, change.columns, width_),
                      right = std::min(last(x, change.columns, width_), columns_ - 1);
            for (int by = top; by <= bottom; ++by)
                for (int bx = left; bx <= right; ++bx)
                    moved_[static_cast<std::size_t>(by) * static_cast<std::size_t>(columns_) +
                           static_cast<std::size_t>(bx)] = 1;
        }
    }
}

double BlockGrid::share() const {
    return static_cast<double>(std::accumulate(moved_.begin(), moved_.end(), std::size_t{0})) /
           static_cast<double>(moved_.size());
}

}  // namespace smartcodec
