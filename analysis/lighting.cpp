#include "analysis/lighting.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/vector_clones.h"

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

// Middle of nine by 19 exchanges (J. L. Smith, "Implementing median filters in XC4000E FPGAs", Xcell 23, 1996; the
// network of W. H. Press et al., in the order of A. W. Paeth's "Median finding on a 3x3 grid", Graphics Gems, 1990).
inline float middleOfNine(std::array<float, 9> p) {
    const auto sort = [&p](std::size_t a, std::size_t b) {
        const float low = std::min(p[a], p[b]);
        p[b] = std::max(p[a], p[b]);
        p[a] = low;
    };
    sort(1, 2), sort(4, 5), sort(7, 8), sort(0, 1), sort(3, 4), sort(6, 7), sort(1, 2), sort(4, 5), sort(7, 8);
    sort(0, 3), sort(5, 8), sort(4, 7), sort(3, 6), sort(1, 4), sort(2, 5), sort(4, 7), sort(4, 2), sort(6, 4);
    sort(4, 2);
    return p[4];
}

SMARTCODEC_VECTOR_CLONES
void smoothRow(const float* __restrict above, const float* __restrict here, const float* __restrict below, int columns,
               float* __restrict out) {
    for (int x = 1; x + 1 < columns; ++x)
        out[x] = middleOfNine({above[x - 1], above[x], above[x + 1], here[x - 1], here[x], here[x + 1], below[x - 1],
                               below[x], below[x + 1]});
}

// Of the up to nine tiles around one at the edge.
float middleAround(const std::vector<float>& raw, int columns, int rows, int x, int y) {
    std::array<float, 9> around{};
    std::size_t count = 0;
    for (int ny = std::max(0, y - 1); ny <= std::min(rows - 1, y + 1); ++ny)
        for (int nx = std::max(0, x - 1); nx <= std::min(columns - 1, x + 1); ++nx)
            around[count++] = raw[static_cast<std::size_t>(ny * columns + nx)];
    auto middle = around.begin() + static_cast<std::ptrdiff_t>(count / 2);
    std::nth_element(around.begin(), middle, around.begin() + static_cast<std::ptrdiff_t>(count));
    return *middle;
}

// Median over 3x3 tiles: one tile that an object has changed does not count as lighting.
void smooth(std::vector<float>& gain, std::vector<float>& raw, int columns, int rows) {
    raw = gain;
    for (int y = 0; y < rows; ++y) {
        const bool inside = y > 0 && y + 1 < rows;
        const float* here = raw.data() + static_cast<std::ptrdiff_t>(y) * columns;
        float* out = gain.data() + static_cast<std::ptrdiff_t>(y) * columns;
        if (inside)
            smoothRow(here - columns, here, here + columns, columns, out);
        for (int x = 0; x < columns; x += inside && x == 0 && columns > 1 ? columns - 1 : 1)
            out[x] = middleAround(raw, columns, rows, x, y);
    }
}

}  // namespace

double visibleChange(double sampleDeviation) {
    return std::max(kGreyLevel, kVisibleInNoise * sampleDeviation);
}

void measureLighting(const CellGrid& now, const CellGrid& reference, const Noise& noise, LightingField& field) {
    constexpr int kTile = LightingField::kTile;
    field.columns = now.tileColumns;
    field.rows = now.tileRows;
    const auto tiles = static_cast<std::size_t>(field.columns * field.rows);
    field.gain.resize(tiles);
    field.changed.resize(tiles);
    field.peakContrast = 0;

    std::size_t changed = 0;
    field.meanLuma = 0;
    for (int ty = 0; ty < field.rows; ++ty)
        for (int tx = 0; tx < field.columns; ++tx) {
            const auto tile = static_cast<std::size_t>(ty * field.columns + tx);
            const int samples =
                std::min(now.columns - tx * kTile, kTile) * std::min(now.rows - ty * kTile, kTile) * CellGrid::kSamples;
            const double mean = static_cast<double>(now.tileSum[tile]) / samples;
            const double before = static_cast<double>(reference.tileSum[tile]) / samples;
            const double sigma = noise.sample[static_cast<std::size_t>(Noise::bin(static_cast<int>(before)))];
            const double change = std::abs(mean - before);
            field.meanLuma += mean / static_cast<double>(tiles);
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
