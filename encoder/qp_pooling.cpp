#include "encoder/qp_pooling.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace smartcodec {

namespace {

std::size_t at(int columns, int row, int column) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column);
}

}  // namespace

std::string whyUnfit(const QpMap* map, Size picture) {
    if (map == nullptr || map->empty())
        return {};
    const int columns = (picture.width + QpMap::kBlock - 1) / QpMap::kBlock;
    const int rows = (picture.height + QpMap::kBlock - 1) / QpMap::kBlock;
    if (map->columns == columns && map->rows == rows && map->delta.size() == at(columns, rows, 0))
        return {};
    return "the QP map has " + std::to_string(map->columns) + "x" + std::to_string(map->rows) + " blocks and " +
           std::to_string(map->delta.size()) + " deltas, the picture is one of " + std::to_string(columns) + "x" +
           std::to_string(rows) + " blocks";
}

void poolQpMap(const QpMap& map, int factor, int low, int high, QpMap& pooled) {
    assert(factor >= 1 && low <= high);
    pooled.columns = (map.columns + factor - 1) / factor;
    pooled.rows = (map.rows + factor - 1) / factor;
    pooled.delta.resize(static_cast<std::size_t>(pooled.columns) * static_cast<std::size_t>(pooled.rows));
    if (factor == 1) {
        std::ranges::transform(map.delta, pooled.delta.begin(), [low, high](std::int8_t delta) {
            return static_cast<std::int8_t>(std::clamp<int>(delta, low, high));
        });
        return;
    }
    for (int row = 0; row < pooled.rows; ++row) {
        std::int8_t* const out = pooled.delta.data() + at(pooled.columns, row, 0);
        const int top = row * factor;
        const int bottom = std::min(top + factor, map.rows);
        for (int column = 0; column < pooled.columns; ++column) {
            const int left = column * factor;
            const int right = std::min(left + factor, map.columns);
            int finest = high;
            for (int y = top; y < bottom; ++y) {
                const std::int8_t* const in = map.delta.data() + at(map.columns, y, 0);
                for (int x = left; x < right; ++x)
                    finest = std::min<int>(finest, in[x]);
            }
            out[column] = static_cast<std::int8_t>(std::max(finest, low));
        }
    }
}

QpRectangles::QpRectangles(Size picture, Limits limits) : picture_(picture), limits_(limits) {
    const int block = limits.block;
    assert(block >= QpMap::kBlock && block % QpMap::kBlock == 0);
    const int columns = (picture.width + block - 1) / block;
    const int rows = (picture.height + block - 1) / block;
    pooled_.delta.reserve(at(columns, rows, 0));
    heights_.resize(at(columns, rows, 0));
    bestOfRow_.resize(static_cast<std::size_t>(rows));
    bars_.reserve(static_cast<std::size_t>(columns));
    regions_.reserve(limits.count);
}

// The largest rectangle under a histogram, row by row: the deltas do not mix, so one search serves them all. Taking a
// rectangle only takes away: what a row found stands unless it overlaps, and is an upper bound if it does, so that few
// rows are searched again.
std::span<const QpRegion> QpRectangles::build(const QpMap& map) {
    regions_.clear();
    if (map.empty())
        return regions_;
    poolQpMap(map, limits_.block / QpMap::kBlock, limits_.low, limits_.high, pooled_);
    assert(heights_.size() == pooled_.delta.size() && bestOfRow_.size() == static_cast<std::size_t>(pooled_.rows));
    for (int row = 0; row < pooled_.rows; ++row) {
        static_cast<void>(measureRow(row, 0, pooled_.columns));
        findInRow(row);
    }
    while (regions_.size() < limits_.count) {
        const auto best = std::ranges::max_element(bestOfRow_, [](const Candidate& left, const Candidate& right) {
            return left.score != right.score ? left.score < right.score : left.delta > right.delta;
        });
        if (best->score == 0)
            break;
        if (best->stale) {
            findInRow(static_cast<int>(best - bestOfRow_.begin()));
            continue;
        }
        const Candidate chosen = *best;
        regions_.push_back(region(chosen));
        take(chosen);
    }
    std::ranges::stable_sort(regions_, {}, &QpRegion::delta);
    return regions_;
}

