#include "analysis/camera_motion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace smartcodec {
namespace {

// Of the tiles that have enough texture to show a movement, at least this share must have changed before the camera is
// suspected, and of those at least this share must be explained by one shift.
constexpr double kSuspicious = 0.5;
constexpr double kExplained = 0.6;
// ... and be this share of the textured tiles of each quarter of the picture.
constexpr double kSpread = 0.3;
// A shift explains a tile if it leaves at most half of the difference's energy.
constexpr double kLeftOver = 0.5;
// Correlation of what is left of a tile's structure in a picture of another scene.
constexpr double kUnrelated = 0.3;
// A cut leaves hardly a textured tile as it was.
constexpr double kCutShare = 0.8;
constexpr int kTile = 8;          // cells: 32 pixels
constexpr double kTexture = 4.0;  // deviation of the cells of a textured tile, in multiples of a cell's noise
constexpr int kRefinements = 3;
constexpr int kTexturePeriod = 16;      // pictures: texture comes and goes slowly
constexpr int kLeastTiles = 12;         // fewer textured tiles say nothing about a picture
constexpr std::size_t kMostTiles = 64;  // more of them say nothing new

double at(const CellGrid& cells, double x, double y) {
    x = std::clamp(x, 0.0, cells.columns - 1.0);
    y = std::clamp(y, 0.0, cells.rows - 1.0);
    const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
    const int x1 = std::min(x0 + 1, cells.columns - 1), y1 = std::min(y0 + 1, cells.rows - 1);
    const double fx = x - x0, fy = y - y0;
    const double top = cells.row(y0)[x0] + fx * (cells.row(y0)[x1] - cells.row(y0)[x0]);
    const double bottom = cells.row(y1)[x0] + fx * (cells.row(y1)[x1] - cells.row(y1)[x0]);
    return top + fy * (bottom - top);
}

struct Moments {
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    void add(double x, double y) { n += 1, a += x, b += y, aa += x * x, bb += y * y, ab += x * y; }
    [[nodiscard]] double varianceA() const { return std::max(0.0, aa / n - a / n * a / n); }
    [[nodiscard]] double varianceB() const { return std::max(0.0, bb / n - b / n * b / n); }
    [[nodiscard]] double covariance() const { return ab / n - a / n * b / n; }
    // variance of a - b: mean brightness aside
    [[nodiscard]] double difference() const { return std::max(0.0, varianceA() + varianceB() - 2 * covariance()); }
    [[nodiscard]] double correlation() const {
        const double scale = std::sqrt(varianceA() * varianceB());
        return scale > 0 ? covariance() / scale : 0.0;
    }
};

// Tiles counted by the picture's quarters: a large object moves some of the picture, the camera all of it.
struct Spread {
    std::array<int, 4> quarter{};
    void add(int x, int y, const CellGrid& cells) {
        ++quarter[static_cast<std::size_t>((2 * y >= cells.rows ? 2 : 0) + (2 * x >= cells.columns ? 1 : 0))];
    }
    [[nodiscard]] int total() const { return quarter[0] + quarter[1] + quarter[2] + quarter[3]; }
    /// Whether this makes up a good part of every quarter that has anything, and `all` has something in more than one
    /// half.
    [[nodiscard]] bool everywhereIn(const Spread& all, double scale) const {
        int quarters = 0;
        for (std::size_t q = 0; q < quarter.size(); ++q) {
            if (all.quarter[q] < kLeastTiles / 4)
                continue;
            ++quarters;
            if (scale * quarter[q] < kSpread * all.quarter[q])
                return false;
        }
        return quarters >= 3;
    }
};

Moments tileMoments(const CellGrid& now, const CellGrid& before, int x0, int y0, double shiftX, double shiftY) {
    Moments moments;
    for (int y = y0; y < std::min(y0 + kTile, now.rows); ++y)
        for (int x = x0; x < std::min(x0 + kTile, now.columns); ++x)
            moments.add(now.row(y)[x],
                        shiftX == 0 && shiftY == 0 ? before.row(y)[x] : at(before, x - shiftX, y - shiftY));
    return moments;
}

// What changes along a profile, brightness aside.
void derive(std::vector<float>& profile) {
    for (std::size_t i = 0; i + 1 < profile.size(); ++i)
        profile[i] = profile[i + 1] - profile[i];
    profile.pop_back();
}

void profiles(const CellGrid& cells, std::vector<float>& across, std::vector<float>& down) {
    across.assign(static_cast<std::size_t>(cells.columns), 0.0F);
    down.assign(static_cast<std::size_t>(cells.rows), 0.0F);
    for (int y = 0; y < cells.rows; ++y) {
        const std::uint16_t* row = cells.row(y);
        int sum = 0;
        for (int x = 0; x < cells.columns; ++x) {
            across[static_cast<std::size_t>(x)] += row[x];
            sum += row[x];
        }
        down[static_cast<std::size_t>(y)] = static_cast<float>(sum);
    }
    derive(across);
    derive(down);
}

double bestShift(const std::vector<float>& now, const std::vector<float>& before) {
    const int length = static_cast<int>(now.size());
    const int reach = length / 4;
    double best = -1;
    int bestAt = 0;
    for (int shift = -reach; shift <= reach; ++shift) {
        double product = 0, energyNow = 0, energyBefore = 0;
        for (int i = std::max(0, shift); i < std::min(length, length + shift); ++i) {
            const double a = now[static_cast<std::size_t>(i)], b = before[static_cast<std::size_t>(i - shift)];
            product += a * b;
            energyNow += a * a;
            energyBefore += b * b;
        }
        const double correlation = product / std::sqrt(energyNow * energyBefore + 1e-9);
        if (correlation > best + 1e-6 || (correlation > best - 1e-6 && std::abs(shift) < std::abs(bestAt))) {
            best = correlation;
            bestAt = shift;
        }
    }
    return bestAt;
}

// Every n-th tile, so that at most kMostTiles remain, from all over the picture.
void thinOut(std::vector<CameraMotion::Tile>& tiles) {
    const std::size_t stride = (tiles.size() + kMostTiles - 1) / kMostTiles;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tiles.size(); i += std::max<std::size_t>(stride, 1))
        tiles[kept++] = tiles[i];
    tiles.resize(kept);
}

