#include "analysis/stabiliser_rest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <opencv2/core/hal/intrin.hpp>

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

// Of a model worth so many pictures.
struct Worth {
    float inverse = 0;  // variance of its noise, in that of one picture's
    float spread = 0;   // variance of a picture's difference from it
    float root = 0;     // deviation of that
    float running = 0;  // deviation of a running mean of differences
};
const std::array<Worth, kLongest + 1> kWorth = [] {
    std::array<Worth, kLongest + 1> all{};
    for (std::size_t pictures = 1; pictures < all.size(); ++pictures) {
        const float inverse = 1.0F / static_cast<float>(pictures);
        all[pictures] = {inverse, 1 + inverse, std::sqrt(1 + inverse), std::sqrt(kRunningVariance + inverse)};
    }
    return all;
}();

// Four values of a block's quarters in the lower half of eight.
cv::v_int16x8 inLow(const cv::v_int32x4& values) {
    return cv::v_pack(values, cv::v_setzero_s32());
}

// Divided by 16 and by 4, as integers are.
cv::v_int32x4 towardsZero(const cv::v_int32x4& value) {
    return (value + ((value >> 31) & cv::v_setall_s32(15))) >> 4;
}
cv::v_int16x8 towardsZero(const cv::v_int16x8& value) {
    return (value + ((value >> 15) & cv::v_setall_s16(3))) >> 2;
}

std::int32_t largest(const cv::v_int16x8& values) {
    return cv::v_reduce_max(cv::v_max(values, cv::v_setzero_s16() - values));
}

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
    const Worth& worth = kWorth[static_cast<std::size_t>(pictures)];
    int part = std::max(std::abs(d.chroma[0]), std::abs(d.chroma[1]));
    for (const std::int32_t quarter : d.quarter)
        part = std::max(part, std::abs(quarter));
    return static_cast<float>(part) <= kQuarterDeviations * limit.quarter * worth.root &&
           static_cast<float>(std::abs(d.sum)) <= kBlockDeviations * limit.block * worth.root &&
           static_cast<float>(d.energy) <=
               limit.energy * worth.spread * (1 + kEnergyDeviations * limit.energyDeviation);
}

SlowChange follow(const Difference& d, const NoiseLimits& limit, Standing& s) {
    // the model's own noise is the same in every difference: no running mean lessens it
    const float spread = kWorth[s.pictures].running;
    static_assert(kRunning == 1 << 2 && kLuma / 4 == 1 << 4);
    const cv::v_int16x8 quarter = inLow(towardsZero(cv::v_load(d.quarter.data())));
    cv::v_int16x8 bias = cv::v_load_low(s.bias.data());
    bias += towardsZero(quarter - bias);
    SlowChange change;
    const int sum = cv::v_reduce_sum(bias);
    if (static_cast<float>(std::abs(sum) * (kLuma / 4)) > kSlowDeviations * spread * limit.block) {
        change.offset = sum / 4 << (kMeanShift - kDifferenceShift);
        bias -= inLow(cv::v_setall_s32(sum / 4));
    }
    change.anew = static_cast<float>(largest(bias) * (kLuma / 4)) > kSlowDeviations * spread * limit.quarter;
    cv::v_store_low(s.bias.data(), change.anew ? cv::v_setzero_s16() : bias);
    return change;
}

bool drifted(const Difference& d, int offset, const NoiseLimits& limit, Standing& s) {
    constexpr float kStep = static_cast<float>(1 << (kMeanShift - kDifferenceShift)) / (kLuma / 4);
    const float inverse = kWorth[s.pictures].inverse;
    const cv::v_int32x4 step =
        cv::v_round(cv::v_cvt_f32(cv::v_load(d.quarter.data())) * cv::v_setall_f32(kStep * inverse));
    // sums of 16 bits stop at the largest
    const cv::v_int16x8 drift = cv::v_load_low(s.drift.data()) + inLow(step + cv::v_setall_s32(offset));
    cv::v_store_low(s.drift.data(), drift);
    const float far = static_cast<float>(largest(drift)) / (1 << kMeanShift);
    const float noise = kDriftDeviations * limit.quarter / (kLuma / 4 * kUnit);
    return far >= kQuantum &&
           far * far >= noise * noise * (kWorth[std::max<std::size_t>(s.shown, 1)].inverse + inverse);
}

}  // namespace smartcodec::stabiliser