/// Whether that changed any height from column `left` on to before `right`.
bool QpRectangles::measureRow(int row, int left, int right) {
    const std::int8_t* const deltas = pooled_.delta.data() + at(pooled_.columns, row, 0);
    std::uint16_t* const heights = heights_.data() + at(pooled_.columns, row, 0);
    const std::int8_t* const deltasAbove = row > 0 ? deltas - pooled_.columns : nullptr;
    const std::uint16_t* const heightsAbove = row > 0 ? heights - pooled_.columns : nullptr;
    int changed = 0;
    for (int column = left; column < right; ++column) {
        int height = deltas[column] != 0 ? 1 : 0;
        if (deltasAbove != nullptr && height != 0 && deltasAbove[column] == deltas[column])
            height += heightsAbove[column];
        changed |= heights[column] ^ height;
        heights[column] = static_cast<std::uint16_t>(height);
    }
    return changed != 0;
}

void QpRectangles::findInRow(int row) {
    const std::int8_t* const deltas = pooled_.delta.data() + at(pooled_.columns, row, 0);
    const std::uint16_t* const heights = heights_.data() + at(pooled_.columns, row, 0);
    Candidate best;
    int delta = 0;
    int highest = 0;  // of the bars that are open
    for (int column = 0; column < pooled_.columns; ++column) {
        const int height = heights[column];
        if (deltas[column] == delta && height == highest)
            continue;
        if (deltas[column] != delta)
            closeBars(0, column, row, delta, best);
        else if (height < highest)
            closeBars(height, column, row, delta, best);
        delta = deltas[column];
        highest = height;
        if (height > 0 && (bars_.empty() || bars_.back().height < height))
            bars_.push_back({column, height});
    }
    closeBars(0, pooled_.columns, row, delta, best);
    bestOfRow_[static_cast<std::size_t>(row)] = best;
}

/// Bars higher than `height` end before column `end`; the lowest of them goes on at that height.
void QpRectangles::closeBars(int height, int end, int row, int delta, Candidate& best) {
    int start = end;
    while (!bars_.empty() && bars_.back().height > height) {
        const Bar bar = bars_.back();
        bars_.pop_back();
        start = bar.column;
        const int score = std::abs(delta) * bar.height * (end - bar.column);
        if (score > best.score || (score == best.score && delta < best.delta))
            best = {.score = score,
                    .delta = delta,
                    .column = bar.column,
                    .row = row - bar.height + 1,
                    .width = end - bar.column,
                    .height = bar.height};
    }
    if (height > 0 && (bars_.empty() || bars_.back().height < height))
        bars_.push_back({start, height});
}

void QpRectangles::take(const Candidate& taken) {
    const int right = taken.column + taken.width;
    const int bottom = taken.row + taken.height;
    for (int row = taken.row; row < bottom; ++row)
        std::fill_n(pooled_.delta.data() + at(pooled_.columns, row, taken.column), taken.width, std::int8_t{0});
    bool changed = true;
    for (int row = taken.row; row < pooled_.rows; ++row) {
        changed = changed && (measureRow(row, taken.column, right) || row < bottom);
        Candidate& best = bestOfRow_[static_cast<std::size_t>(row)];
        const bool overlaps = best.row < bottom && best.column < right && taken.column < best.column + best.width;
        best.stale = best.stale || (best.score > 0 && overlaps);
    }
}

QpRegion QpRectangles::region(const Candidate& candidate) const {
    const int block = limits_.block;
    return {.left = candidate.column * block,
            .top = candidate.row * block,
            .right = std::min((candidate.column + candidate.width) * block, picture_.width),
            .bottom = std::min((candidate.row + candidate.height) * block, picture_.height),
            .delta = candidate.delta};
}

}  // namespace smartcodec
