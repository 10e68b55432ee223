#include "analysis/change.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "analysis/vector_clones.h"

namespace smartcodec {
namespace {

// A picture of 1080p has 130,000 windows and as many cells. Of normally distributed noise 2e-9 lies beyond 6
// deviations: one false window in 3,800 pictures.
constexpr double kDeviations = 6.0;
constexpr int kSquare = 4;                   // cells
constexpr double kTwoPictures = 1.41421356;  // a difference of two pictures has twice the variance of one

// Lighting is known to about this part of the change it makes (gamma, and gains interpolated between tiles), and a gain
// acts from black, which in video range is 16 and not 0: which of them it is is not known here.
constexpr int kLightingTolerance = 8;
constexpr int kVideoBlack = 16 * CellGrid::kSamples;
constexpr int kSameLight = 4096;

int lightTolerance(int reference, int gain) {
    return (reference / kLightingTolerance + kVideoBlack) * std::abs(gain - kSameLight) / kSameLight;
}

std::uint16_t limit(double value) {
    return static_cast<std::uint16_t>(std::min(value, 32000.0));
}

SMARTCODEC_VECTOR_CLONES
void testCells(const std::int16_t* __restrict difference, const std::int16_t* __restrict cellLimit, int columns,
               std::uint8_t* __restrict hit) {
    for (int c = 0; c < columns; ++c) {
        const int d = difference[c];
        hit[c] = static_cast<std::uint8_t>(hit[c] | (std::abs(d) > cellLimit[c] ? 1 : 0));
    }
}

// |sum| of 2x2 differences against the limit, for the window at each cell; returns the largest ratio of the two.
SMARTCODEC_VECTOR_CLONES
float testWindows(const std::int16_t* __restrict upper, const std::int16_t* __restrict lower,
                  const std::int16_t* __restrict windowLimit, int windows, std::uint8_t* __restrict hit) {
    float largest = 0;
    for (int c = 0; c < windows; ++c) {
        const int sum = std::abs(upper[c] + upper[c + 1] + lower[c] + lower[c + 1]);
        hit[c] = static_cast<std::uint8_t>(sum > windowLimit[c] ? 1 : 0);
        const float ratio = static_cast<float>(sum) / static_cast<float>(windowLimit[c]);
        largest = ratio > largest ? ratio : largest;
    }
    return largest;
}

// A window's four cells have changed with it.
SMARTCODEC_VECTOR_CLONES
void markWindows(const std::uint8_t* __restrict hit, int windows, std::uint8_t* __restrict upper,
                 std::uint8_t* __restrict lower) {
    for (int c = 0; c < windows; ++c) {
        upper[c] = static_cast<std::uint8_t>(upper[c] | hit[c]);
        lower[c] = static_cast<std::uint8_t>(lower[c] | hit[c]);
    }
    for (int c = 0; c < windows; ++c) {
        upper[c + 1] = static_cast<std::uint8_t>(upper[c + 1] | hit[c]);
        lower[c + 1] = static_cast<std::uint8_t>(lower[c + 1] | hit[c]);
    }
}

}  // namespace

void ChangeDetector::setThresholds(const Noise& noise) {
    byBrightness_.resize(Noise::kBins);
    for (std::size_t b = 0; b < byBrightness_.size(); ++b) {
        byBrightness_[b].cell = limit(kDeviations * kTwoPictures * noise.cell[b] * CellGrid::kSamples);
        byBrightness_[b].window =
            std::max<std::uint16_t>(1, limit(kDeviations * kTwoPictures * noise.window[b] * 4 * CellGrid::kSamples));
    }
}

void ChangeDetector::differences(const Comparison& comparison, int row) {
    const CellGrid& now = comparison.now;
    const auto slot = static_cast<std::size_t>(row & 1);
    const std::uint16_t* a = now.row(row);
    const std::uint16_t* b = comparison.reference.row(row);
    std::int16_t* difference = difference_[slot].data();
    std::int16_t* cellLimit = cellLimit_[slot].data();
    std::int16_t* windowLimit = windowLimit_[slot].data();
    for (int c = 0; c < now.columns; ++c) {
        difference[c] = static_cast<std::int16_t>(a[c] - b[c]);
        const Thresholds& t = byBrightness_[static_cast<std::size_t>(Noise::bin(b[c] / CellGrid::kSamples))];
        cellLimit[c] = static_cast<std::int16_t>(t.cell);
        windowLimit[c] = static_cast<std::int16_t>(t.window);
    }
    if (comparison.light == Light::Same)
        return;
    findGains(comparison, row);
    for (int c = 0; c < now.columns; ++c) {
        const int gain = gains_[static_cast<std::size_t>(c)];
        const int expected = std::min(b[c] * gain / kSameLight, 4080);
        const int tolerance = lightTolerance(b[c], gain);
        const Thresholds& t =
            byBrightness_[static_cast<std::size_t>(Noise::bin(std::max(expected, int{b[c]}) / CellGrid::kSamples))];
        difference[c] = static_cast<std::int16_t>(a[c] - expected);
        cellLimit[c] = static_cast<std::int16_t>(std::min(t.cell + tolerance, 32000));
        windowLimit[c] = static_cast<std::int16_t>(std::min(t.window + 4 * tolerance, 32000));
    }
}

void ChangeDetector::findGains(const Comparison& comparison, int row) {
    if (comparison.light == Light::Tiles)
        interpolateGains(comparison.lighting, row, comparison.now.columns, gains_.data());
    else if (row == 0)
        std::fill(gains_.begin(), gains_.end(),
                  static_cast<std::uint16_t>(comparison.lighting.medianGain * kSameLight + 0.5));
}

void ChangeDetector::addToSquares(const Comparison& comparison, int row) {
    const std::int16_t* difference = difference_[static_cast<std::size_t>(row & 1)].data();
    const std::uint16_t* before = comparison.reference.row(row);
    const auto from = static_cast<std::size_t>(row / kSquare) * static_cast<std::size_t>(squareColumns_);
    for (int square = 0; square < squareColumns_; ++square) {
        const std::int16_t* d = difference + square * kSquare;
        const std::uint16_t* b = before + square * kSquare;
        const std::size_t at = from + static_cast<std::size_t>(square);
        squareDifference_[at] += d[0] + d[1] + d[2] + d[3];
        squareReference_[at] += b[0] + b[1] + b[2] + b[3];
    }
    if (comparison.light != Light::Same)
        for (int square = 0; square < squareColumns_; ++square)
            for (int c = square * kSquare; c < (square + 1) * kSquare; ++c)
                squareTolerance_[from + static_cast<std::size_t>(square)] +=
                    lightTolerance(before[c], gains_[static_cast<std::size_t>(c)]);
}

void ChangeDetector::testSquares(const Noise& noise, ChangeMap& map) {
    const int rows = map.rows / kSquare, columns = map.columns / kSquare;
    const auto at = [&](int x, int y) {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(squareColumns_) + static_cast<std::size_t>(x);
    };
    for (int size = 1; size <= 2; ++size) {
        const int samples = size * size * kSquare * kSquare * CellGrid::kSamples;
        for (int y = 0; y + size <= rows; ++y)
            for (int x = 0; x + size <= columns; ++x) {
                std::int64_t sum = 0, reference = 0, tolerance = 0;
                for (int dy = 0; dy < size; ++dy)
                    for (int dx = 0; dx < size; ++dx) {
                        sum += squareDifference_[at(x + dx, y + dy)];
                        reference += squareReference_[at(x + dx, y + dy)];
                        tolerance += squareTolerance_[at(x + dx, y + dy)];
                    }
                const auto bin = static_cast<std::size_t>(Noise::bin(static_cast<int>(reference / samples)));
                const double change = static_cast<double>(std::abs(sum) - tolerance) / samples;
                const double deviation = kTwoPictures * noise.window[bin] / (2 * size);
                if (change <= std::max(kDeviations * deviation, visibleChange(noise.sample[bin])))
                    continue;
                map.peakContrast = std::max(map.peakContrast, change / deviation);
                for (int cy = y * kSquare; cy < (y + size) * kSquare; ++cy)
                    std::fill_n(map.cell.begin() + static_cast<std::ptrdiff_t>(cy) * map.columns + x * kSquare,
                                size * kSquare, std::uint8_t{1});
            }
    }
}

void ChangeDetector::compare(const Comparison& comparison, ChangeMap& map) {
    const CellGrid& now = comparison.now;
    const auto columns = static_cast<std::size_t>(now.columns);
    map.columns = now.columns;
    map.rows = now.rows;
    map.cell.assign(columns * static_cast<std::size_t>(now.rows), 0);
    map.peakContrast = 0;
    for (auto* buffers : {difference_, cellLimit_, windowLimit_})
        for (int slot = 0; slot < 2; ++slot)
            buffers[slot].resize(columns);
    gains_.resize(columns);
    hit_.resize(columns);
    setThresholds(comparison.noise);

    squareColumns_ = now.columns / kSquare;
    const auto squares = static_cast<std::size_t>(squareColumns_) * static_cast<std::size_t>(now.rows / kSquare);
    squareDifference_.assign(squares, 0);
    squareReference_.assign(squares, 0);
    squareTolerance_.assign(squares, 0);

    differences(comparison, 0);
    for (int y = 0; y < now.rows; ++y) {
        const auto upper = static_cast<std::size_t>(y & 1), lower = upper ^ 1;
        std::uint8_t* row = map.cell.data() + static_cast<std::size_t>(y) * columns;
        if (y < now.rows / kSquare * kSquare)
            addToSquares(comparison, y);
        testCells(difference_[upper].data(), cellLimit_[upper].data(), now.columns, row);
        if (y + 1 == now.rows)
            break;
        differences(comparison, y + 1);
        const float ratio = testWindows(difference_[upper].data(), difference_[lower].data(),
                                        windowLimit_[upper].data(), now.columns - 1, hit_.data());
        map.peakContrast = std::max(map.peakContrast, kDeviations * ratio);
        if (ratio > 1)
            markWindows(hit_.data(), now.columns - 1, row, row + columns);
    }
    testSquares(comparison.noise, map);
    map.count = static_cast<std::size_t>(std::count(map.cell.begin(), map.cell.end(), std::uint8_t{1}));
}

}  // namespace smartcodec
