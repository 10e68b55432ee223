#include "analysis/change.h"

#include <algorithm>
#include <bit>
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

// Differences of cells, and the limits for them: of a cell in the lower half of `limits[brightness bin]`, of the window
// that begins there in the upper.
SMARTCODEC_VECTOR_CLONES
void subtractCells(const std::uint16_t* __restrict now, const std::uint16_t* __restrict reference,
                   const std::uint32_t* __restrict limits, int columns, std::int16_t* __restrict difference,
                   std::int16_t* __restrict cellLimit, std::int16_t* __restrict windowLimit) {
    constexpr int kShift = Noise::kBinShift + 4;  // Noise::bin of a mean over 16 samples
    static_assert(CellGrid::kSamples == 1 << 4);
    for (int c = 0; c < columns; ++c) {
        difference[c] = static_cast<std::int16_t>(now[c] - reference[c]);
        const std::uint32_t both = limits[reference[c] >> kShift];
        cellLimit[c] = static_cast<std::int16_t>(both & 0xffffU);
        windowLimit[c] = static_cast<std::int16_t>(both >> 16);
    }
}

// Marks what is beyond its limit; returns whether anything is.
SMARTCODEC_VECTOR_CLONES
bool testCells(const std::int16_t* __restrict difference, const std::int16_t* __restrict cellLimit, int columns,
               std::uint8_t* __restrict hit) {
    std::int16_t any = 0;
    for (int c = 0; c < columns; ++c) {
        const auto size = static_cast<std::int16_t>(difference[c] < 0 ? -difference[c] : difference[c]);
        const auto beyond = static_cast<std::int16_t>(size > cellLimit[c] ? 1 : 0);
        any = static_cast<std::int16_t>(any | beyond);
        hit[c] = static_cast<std::uint8_t>(hit[c] | beyond);
    }
    return any != 0;
}

// Factors in 1/65536, so that a product is the upper half of 32 bits.
constexpr double kWhole = 65535;

inline std::int32_t scaled(std::int16_t value, std::uint32_t factor) {
    return static_cast<std::int32_t>(static_cast<std::uint16_t>(value) * factor >> 16);
}

inline std::int16_t windowSize(const std::int16_t* upper, const std::int16_t* lower) {
    const auto sum = static_cast<std::int16_t>(upper[0] + upper[1] + lower[0] + lower[1]);  // at most 4 x 4080
    return static_cast<std::int16_t>(sum < 0 ? -sum : sum);
}

struct WindowTest {
    bool hit = false;      // one is beyond its limit
    bool further = false;  // one may be further beyond it than asked
};

// A ratio of sizes to limits as two factors of at most 1.
struct Ratio16 {
    explicit Ratio16(double ratio)
        : ofSize(static_cast<std::uint32_t>(kWhole / std::max(ratio, 1.0))),
          ofLimit(static_cast<std::uint32_t>(kWhole * std::min(ratio, 1.0))) {}
    std::uint32_t ofSize;
    std::uint32_t ofLimit;
};

// |sum| of 2x2 differences against the limit, for the window at each cell.
SMARTCODEC_VECTOR_CLONES
WindowTest testWindows(const std::int16_t* __restrict upper, const std::int16_t* __restrict lower,
                       const std::int16_t* __restrict windowLimit, int windows, const Ratio16& furthest,
                       std::uint8_t* __restrict hit) {
    const std::uint32_t ofSize = furthest.ofSize, ofLimit = furthest.ofLimit;
    std::int16_t any = 0, further = 0;
    for (int c = 0; c < windows; ++c) {
        const std::int16_t size = windowSize(upper + c, lower + c);
        const auto beyond = static_cast<std::int16_t>(size > windowLimit[c] ? 1 : 0);
        hit[c] = static_cast<std::uint8_t>(beyond);
        any = static_cast<std::int16_t>(any | beyond);
        // both products are rounded down: none that is further is missed
        const auto mayBe = static_cast<std::int16_t>(static_cast<std::int16_t>(scaled(size, ofSize)) >=
                                                             static_cast<std::int16_t>(scaled(windowLimit[c], ofLimit))
                                                         ? 1
                                                         : 0);
        further = static_cast<std::int16_t>(further | mayBe);
    }
    return {any != 0, further != 0};
}

// The largest ratio of a window's |sum| to its limit.
SMARTCODEC_VECTOR_CLONES
float furthestWindow(const std::int16_t* __restrict upper, const std::int16_t* __restrict lower,
                     const std::int16_t* __restrict windowLimit, int windows) {
    float largest = 0;
    for (int c = 0; c < windows; ++c) {
        const float ratio = static_cast<float>(windowSize(upper + c, lower + c)) / static_cast<float>(windowLimit[c]);
        largest = ratio > largest ? ratio : largest;
    }
    return largest;
}

