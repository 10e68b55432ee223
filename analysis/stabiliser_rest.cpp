#include "analysis/stabiliser_rest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace smartcodec::stabiliser {
namespace {

constexpr int kUnit = 1 << kDifferenceShift;  // of Difference, per grey level

// Deviations of noise. Of the four quarters of 32,400 blocks of 1080p, 4.5 lets one stand out in eight pictures by
// chance.
constexpr float kQuarterDeviations = 4.5F;
constexpr float kBlockDeviations = 4.5F;
constexpr float kEnergyDeviations = 5.0F;

// Slow changes: running means over about kRunning pictures of differences, and the part of one's variance they keep,
// a / (2 - a) with a = 1 / kRunning.
constexpr int kRunning = 4;
constexpr float kRunningVariance = 1.0F / 7;
constexpr float kSlowDeviations = 4.5F;

constexpr float kDriftDeviations = 3.0F;
constexpr float kQuantum = 1.0F;  // grey level: the least that a picture of 8 bits can show

}  // namespace

NoiseLimitsCurve noiseLimits(const Noise& noise) {
    NoiseLimitsCurve limits;
    for (std::size_t b = 0; b < limits.size(); ++b) {
        NoiseLimits& limit = limits[b];
        limit.variance = noise.sample[b] * noise.sample[b];
        limit.quarter = noise.cell[b] * kLuma / 4 * kUnit;
        limit.block = noise.window[b] * kLuma * kUnit;
        limit.energy = limit.variance * kLuma * kUnit * kUnit;
        // of independent samples in a block: 64 of a bare sensor, fewer where neighbours share their noise
        const float independent =
            std::clamp(limit.variance / (noise.window[b] * noise.window[b]), 4.0F, static_cast<float>(kLuma));
        limit.energyDeviation = std::sqrt(2 / independent);
    }
    return limits;
}

bool rests(const Difference& d, int pictures, const NoiseLimits& limit) {
    if (pictures == 0)
        return false;
    const float spread = 1 + 1.0F / static_cast<float>(pictures);  // the model's own noise on top of the picture's
    const float root = std::sqrt(spread);
    for (const std::int32_t quarter : d.quarter)
        if (static_cast<float>(std::abs(quarter)) > kQuarterDeviations * limit.quarter * root)
            return false;
    for (const std::int32_t chroma : d.chroma)
        if (static_cast<float>(std::abs(chroma)) > kQuarterDeviations * limit.quarter * root)
            return false;
    return static_cast<float>(std::abs(d.sum)) <= kBlockDeviations * limit.block * root &&
           static_cast<float>(d.energy) <= limit.energy * spread * (1 + kEnergyDeviations * limit.energyDeviation);
}

SlowChange follow(const Difference& d, const NoiseLimits& limit, Standing& s) {
    // the model's own noise is the same in every difference: no running mean lessens it
    const float spread = std::sqrt(kRunningVariance + 1.0F / static_cast<float>(s.pictures));
    SlowChange change;
    int sum = 0;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        s.bias[quarter] = static_cast<std::int16_t>(s.bias[quarter] +
                                                    (d.quarter[quarter] / (kLuma / 4) - s.bias[quarter]) / kRunning);
        sum += s.bias[quarter];
    }
    if (static_cast<float>(std::abs(sum) * (kLuma / 4)) > kSlowDeviations * spread * limit.block) {
        change.offset = sum / 4 << (kMeanShift - kDifferenceShift);
        for (std::int16_t& bias : s.bias)
            bias = static_cast<std::int16_t>(bias - sum / 4);
    }
    for (const std::int16_t bias : s.bias)
        change.anew =
            change.anew || static_cast<float>(std::abs(bias) * (kLuma / 4)) > kSlowDeviations * spread * limit.quarter;
    if (change.anew)
        s.bias = {};
    return change;
}

bool drifted(const Difference& d, int offset, const NoiseLimits& limit, Standing& s) {
    const float noise =
        kDriftDeviations * limit.quarter / (kLuma / 4 * kUnit) *
        std::sqrt(1.0F / static_cast<float>(std::max<int>(s.shown, 1)) + 1.0F / static_cast<float>(s.pictures));
    const float most = std::max(kQuantum, noise) * (1 << kMeanShift);
    bool far = false;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        const int step = (d.quarter[quarter] << (kMeanShift - kDifferenceShift)) / (kLuma / 4) / s.pictures + offset;
        s.drift[quarter] = static_cast<std::int16_t>(std::clamp(s.drift[quarter] + step, -32000, 32000));
        far = far || static_cast<float>(std::abs(s.drift[quarter])) >= most;
    }
    return far;
}

}  // namespace smartcodec::stabiliser
