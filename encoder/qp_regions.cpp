#include "encoder/qp_regions.h"

#include <algorithm>
#include <cassert>

namespace smartcodec {

namespace {

constexpr int kMaxDelta = 51;  // QP scale of 8-bit H.264 and HEVC, and what libav clips to

}  // namespace

std::span<const QpRegion> QpRegionBuilder::build(const QpMap& map, int offset) {
    regions_.clear();
    open_.clear();
    if (map.empty()) {
        if (const int delta = std::clamp(offset, -kMaxDelta, kMaxDelta); delta != 0)
            regions_.push_back({0, 0, size_.width, size_.height, delta});
        return regions_;
    }
    assert(map.columns == (size_.width + QpMap::kBlock - 1) / QpMap::kBlock);
    assert(map.rows == (size_.height + QpMap::kBlock - 1) / QpMap::kBlock);
    assert(map.delta.size() == static_cast<std::size_t>(map.columns) * static_cast<std::size_t>(map.rows));
    const std::span<const std::int8_t> deltas(map.delta);
    const auto columns = static_cast<std::size_t>(map.columns);
    for (int row = 0; row < map.rows; ++row)
        addRow(deltas.subspan(static_cast<std::size_t>(row) * columns, columns), row, offset);
    return regions_;
}

void QpRegionBuilder::addRow(std::span<const std::int8_t> deltas, int row, int offset) {
    const int top = row * QpMap::kBlock;
    const int bottom = std::min(top + QpMap::kBlock, size_.height);
    std::size_t candidate = 0;  // into open_
    next_.clear();
    for (std::size_t column = 0; column < deltas.size();) {
        const std::int8_t value = deltas[column];
        std::size_t end = column + 1;
        while (end < deltas.size() && deltas[end] == value)
            ++end;
        const int delta = std::clamp(value + offset, -kMaxDelta, kMaxDelta);
        if (delta != 0)
            addRun({.left = static_cast<int>(column) * QpMap::kBlock,
                    .top = top,
                    .right = std::min(static_cast<int>(end) * QpMap::kBlock, size_.width),
                    .bottom = bottom,
                    .delta = delta},
                   candidate);
        column = end;
    }
    open_.swap(next_);
}

/// A region stays open as long as the next row has the same run at the same place.
void QpRegionBuilder::addRun(QpRegion run, std::size_t& candidate) {
    while (candidate < open_.size() && regions_[open_[candidate]].left < run.left)
        ++candidate;
    if (candidate < open_.size()) {
        QpRegion& above = regions_[open_[candidate]];
        if (above.left == run.left && above.right == run.right && above.delta == run.delta) {
            above.bottom = run.bottom;
            next_.push_back(open_[candidate]);
            return;
        }
    }
    next_.push_back(regions_.size());
    regions_.push_back(run);
}

}  // namespace smartcodec