// Sums over the rows of a square, cell by cell: of 4 rows at most 4 x 4080.
SMARTCODEC_VECTOR_CLONES
void addRow(const std::int16_t* __restrict difference, const std::uint16_t* __restrict reference, int columns,
            std::int16_t* __restrict differences, std::uint16_t* __restrict references) {
    for (int c = 0; c < columns; ++c) {
        differences[c] = static_cast<std::int16_t>(differences[c] + difference[c]);
        references[c] = static_cast<std::uint16_t>(references[c] + reference[c]);
    }
}

template <typename Sample>
inline void sumSquares(const Sample* __restrict columns, int squares, std::int32_t* __restrict sums) {
    for (int square = 0; square < squares; ++square) {
        std::int32_t sum = 0;
        for (int c = 0; c < kSquare; ++c)
            sum += columns[square * kSquare + c];
        sums[square] = sum;
    }
}

SMARTCODEC_VECTOR_CLONES
void sumSquareRow(const std::int16_t* differences, const std::uint16_t* references, int squares,
                  std::int32_t* differenceSums, std::int32_t* referenceSums) {
    sumSquares(differences, squares, differenceSums);
    sumSquares(references, squares, referenceSums);
}

// Sums over 2x2 squares at every square.
SMARTCODEC_VECTOR_CLONES
void pairSquares(const std::int32_t* __restrict upper, const std::int32_t* __restrict lower, int pairs,
                 std::int32_t* __restrict out) {
    for (int i = 0; i < pairs; ++i)
        out[i] = upper[i] + upper[i + 1] + lower[i] + lower[i + 1];
}

// Whether |difference| - tolerance is above the limit of its brightness anywhere; `shift` makes a bin of a reference.
SMARTCODEC_VECTOR_CLONES
bool anyBeyond(const std::int32_t* __restrict difference, const std::int32_t* __restrict reference,
               const std::int32_t* __restrict tolerance, const std::int32_t* __restrict limits, int shift, int count) {
    std::int32_t any = 0;
    for (int i = 0; i < count; ++i)
        any |= std::abs(difference[i]) - tolerance[i] > limits[reference[i] >> shift] ? 1 : 0;
    return any != 0;
}

