#include "encoder/qp_regions.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace smartcodec {

namespace {

constexpr int kMaxDelta = 51;  // QP scale of 8-bit H.264 and HEVC, and what libav clips to

/// Collects regions row by row. A region stays open as long as the next row has the same run at the same place.
class RegionBuilder {
  public:
    RegionBuilder(Size size, int offset) : size_(size), offset_(offset) {}

    void addRow(std::span<const std::int8_t> deltas, int row) {
        std::size_t candidate = 0;  // into open_, which is ordered by left edge
        next_.clear();
        for (std::size_t column = 0; column < deltas.size();) {
            const std::int8_t value = deltas[column];
            std::size_t end = column + 1;
            while (end < deltas.size() && deltas[end] == value)
                ++end;
            const int delta = std::clamp(value + offset_, -kMaxDelta, kMaxDelta);
            if (delta != 0)
                addRun(static_cast<int>(column), static_cast<int>(end), row, delta, candidate);
            column = end;
        }
        open_.swap(next_);
    }

    [[nodiscard]] std::vector<QpRegion> finish() && { return std::move(regions_); }

  private:
    void addRun(int firstColumn, int endColumn, int row, int delta, std::size_t& candidate) {
        const int left = firstColumn * QpMap::kBlock;
        const int right = std::min(endColumn * QpMap::kBlock, size_.width);
        const int bottom = std::min((row + 1) * QpMap::kBlock, size_.height);
        while (candidate < open_.size() && regions_[open_[candidate]].left < left)
            ++candidate;
        if (candidate < open_.size()) {
            QpRegion& above = regions_[open_[candidate]];
            if (above.left == left && above.right == right && above.delta == delta) {
                above.bottom = bottom;
                next_.push_back(open_[candidate]);
                return;
            }
        }
        next_.push_back(regions_.size());
        regions_.push_back({left, row * QpMap::kBlock, right, bottom, delta});
    }

    Size size_;
    int offset_;
    std::vector<QpRegion> regions_;
    std::vector<std::size_t> open_;  // regions that reach down to the row before
    std::vector<std::size_t> next_;  // regions that reach down to this row
};

}  // namespace

std::vector<QpRegion> qpRegions(const QpMap& map, Size size, int offset) {
    if (map.empty()) {
        const int delta = std::clamp(offset, -kMaxDelta, kMaxDelta);
        if (delta == 0)
            return {};
        return {{0, 0, size.width, size.height, delta}};
    }
    assert(map.columns == (size.width + QpMap::kBlock - 1) / QpMap::kBlock);
    assert(map.rows == (size.height + QpMap::kBlock - 1) / QpMap::kBlock);
    assert(map.delta.size() == static_cast<std::size_t>(map.columns) * static_cast<std::size_t>(map.rows));
    RegionBuilder builder(size, offset);
    const std::span<const std::int8_t> deltas(map.delta);
    const auto columns = static_cast<std::size_t>(map.columns);
    for (int row = 0; row < map.rows; ++row)
        builder.addRow(deltas.subspan(static_cast<std::size_t>(row) * columns, columns), row);
    return std::move(builder).finish();
}

}  // namespace smartcodec
