#include "analysis/block_grid.h"

#include <algorithm>
#include <numeric>

namespace smartcodec {

void BlockGrid::findRanges(int cells, int pixels, int blocks, std::vector<Range>& ranges) {
    if (ranges.size() == static_cast<std::size_t>(cells))
        return;
    ranges.resize(static_cast<std::size_t>(cells));
    for (int cell = 0; cell < cells; ++cell) {
        const int firstPixel = cell * pixels / cells,
                  lastPixel = std::max(firstPixel, ((cell + 1) * pixels + cells - 1) / cells - 1);
        ranges[static_cast<std::size_t>(cell)] = {firstPixel / QpMap::kBlock,
                                                  std::min(lastPixel / QpMap::kBlock, blocks - 1)};
    }
}

void BlockGrid::fill(const ChangeMap& change) {
    setAll(false);
    if (change.count == 0)
        return;
    findRanges(change.columns, width_, columns_, ofColumn_);
    findRanges(change.rows, height_, rows_, ofRow_);
    for (int y = 0; y < change.rows; ++y) {
        const std::uint8_t* row = change.row(y);
        const Range rows = ofRow_[static_cast<std::size_t>(y)];
        for (const std::uint8_t* at = std::find(row, row + change.columns, std::uint8_t{1}); at != row + change.columns;
             at = std::find(at + 1, row + change.columns, std::uint8_t{1})) {
            const Range columns = ofColumn_[static_cast<std::size_t>(at - row)];
            for (int by = rows.first; by <= rows.last; ++by)
                for (int bx = columns.first; bx <= columns.last; ++bx)
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