// Lucas and Kanade's step (1981) for one shift of all tiles.
void refine(const CellGrid& now, const CellGrid& before, const std::vector<CameraMotion::Tile>& tiles,
            GlobalChange& global) {
    for (int step = 0; step < kRefinements; ++step) {
        double xx = 0, xy = 0, yy = 0, xt = 0, yt = 0;
        for (const CameraMotion::Tile& tile : tiles)
            for (int y = std::max(1, tile.y); y < std::min(tile.y + kTile, now.rows - 1); y += 2)
                for (int x = std::max(1, tile.x); x < std::min(tile.x + kTile, now.columns - 1); x += 2) {
                    const double gx = (now.row(y)[x + 1] - now.row(y)[x - 1]) / 2.0;
                    const double gy = (now.row(y + 1)[x] - now.row(y - 1)[x]) / 2.0;
                    const double difference = at(before, x - global.shiftX, y - global.shiftY) - now.row(y)[x];
                    // what occlusion or brightness makes would outweigh what a shift of less than a cell can
                    if (std::abs(difference) > std::abs(gx) + std::abs(gy))
                        continue;
                    xx += gx * gx, xy += gx * gy, yy += gy * gy, xt += gx * difference, yt += gy * difference;
                }
        const double determinant = xx * yy - xy * xy;
        if (determinant <= 1e-6 * xx * yy || determinant <= 0)
            return;
        global.shiftX += std::clamp((yy * xt - xy * yt) / determinant, -1.0, 1.0);
        global.shiftY += std::clamp((xx * yt - xy * xt) / determinant, -1.0, 1.0);
    }
}

}  // namespace

void CameraMotion::findTexture(const CellGrid& cells, const Noise& noise) {
    textured_.clear();
    for (int y = 0; y + kTile <= cells.rows; y += kTile)
        for (int x = 0; x + kTile <= cells.columns; x += kTile) {
            const Moments moments = tileMoments(cells, cells, x, y, 0, 0);
            const auto bin =
                static_cast<std::size_t>(Noise::bin(static_cast<int>(moments.a / moments.n) / CellGrid::kSamples));
            if (std::sqrt(moments.varianceA()) > kTexture * noise.cell[bin] * CellGrid::kSamples)
                textured_.push_back({x, y});
        }
}

void CameraMotion::findSuspects(const ChangeMap& change) {
    suspects_.clear();
    for (const Tile& tile : textured_) {
        int changed = 0;
        for (int y = tile.y; y < tile.y + kTile; ++y)
            for (int x = tile.x; x < tile.x + kTile; ++x)
                changed += change.cell[static_cast<std::size_t>(y) * static_cast<std::size_t>(change.columns) +
                                       static_cast<std::size_t>(x)];
        if (changed >= kTile)  // an eighth of the tile
            suspects_.push_back(tile);
    }
}

GlobalChange CameraMotion::measure(const CellGrid& now, const CellGrid& before, const ChangeMap& change,
                                   const Noise& noise) {
    if (untilTexture_-- <= 0 || columns_ != now.columns || rows_ != now.rows) {
        findTexture(before, noise);
        untilTexture_ = kTexturePeriod;
        columns_ = now.columns;
        rows_ = now.rows;
    }
    findSuspects(change);
    GlobalChange global;
    const auto suspects = static_cast<double>(suspects_.size()), textured = static_cast<double>(textured_.size());
    if (textured_.size() < kLeastTiles || suspects < kSuspicious * textured)
        return global;

    profiles(now, nowAcross_, nowDown_);
    profiles(before, beforeAcross_, beforeDown_);
    global.shiftX = bestShift(nowAcross_, beforeAcross_);
    global.shiftY = bestShift(nowDown_, beforeDown_);
    thinOut(suspects_);
    refine(now, before, suspects_, global);

    double correlation = 0, shiftedCorrelation = 0;
    const auto looked = static_cast<double>(suspects_.size());
    Spread explained, all;
    for (const Tile& tile : suspects_) {
        const Moments still = tileMoments(now, before, tile.x, tile.y, 0, 0);
        const Moments shifted = tileMoments(now, before, tile.x, tile.y, global.shiftX, global.shiftY);
        if (shifted.difference() <= kLeftOver * still.difference())
            explained.add(tile.x, tile.y, now);
        correlation += still.correlation();
        shiftedCorrelation += shifted.correlation();
    }
    for (const Tile& tile : textured_)
        all.add(tile.x, tile.y, now);
    global.moved = explained.total() >= kExplained * looked && explained.everywhereIn(all, suspects / looked);
    global.cut = !global.moved && std::max(correlation, shiftedCorrelation) < kUnrelated * looked &&
                 suspects > kCutShare * textured;
    if (global.cut)
        untilTexture_ = 0;
    if (!global.moved)
        global.shiftX = global.shiftY = 0;
    return global;
}

}  // namespace smartcodec
