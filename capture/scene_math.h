#pragma once

#include <cmath>
#include <cstdint>

namespace smartcodec {

// Arithmetic of the scene that gives the same bits everywhere: whole numbers, and of floating point only what IEEE 754
// rounds exactly (+ - * / sqrt, floor). The scene's files are compiled without contraction to fused multiply-add.

/// A well mixed function of its argument (the finaliser of splitmix64, Steele et al. 2014).
[[nodiscard]] constexpr std::uint64_t mixBits(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

[[nodiscard]] constexpr std::uint64_t mixBits(std::uint64_t a, std::uint64_t b) {
    return mixBits(mixBits(a) ^ b);
}
[[nodiscard]] constexpr std::uint64_t mixBits(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    return mixBits(mixBits(a, b) ^ c);
}

/// 0 <= result < 1, from 53 of the bits.
[[nodiscard]] constexpr double unitInterval(std::uint64_t bits) {
    return static_cast<double>(bits >> 11) * (1.0 / 9007199254740992.0);
}

/// A stream of pseudo-random numbers (splitmix64).
class SceneRandom {
  public:
    explicit constexpr SceneRandom(std::uint64_t seed) : state_(mixBits(seed)) {}

    [[nodiscard]] constexpr std::uint64_t bits() { return mixBits(state_ += 0x9E3779B97F4A7C15u); }
    /// low <= result < high
    [[nodiscard]] constexpr double real(double low, double high) { return low + (high - low) * unitInterval(bits()); }
    /// low <= result <= high
    [[nodiscard]] constexpr int integer(int low, int high) {
        const auto count = static_cast<std::uint64_t>(high - low) + 1;
        return low + static_cast<int>((bits() >> 32) * count >> 32);
    }
    [[nodiscard]] constexpr bool chance(double probability) { return unitInterval(bits()) < probability; }

  private:
    std::uint64_t state_;
};

/// The nearest whole number, halves up.
[[nodiscard]] inline int roundToInt(double value) {
    return static_cast<int>(std::floor(value + 0.5));
}

/// Sine of an angle in turns, within 1e-5 (Taylor's series on a quarter turn; std::sin may differ between libraries).
[[nodiscard]] inline double sineOfTurns(double turns) {
    double t = turns - std::floor(turns + 0.5);  // -0.5 .. 0.5
    if (t > 0.25)
        t = 0.5 - t;
    else if (t < -0.25)
        t = -0.5 - t;
    const double x = t * 6.283185307179586;
    const double s = x * x;
    return x * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72))));
}

/// 0 at 0, 1 at 1, level at both ends.
[[nodiscard]] constexpr double smoothStep(double t) {
    return t * t * (3 - 2 * t);
}

}  // namespace smartcodec
