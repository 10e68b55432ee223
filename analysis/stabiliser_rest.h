#pragma once

#include <array>
#include <cstdint>

#include "analysis/noise.h"
#include "analysis/stabiliser_kernels.h"

namespace smartcodec::stabiliser {

/// What noise alone does to a block at one brightness, in Difference's units.
struct NoiseLimits {
    float variance = 0;         ///< of a sample, grey levels squared
    float quarter = 0;          ///< deviation of the sum over a quarter
    float block = 0;            ///< deviation of the sum over a block
    float energy = 0;           ///< mean of the energy
    float energyDeviation = 0;  ///< of the energy, relative to its mean
};
using NoiseLimitsCurve = std::array<NoiseLimits, Noise::kBins>;

[[nodiscard]] NoiseLimitsCurve noiseLimits(const Noise& noise);

/// What is known of a block.
struct Standing {
    std::uint8_t pictures = 0;            ///< that its model is worth; 0: there is none yet
    std::uint8_t shown = 0;               ///< that the model was worth when it was shown
    std::uint8_t rest = 0;                ///< pictures since it came to rest, at most 255
    std::uint8_t remembered = 0;          ///< pictures that the remembered model is worth; 0: none
    bool held = false;                    ///< the last two pictures given out show the same here
    std::array<std::int16_t, 4> bias{};   ///< running means of what the quarters differ from the model, 1/16 grey level
    std::array<std::int16_t, 4> drift{};  ///< of the model's quarters since it was shown, 1/128 grey level
};

/// Models are worth so many pictures at most.
constexpr int kLongest = 32;

/// Whether a difference from a model worth `pictures` is noise.
[[nodiscard]] bool rests(const Difference& difference, int pictures, const NoiseLimits& limits);

/// A change too slow or too faint to stand out in one picture, found in the mean of a few.
struct SlowChange {
    int offset =
        0;  ///< the whole block became brighter by so much (1/128 grey level): light, or the inside of a shadow
    bool anew = false;  ///< something new is in a quarter: the block must be learnt anew
};
[[nodiscard]] SlowChange follow(const Difference& difference, const NoiseLimits& limits, Standing& standing);

/// Takes one step of the model (its share of `difference`, and `offset`) into the drift; whether a quarter has moved
/// visibly, and by more than noise, away from what is shown.
[[nodiscard]] bool drifted(const Difference& difference, int offset, const NoiseLimits& limits, Standing& standing);

}  // namespace smartcodec::stabiliser