SMARTCODEC_VECTOR_CLONES
std::size_t countMarked(const std::uint8_t* __restrict cell, std::size_t cells) {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < cells; ++i)
        count += cell[i];
    return count;
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
    for (std::size_t b = 0; b < byBrightness_.size(); ++b) {
        const std::uint16_t cell = limit(kDeviations * kTwoPictures * noise.cell[b] * CellGrid::kSamples);
        const std::uint16_t window =
            std::max<std::uint16_t>(1, limit(kDeviations * kTwoPictures * noise.window[b] * 4 * CellGrid::kSamples));
        byBrightness_[b] = cell | static_cast<std::uint32_t>(window) << 16;
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
    subtractCells(a, b, byBrightness_.data(), now.columns, difference, cellLimit, windowLimit);
    if (comparison.light == Light::Same)
        return;
    findGains(comparison, row);
    for (int c = 0; c < now.columns; ++c) {
        const int gain = gains_[static_cast<std::size_t>(c)];
        const int expected = std::min(b[c] * gain / kSameLight, 4080);
        const int tolerance = lightTolerance(b[c], gain);
        const std::uint32_t both =
            byBrightness_[static_cast<std::size_t>(Noise::bin(std::max(expected, int{b[c]}) / CellGrid::kSamples))];
        difference[c] = static_cast<std::int16_t>(a[c] - expected);
        cellLimit[c] = static_cast<std::int16_t>(std::min(static_cast<int>(both & 0xffffU) + tolerance, 32000));
        windowLimit[c] = static_cast<std::int16_t>(std::min(static_cast<int>(both >> 16) + 4 * tolerance, 32000));
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
    const std::uint16_t* before = comparison.reference.row(row);
    if (row % kSquare == 0) {
        std::fill(columnDifference_.begin(), columnDifference_.end(), std::int16_t{0});
        std::fill(columnReference_.begin(), columnReference_.end(), std::uint16_t{0});
    }
    addRow(difference_[static_cast<std::size_t>(row & 1)].data(), before, comparison.now.columns,
           columnDifference_.data(), columnReference_.data());
    const auto from = static_cast<std::size_t>(row / kSquare) * static_cast<std::size_t>(squareColumns_);
    if (row % kSquare == kSquare - 1)
        sumSquareRow(columnDifference_.data(), columnReference_.data(), squareColumns_, &squareDifference_[from],
                     &squareReference_[from]);
    if (comparison.light != Light::Same)
        for (int square = 0; square < squareColumns_; ++square)
            for (int c = square * kSquare; c < (square + 1) * kSquare; ++c)
                squareTolerance_[from + static_cast<std::size_t>(square)] +=
                    lightTolerance(before[c], gains_[static_cast<std::size_t>(c)]);
}

void ChangeDetector::testSquares(const Noise& noise, ChangeMap& map) {
    const auto columns = static_cast<std::size_t>(squareColumns_);
    const int rows = map.rows / kSquare;
    setSquareLimits(noise, 1);
    for (int y = 0; y < rows; ++y) {
        const std::size_t from = static_cast<std::size_t>(y) * columns;
        testSquareRow({.difference = &squareDifference_[from],
                       .reference = &squareReference_[from],
                       .tolerance = &squareTolerance_[from],
                       .count = squareColumns_,
                       .size = 1,
                       .y = y},
                      noise, map);
    }
    setSquareLimits(noise, 2);
    for (int y = 0; y + 1 < rows && squareColumns_ > 1; ++y) {
        const std::size_t from = static_cast<std::size_t>(y) * columns;
        const auto pair = [&](const std::vector<std::int32_t>& squares, std::vector<std::int32_t>& pairs) {
            pairs.resize(columns);
            pairSquares(&squares[from], &squares[from + columns], squareColumns_ - 1, pairs.data());
        };
        pair(squareDifference_, pairDifference_);
        pair(squareReference_, pairReference_);
        pair(squareTolerance_, pairTolerance_);
        testSquareRow({.difference = pairDifference_.data(),
                       .reference = pairReference_.data(),
                       .tolerance = pairTolerance_.data(),
                       .count = squareColumns_ - 1,
                       .size = 2,
                       .y = y},
                      noise, map);
    }
}

void ChangeDetector::setSquareLimits(const Noise& noise, int size) {
    const int samples = size * size * kSquare * kSquare * CellGrid::kSamples;
    for (std::size_t b = 0; b < squareLimits_.size(); ++b) {
        const double deviation = kTwoPictures * noise.window[b] / (2 * size);
        // of whole numbers, so rounding it down changes nothing
        squareLimits_[b] =
            static_cast<std::int32_t>(std::max(kDeviations * deviation, visibleChange(noise.sample[b])) * samples);
    }
}

void ChangeDetector::testSquareRow(const SquareRow& row, const Noise& noise, ChangeMap& map) {
    const int side = row.size * kSquare;  // cells
    const int samples = side * side * CellGrid::kSamples;
    const int shift = Noise::kBinShift + std::countr_zero(static_cast<unsigned>(samples));
    if (!anyBeyond(row.difference, row.reference, row.tolerance, squareLimits_.data(), shift, row.count))
        return;
    for (int x = 0; x < row.count; ++x) {
        const auto bin = static_cast<std::size_t>(row.reference[x] >> shift);
        const std::int32_t excess = std::abs(row.difference[x]) - row.tolerance[x];
        if (excess <= squareLimits_[bin])
            continue;
        const double deviation = kTwoPictures * noise.window[bin] / (2 * row.size);
        map.peakContrast = std::max(map.peakContrast, static_cast<double>(excess) / samples / deviation);
        for (int y = row.y * kSquare; y < row.y * kSquare + side; ++y)
            std::fill_n(map.cell.begin() + static_cast<std::ptrdiff_t>(y) * map.columns + x * kSquare, side,
                        std::uint8_t{1});
        anyMarked_ = true;
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
    columnDifference_.resize(columns);
    columnReference_.resize(columns);
    hit_.resize(columns);
    anyMarked_ = false;
    setThresholds(comparison.noise);

    squareColumns_ = now.columns / kSquare;
    const auto squares = static_cast<std::size_t>(squareColumns_) * static_cast<std::size_t>(now.rows / kSquare);
    squareDifference_.resize(squares);
    squareReference_.resize(squares);
    squareTolerance_.assign(squares, 0);

    differences(comparison, 0);
    for (int y = 0; y < now.rows; ++y) {
        const auto upper = static_cast<std::size_t>(y & 1);
        std::uint8_t* row = map.cell.data() + static_cast<std::size_t>(y) * columns;
        if (y < now.rows / kSquare * kSquare)
            addToSquares(comparison, y);
        if (testCells(difference_[upper].data(), cellLimit_[upper].data(), now.columns, row))
            anyMarked_ = true;
        if (y + 1 == now.rows)
            break;
        differences(comparison, y + 1);
        testWindowRow(upper, now.columns - 1, row, map);
    }
    testSquares(comparison.noise, map);
    map.count = anyMarked_ ? countMarked(map.cell.data(), map.cell.size()) : 0;
}

void ChangeDetector::testWindowRow(std::size_t upper, int windows, std::uint8_t* cells, ChangeMap& map) {
    const std::int16_t* above = difference_[upper].data();
    const std::int16_t* below = difference_[upper ^ 1].data();
    const std::int16_t* limits = windowLimit_[upper].data();
    // The ratio itself takes a division: only where it may be larger than any so far.
    const WindowTest test =
        testWindows(above, below, limits, windows, Ratio16(map.peakContrast / kDeviations), hit_.data());
    if (test.further)
        map.peakContrast = std::max(map.peakContrast, kDeviations * furthestWindow(above, below, limits, windows));
    if (test.hit) {
        markWindows(hit_.data(), windows, cells, cells + map.columns);
        anyMarked_ = true;
    }
}

}  // namespace smartcodec
