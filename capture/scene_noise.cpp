#include "capture/scene_noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "capture/scene_kernels.h"
#include "capture/scene_math.h"

namespace smartcodec {

namespace {

constexpr int kUnit = 32;                       // table value of one standard deviation; 127 is just under four of them
constexpr int kUnitBits = 5;                    // 2^5 = kUnit
constexpr std::size_t kLength = 1048573;        // samples, a prime
constexpr int kRun = 4096;                      // samples read from one place; the table's head is repeated at its end
constexpr int kMaxDeviation = 240;              // what noiseRow holds
constexpr double kRoundingVariance = 1.0 / 12;  // of rounding to whole numbers (Sheppard's correction)

// exp(-1 / 2048) and exp(-1 / 1024) times 2^32: neighbours of a normal density with deviation 32 have the quotients
// exp(-(2n + 1) / 2048).
constexpr std::uint64_t kFirstQuotient = 4292870656;
constexpr std::uint64_t kQuotientStep = 4290775039;

/// How often each of -127..127 occurs in the table: the normal density, in whole numbers, exactly symmetric.
std::array<std::size_t, 128> halfCounts() {
    std::array<std::uint64_t, 128> density{};
    std::uint64_t quotient = kFirstQuotient;
    density[0] = std::uint64_t{1} << 31;
    for (std::size_t n = 1; n < density.size(); ++n) {
        density[n] = density[n - 1] * quotient >> 32;
        quotient = quotient * kQuotientStep >> 32;
    }
    const std::uint64_t total = 2 * std::accumulate(density.begin(), density.end(), std::uint64_t{0}) - density[0];
    std::array<std::size_t, 128> counts{};
    std::size_t used = 0;
    for (std::size_t n = 1; n < counts.size(); ++n) {
        counts[n] = static_cast<std::size_t>((density[n] * kLength + total / 2) / total);
        used += 2 * counts[n];
    }
    counts[0] = kLength - used;
    return counts;
}

std::vector<std::int8_t> makeWhiteTable() {
    std::vector<std::int8_t> table;
    table.reserve(kLength + kRun);
    const auto counts = halfCounts();
    for (int n = -127; n <= 127; ++n)
        table.insert(table.end(), counts[static_cast<std::size_t>(std::abs(n))], static_cast<std::int8_t>(n));
    SceneRandom random(0x6e6f697365);
    for (std::size_t i = table.size() - 1; i > 0; --i)
        std::swap(table[i], table[static_cast<std::size_t>((random.bits() >> 32) * (i + 1) >> 32)]);
    table.insert(table.end(), table.begin(), table.begin() + kRun);
    return table;
}

const std::vector<std::int8_t>& whiteTable() {
    static const std::vector<std::int8_t> table = makeWhiteTable();
    return table;
}

/// The white table smoothed by 1-2-1. Its deviation is kUnit / sqrt(6), so that three rows added with weights 1-2-1
/// (grainRow) have kUnit again.
std::vector<std::int8_t> makeGrainTable() {
    const auto& white = whiteTable();
    std::vector<std::int8_t> table(kLength);
    for (std::size_t i = 0; i < kLength; ++i) {
        const int sum = white[i] + 2 * white[i + 1] + white[i + 2];
        table[i] = static_cast<std::int8_t>(roundToInt(sum / 6.0));
    }
    table.insert(table.end(), table.begin(), table.begin() + kRun);
    return table;
}

const std::vector<std::int8_t>& grainTable() {
    static const std::vector<std::int8_t> table = makeGrainTable();
    return table;
}

std::size_t place(std::uint64_t key) {
    return static_cast<std::size_t>((mixBits(key) >> 32) * kLength >> 32);
}

}  // namespace

/// Standard deviations in steps of 2^-bits grey levels, the finest that hold the largest one.
struct SceneNoise::Scale {
    int bits = 0;
    float slope = 0;   // of the variance in steps squared, per grey level
    float offset = 0;  // the same at value 0
    std::uint8_t fixed = 0;
    bool fromValue = true;  // luma: by each sample's value; chroma: `fixed`
};

SceneNoise::SceneNoise(const SceneNoiseLevel& level, std::uint64_t seed)
    : level_(level),
      seed_(seed),
      table_(level.grain == 1 ? whiteTable() : grainTable()),
      deviation_(kRun),
      grain_(kRun) {}

void SceneNoise::add(const Picture& picture, const Frame& frame) {
    const double slope = level_.shot * frame.factor * frame.factor;
    const double offset = level_.read * level_.read * frame.factor * frame.factor;
    const double largest = std::sqrt(slope * 255 + offset);
    Scale luma;
    luma.bits = 7;
    while (luma.bits > 0 && largest * (1 << luma.bits) > kMaxDeviation - 1)
        --luma.bits;
    const double steps = 1 << luma.bits;
    // Nothing may exceed kMaxDeviation, whatever was asked for.
    const double limit = std::min(1.0, (kMaxDeviation - 1) / std::max(largest * steps, 1.0));
    luma.slope = static_cast<float>(slope * steps * steps * limit * limit);
    luma.offset = static_cast<float>((offset - kRoundingVariance) * steps * steps * limit * limit);

    Scale chroma = luma;
    chroma.fromValue = false;
    const double variance = std::max(0.0, (slope * 128 + offset) / 4 - kRoundingVariance);
    chroma.fixed = static_cast<std::uint8_t>(roundToInt(std::sqrt(variance) * steps * limit));

    for (int plane = 0; plane < (frame.chroma ? 3 : 1); ++plane) {
        const Scale& scale = plane == 0 ? luma : chroma;
        const int width = plane == 0 ? picture.size.width : picture.size.width / 2;
        const int height = plane == 0 ? picture.size.height : picture.size.height / 2;
        const Plane& memory = picture.planes[static_cast<std::size_t>(plane)];
        auto* row = reinterpret_cast<std::uint8_t*>(memory.data);
        const std::uint64_t key = mixBits(seed_, frame.index, static_cast<std::uint64_t>(plane));
        for (int y = 0; y < height; ++y, row += memory.strideBytes)
            addRow(row, width, key + static_cast<std::uint64_t>(y) * 0x100000001, scale);
    }
}

void SceneNoise::addRow(std::uint8_t* row, int count, std::uint64_t key, const Scale& scale) {
    for (int x = 0; x < count; x += kRun, row += kRun) {
        const auto run = static_cast<std::size_t>(std::min(kRun, count - x));
        const std::uint64_t column = static_cast<std::uint64_t>(x / kRun) << 56;
        const std::int8_t* unit = table_.data() + place(key + column);
        if (level_.grain != 1) {
            // The rows above and below share two of their three table rows with this one.
            const std::int8_t* above = table_.data() + place(key + column - 0x100000001);
            const std::int8_t* below = table_.data() + place(key + column + 0x100000001);
            grainRow(grain_.data(), above, unit, below, run);
            unit = grain_.data();
        }
        if (scale.fromValue) {
            deviationRow(deviation_.data(), row, run, scale.slope, scale.offset);
            noiseRow(row, unit, deviation_.data(), run, kUnitBits + scale.bits);
        } else {
            noiseRow(row, unit, scale.fixed, run, kUnitBits + scale.bits);
        }
    }
}

}  // namespace smartcodec
