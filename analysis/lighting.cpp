#include "analysis/lighting.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace smartcodec {
namespace {

// A mean over many samples has hardly any noise of its own, so what limits what can be seen is the picture's own grain:
// a shift of half a sample's noise, and in a noiseless picture one whole grey level, the least that a picture of 8 bits
// can show.
constexpr double kVisibleInNoise = 0.5;
constexpr double kGreyLevel = 1.0;

// A change of the light of the whole picture this far beyond the noise of its measurement is believed.
constexpr double kGainDeviations = 5.0;

// Gains beyond this are no lighting that could be undone: the darker picture has lost what it held.
constexpr float kLargestGain = 15.0F;

double tileMean(const CellGrid& cells, int x0, int y0, int x1, int y1) {
    std::uint64_t sum = 0;
    for (int y = y0; y < y1; ++y) {
        const std::uint16_t* row = cells.row(y);
        std::uint32_t rowSum = 0;
        for (int x = x0; x < x1; ++x)
            rowSum += row[x];
        sum += rowSum;
    }
    return static_cast<double>(sum) / ((x1 - x0) * (y1 - y0) * CellGrid::kSamples);
}

// Median over 3x3 tiles: one tile that an object has changed does not count as lighting.
void smooth(std::vector<float>& gain, std::vector<float>& raw, int columns, int rows) {
    raw = gain;
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < columns; ++x) {
            std::array<float, 9> around{};
            std::size_t count = 0;
            for (int ny = std::max(0, y - 1); ny <= std::min(rows - 1, y + 1); ++ny)
                for (int nx = std::max(0, x - 1); nx <= std::min(columns - 1, x + 1); ++nx)
                    around[count++] = raw[static_cast<std::size_t>(ny * columns + nx)];
            auto middle = around.begin() + static_cast<std::ptrdiff_t>(count / 2);
            std::nth_element(around.begin(), middle, around.begin() + static_cast<std::ptrdiff_t>(count));
            gain[static_cast<std::size_t>(y * columns + x)] = *middle;
        }
}

}  // namespace

double visibleChange(double sampleDeviation) {
    return std::max(kGreyLevel, kVisibleInNoise * sampleDeviation);
}

void measureLighting(const CellGrid& now, const CellGrid& reference, const Noise& noise, LightingField& field) {
    constexpr int kTile = LightingField::kTile;
    field.columns = (now.columns + kTile - 1) / kTile;
    field.rows = (now.rows + kTile - 1) / kTile;
    const auto tiles = static_cast<std::size_t>(field.columns * field.rows);
    field.gain.resize(tiles);
    field.changed.resize(tiles);
    field.peakContrast = 0;

    std::size_t changed = 0;
    field.meanLuma = 0;
    for (int ty = 0; ty < field.rows; ++ty)
        for (int tx = 0; tx < field.columns; ++tx) {
            const int x1 = std::min(now.columns, (tx + 1) * kTile), y1 = std::min(now.rows, (ty + 1) * kTile);
            const double mean = tileMean(now, tx * kTile, ty * kTile, x1, y1);
            const double before = tileMean(reference, tx * kTile, ty * kTile, x1, y1);
            const double sigma = noise.sample[static_cast<std::size_t>(Noise::bin(static_cast<int>(before)))];
            const double change = std::abs(mean - before);
            field.meanLuma += mean / static_cast<double>(tiles);
            const auto tile = static_cast<std::size_t>(ty * field.columns + tx);
            field.gain[tile] =
                std::clamp(static_cast<float>((mean + 1) / (before + 1)), 1 / kLargestGain, kLargestGain);
            field.changed[tile] = change > visibleChange(sigma);
            changed += field.changed[tile] ? 1 : 0;
            field.peakContrast = std::max(field.peakContrast, change / sigma);
        }
    field.changedShare = static_cast<double>(changed) / static_cast<double>(tiles);
    smooth(field.gain, field.scratch, field.columns, field.rows);
    std::vector<float>& sorted = field.scratch;
    sorted = field.gain;
    auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(tiles / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    field.medianGain = *middle;
}

bool lightChanged(const LightingField& field, const Noise& noise) {
    if (field.gain.empty())
        return false;
    // a tile is 64 windows; the median of many normal values has 1.25 times the deviation of their mean
    const double deviation = 1.25 * std::sqrt(2.0) *
                             noise.window[static_cast<std::size_t>(Noise::bin(static_cast<int>(field.meanLuma)))] / 8 /
                             std::sqrt(static_cast<double>(field.gain.size()));
    return std::abs(field.medianGain - 1) * field.meanLuma > kGainDeviations * deviation;
}

void interpolateGains(const LightingField& field, int cellRow, int columns, std::uint16_t* gains) {
    constexpr float kTile = LightingField::kTile;
    const float y =
        std::clamp((static_cast<float>(cellRow) + 0.5F) / kTile - 0.5F, 0.0F, static_cast<float>(field.rows - 1));
    const int y0 = static_cast<int>(y), y1 = std::min(y0 + 1, field.rows - 1);
    const float fy = y - static_cast<float>(y0);
    const float* upper = field.gain.data() + static_cast<std::ptrdiff_t>(y0) * field.columns;
    const float* lower = field.gain.data() + static_cast<std::ptrdiff_t>(y1) * field.columns;
    for (int c = 0; c < columns; ++c) {
        const float x =
            std::clamp((static_cast<float>(c) + 0.5F) / kTile - 0.5F, 0.0F, static_cast<float>(field.columns - 1));
        const int x0 = static_cast<int>(x), x1 = std::min(x0 + 1, field.columns - 1);
        const float fx = x - static_cast<float>(x0);
        const float top = upper[x0] + fx * (upper[x1] - upper[x0]), bottom = lower[x0] + fx * (lower[x1] - lower[x0]);
        gains[c] = static_cast<std::uint16_t>((top + fy * (bottom - top)) * 4096.0F + 0.5F);
    }
}

}  // namespace smartcodec
