#include "analysis/noise.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <span>

#include "analysis/change.h"
#include "analysis/vector_clones.h"

namespace smartcodec {
namespace {

// Of |x|, x normal with unit deviation: the quantile that is looked at, and its value.
constexpr double kQuantile = 0.25;
constexpr double kQuantileOfUnitNormal = 0.31864;

// Rounding a sample to a whole grey level adds a uniform error: variance 1/12. No picture has less noise than that, and
// means of 16 and 64 samples keep a sixteenth and a sixty-fourth of it.
const float kRoundingDeviation = std::sqrt(1.0F / 12.0F);

constexpr int kSampleClasses = 256;  // |difference| of samples, 1 grey level each
constexpr int kCellClasses = 512;    // |difference| of cell sums, 1/16 grey level of the mean
constexpr int kWindowClasses = 512;  // |difference| of window sums >> 2, 1/16 grey level of the mean
constexpr int kSampledRows = 34;     // rows of a picture in which single samples are compared: 65,000 of them at 1080p
constexpr std::uint32_t kEnough = 200;      // differences at one brightness: their quantile is then good to about 10 %
constexpr std::uint32_t kEnoughAtAll = 60;  // of a small picture, all brightnesses together

// Where a camera's processing leaves three samples alike, neighbours differ by 0.58 of what white noise of that
// deviation would make them: the noise is at most twice what their difference says, with some room.
constexpr float kMostOfTexture = 2.0F;

constexpr float kMeanOfUnitNormal = 0.79788F;  // of |x|
constexpr std::size_t kQuietTiles = 8;         // one in so many is quieter
constexpr float kCertainlyQuieter = 0.6F;      // a tile of grain scatters by a fifth, and its brightness is a mixture

// Shot noise grows with the root of brightness: 3.8 times from black to white at most, and read noise evens it out.
constexpr float kMostSpread = 3.0F;
constexpr std::uint64_t kEnoughShare = 50;               // one sample in so many is enough to know a brightness by
constexpr int kFirstUnclipped = 2, kLastUnclipped = 13;  // brightness 32 to 223: clear of video range's black and white

// A difference of two pictures has twice the variance of one.
constexpr double kOfOnePicture = 0.70710678;

// The deviation of one picture from a histogram of |differences|, 0 when there are too few; a class k holds what
// rounded to k, that is [k - 1/2, k + 1/2], and class 0 [0, 1/2].
double deviation(std::span<const std::uint32_t> histogram, std::uint32_t enough) {
    std::uint64_t total = 0;
    for (const std::uint32_t count : histogram)
        total += count;
    if (total < enough)
        return 0;
    const double wanted = kQuantile * static_cast<double>(total);
    double below = 0;
    for (std::size_t k = 0; k < histogram.size(); ++k) {
        const double here = histogram[k];
        if (below + here >= wanted) {
            const double lower = k == 0 ? 0.0 : static_cast<double>(k) - 0.5;
            const double width = k == 0 ? 0.5 : 1.0;
            return (lower + width * (wanted - below) / here) / kQuantileOfUnitNormal * kOfOnePicture;
        }
        below += here;
    }
    return 0;
}

// Adds |differences| of a row of cells to the tiles that it goes through.
SMARTCODEC_VECTOR_CLONES
void addDifferences(const std::uint16_t* __restrict now, const std::uint16_t* __restrict before, int tiles,
                    std::uint32_t* __restrict sums) {
    constexpr int kTile = CellGrid::kTile;
    for (int t = 0; t < tiles; ++t) {
        std::uint32_t sum = 0;
        for (int c = 0; c < kTile; ++c)
            sum += static_cast<std::uint32_t>(std::abs(now[t * kTile + c] - before[t * kTile + c]));
        sums[t] += sum;
    }
}

}  // namespace

NoiseEstimator::NoiseEstimator()
    : sampleHistogram_(Noise::kBins * kSampleClasses),
      cellHistogram_(Noise::kBins * kCellClasses),
      windowHistogram_(Noise::kBins * kWindowClasses) {
    noise_.sample.fill(kRoundingDeviation);
    noise_.cell.fill(kRoundingDeviation / 4);
    noise_.window.fill(kRoundingDeviation / 8);
}

void NoiseEstimator::amplify(float gain) {
    for (Noise::Curve* curve : {&noise_.sample, &noise_.cell, &noise_.window})
        for (float& deviation : *curve)
            deviation *= gain;
}

void NoiseEstimator::restart() {
    pictures_ = 0;
    comparable_ = false;
}

void NoiseEstimator::update(const LumaView& picture, const CellGrid& cells, const ChangeMap* change, Trend trend) {
    mayRise_ = trend == Trend::Any;
    rowStep_ = std::max(1, picture.height / kSampledRows);
    const bool sameSize = previousCells_.columns == cells.columns && previousCells_.rows == cells.rows;
    // A source that shows a picture twice says nothing about its noise.
    if (comparable_ && sameSize && previousCells_.sum != cells.sum) {
        collectSamples(picture, change);
        collectCells(cells, change);
        Noise::Curve sample = measure(sampleHistogram_, kSampleClasses, 1.0F);
        Noise::Curve cell = measure(cellHistogram_, kCellClasses, 1.0F / 16);
        Noise::Curve window = measure(windowHistogram_, kWindowClasses, 1.0F / 16);
        limitToTexture(picture, sample, cell, window);
        const float scale = quietness(cells, cell);
        blend(sample, scale, kRoundingDeviation, noise_.sample);
        blend(cell, scale, kRoundingDeviation / 4, noise_.cell);
        blend(window, scale, kRoundingDeviation / 8, noise_.window);
        ++pictures_;
    }
    keep(picture, cells);
}

void NoiseEstimator::collectSamples(const LumaView& picture, const ChangeMap* change) {
    std::fill(sampleHistogram_.begin(), sampleHistogram_.end(), 0U);
    const std::uint8_t* previous = previousRows_.data();
    for (int y = rowStep_ / 2; y < picture.height; y += rowStep_, previous += picture.width) {
        const std::uint8_t* now = picture.row(y);
        const std::uint8_t* changed = change ? change->row(y / CellGrid::kCell) : nullptr;
        for (int x = 0; x < picture.width; ++x) {
            if (changed && changed[x / CellGrid::kCell])
                continue;
            const int bin = Noise::bin((now[x] + previous[x]) / 2);
            ++sampleHistogram_[static_cast<std::size_t>(bin * kSampleClasses + std::abs(now[x] - previous[x]))];
        }
    }
}

void NoiseEstimator::collectCells(const CellGrid& cells, const ChangeMap* change) {
    std::fill(cellHistogram_.begin(), cellHistogram_.end(), 0U);
    std::fill(windowHistogram_.begin(), windowHistogram_.end(), 0U);
    // Windows that do not overlap; of a large picture every second row of them is enough.
    const int rowStep = cells.rows > 160 ? 4 : 2;
    for (int y = 0; y + 1 < cells.rows; y += rowStep) {
        const std::uint16_t* now[2] = {cells.row(y), cells.row(y + 1)};
        const std::uint16_t* before[2] = {previousCells_.row(y), previousCells_.row(y + 1)};
        const std::uint8_t* changed = change ? change->row(y) : nullptr;
        for (int x = 0; x + 1 < cells.columns; x += 2) {
            if (changed && changed[x])
                continue;
            const int first = now[0][x] - before[0][x];
            const int window =
                first + now[0][x + 1] - before[0][x + 1] + now[1][x] - before[1][x] + now[1][x + 1] - before[1][x + 1];
            const int bin = Noise::bin(now[0][x] / CellGrid::kSamples);
            ++cellHistogram_[static_cast<std::size_t>(bin * kCellClasses +
                                                      std::min(std::abs(first), kCellClasses - 1))];
            ++windowHistogram_[static_cast<std::size_t>(bin * kWindowClasses +
                                                        std::min((std::abs(window) + 2) / 4, kWindowClasses - 1))];
        }
    }
}

// Where everything of one brightness moves (trees, all at once), its curve is of movement. Noise does not change that
// much with brightness: no more than kMostSpread from the quietest that has enough samples and is not clipped.
void NoiseEstimator::limitSpread(const std::vector<std::uint32_t>& histogram, int classes, Noise::Curve& measured) {
    const auto count = [&](int bin) {
        const auto from = histogram.begin() + bin * classes;
        return std::accumulate(from, from + classes, std::uint64_t{0});
    };
    std::uint64_t total = 0;
    for (int bin = 0; bin < Noise::kBins; ++bin)
        total += count(bin);
    float quietest = 0;
    for (int bin = kFirstUnclipped; bin <= kLastUnclipped; ++bin) {
        const float here = measured[static_cast<std::size_t>(bin)];
        if (here > 0 && count(bin) * kEnoughShare >= total && (quietest == 0 || here < quietest))
            quietest = here;
    }
    if (quietest > 0)
        for (float& deviation : measured)
            deviation = std::min(deviation, kMostSpread * quietest);
}

Noise::Curve NoiseEstimator::measure(const std::vector<std::uint32_t>& histogram, int classes, float unit) {
    Noise::Curve measured{};
    for (int bin = 0; bin < Noise::kBins; ++bin)
        measured[static_cast<std::size_t>(bin)] =
            static_cast<float>(deviation(std::span(histogram).subspan(static_cast<std::size_t>(bin * classes),
                                                                      static_cast<std::size_t>(classes)),
                                         kEnough)) *
            unit;
    if (std::all_of(measured.begin(), measured.end(), [](float found) { return found == 0; })) {
        // a small picture: all brightnesses together
        std::vector<std::uint32_t>& pooled = scratchHistogram_;
        pooled.assign(static_cast<std::size_t>(classes), 0);
        for (std::size_t i = 0; i < histogram.size(); ++i)
            pooled[i % pooled.size()] += histogram[i];
        measured.fill(static_cast<float>(deviation(pooled, kEnoughAtAll)) * unit);
        return measured;
    }
    limitSpread(histogram, classes, measured);
    // A brightness that hardly occurs takes the nearest one's that does.
    const Noise::Curve found = measured;
    for (std::size_t bin = 0; bin < measured.size(); ++bin)
        for (std::size_t away = 1; measured[bin] == 0 && away < measured.size(); ++away) {
            if (bin >= away)
                measured[bin] = found[bin - away];
            if (measured[bin] == 0 && bin + away < measured.size())
                measured[bin] = found[bin + away];
        }
    return measured;
}

// Noise is in every single picture too: neighbouring samples differ by it, and by texture. What two pictures differ by
// beyond that is no noise (a cut, a lamp, a pan).
void NoiseEstimator::limitToTexture(const LumaView& picture, Noise::Curve& sample, Noise::Curve& cell,
                                    Noise::Curve& window) {
    scratchHistogram_.assign(kSampleClasses, 0);
    for (int y = rowStep_ / 2; y < picture.height; y += rowStep_) {
        const std::uint8_t* row = picture.row(y);
        for (int x = 0; x + 1 < picture.width; x += 2)
            ++scratchHistogram_[static_cast<std::size_t>(std::abs(row[x + 1] - row[x]))];
    }
    const float most =
        kMostOfTexture * std::max(kRoundingDeviation, static_cast<float>(deviation(scratchHistogram_, kEnoughAtAll)));
    for (std::size_t bin = 0; bin < sample.size(); ++bin) {
        if (sample[bin] <= most)
            continue;
        cell[bin] *= most / sample[bin];
        window[bin] *= most / sample[bin];
        sample[bin] = most;
    }
}

// Where all of a picture moves (a panning camera) even its quietest quarter of samples is movement, but some places
// have nothing in them that could: sky, road, a wall. How much quieter the quietest tiles are than the curve says.
float NoiseEstimator::quietness(const CellGrid& cells, const Noise::Curve& cell) {
    constexpr int kTile = CellGrid::kTile;
    constexpr float kCells = kTile * kTile;
    const int columns = cells.columns / kTile;
    tileDifference_.resize(static_cast<std::size_t>(columns));
    tiles_.clear();
    for (int row = 0; row < cells.rows / kTile; ++row) {
        std::fill(tileDifference_.begin(), tileDifference_.end(), 0U);
        for (int y = row * kTile; y < (row + 1) * kTile; ++y)
            addDifferences(cells.row(y), previousCells_.row(y), columns, tileDifference_.data());
        for (int column = 0; column < columns; ++column) {
            const float mean =
                static_cast<float>(cells.tileSum[static_cast<std::size_t>(row * cells.tileColumns + column)]) / kCells;
            const auto bin = static_cast<std::size_t>(Noise::bin(static_cast<int>(mean) / CellGrid::kSamples));
            const float deviation = static_cast<float>(tileDifference_[static_cast<std::size_t>(column)]) / kCells /
                                    CellGrid::kSamples / kMeanOfUnitNormal * static_cast<float>(kOfOnePicture);
            if (cell[bin] > 0)
                tiles_.push_back(deviation / cell[bin]);
        }
    }
    if (tiles_.empty())
        return 1;
    const auto quiet = tiles_.begin() + static_cast<std::ptrdiff_t>(tiles_.size() / kQuietTiles);
    std::nth_element(tiles_.begin(), quiet, tiles_.end());
    return *quiet < kCertainlyQuieter ? *quiet : 1.0F;
}

void NoiseEstimator::blend(const Noise::Curve& measured, float scale, float floor, Noise::Curve& curve) const {
    for (std::size_t bin = 0; bin < curve.size(); ++bin) {
        if (measured[bin] == 0)
            continue;
        const float value = std::max(measured[bin] * scale, floor);
        const float rise = mayRise_ ? 1.0F / 16 : 0.0F;
        const float pace = pictures_ == 0 ? 1.0F : value < curve[bin] ? 0.25F : rise;
        curve[bin] += pace * (value - curve[bin]);
    }
}

void NoiseEstimator::skip(const LumaView& picture, const CellGrid& cells) {
    rowStep_ = std::max(1, picture.height / kSampledRows);
    keep(picture, cells);
}

void NoiseEstimator::keep(const LumaView& picture, const CellGrid& cells) {
    const int rows = (picture.height - rowStep_ / 2 + rowStep_ - 1) / rowStep_;
    previousRows_.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(picture.width));
    std::uint8_t* out = previousRows_.data();
    for (int y = rowStep_ / 2; y < picture.height; y += rowStep_, out += picture.width)
        std::memcpy(out, picture.row(y), static_cast<std::size_t>(picture.width));
    previousCells_ = cells;
    comparable_ = true;
}

}  // namespace smartcodec
