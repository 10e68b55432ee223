#include "capture/scene_kernels.h"

#include <algorithm>
#include <cmath>

// A second version for AVX2, chosen when the program starts. Not under the sanitizers: the choice happens before they
// are ready.
#if defined(__x86_64__) && defined(__ELF__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(SMARTCODEC_SANITIZED)
#define SMARTCODEC_VECTOR_VERSIONS __attribute__((target_clones("avx2", "default")))
#else
#define SMARTCODEC_VECTOR_VERSIONS
#endif

namespace smartcodec {

BilinearWeights BilinearWeights::between(int x, int y, int steps) {
    const int unit = 256 / (steps * steps);
    const auto weight = [unit](int value) { return static_cast<std::uint16_t>(value * unit); };
    return {weight((steps - x) * (steps - y)), weight(x * (steps - y)), weight((steps - x) * y), weight(x * y)};
}

SMARTCODEC_VECTOR_VERSIONS
void interpolateRow(std::uint8_t* __restrict out, const std::uint8_t* top, const std::uint8_t* bottom,
                    std::size_t count, const BilinearWeights& weights) {
    const std::uint16_t a = weights.topLeft;
    const std::uint16_t b = weights.topRight;
    const std::uint16_t c = weights.bottomLeft;
    const std::uint16_t d = weights.bottomRight;
    for (std::size_t i = 0; i < count; ++i) {
        const auto sum = static_cast<std::uint16_t>(top[i] * a + top[i + 1] * b + bottom[i] * c + bottom[i + 1] * d);
        out[i] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(sum + 128) >> 8);
    }
}

SMARTCODEC_VECTOR_VERSIONS
void blendRow(std::uint8_t* __restrict out, const std::uint8_t* alpha, const std::uint8_t* color, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto share = static_cast<std::uint16_t>(alpha[i] + (alpha[i] >> 7));  // 0..256
        const auto rest = static_cast<std::uint16_t>(256 - share);
        const auto sum = static_cast<std::uint16_t>(out[i] * rest + color[i] * share);
        out[i] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(sum + 128) >> 8);
    }
}

SMARTCODEC_VECTOR_VERSIONS
void addRow(std::uint8_t* __restrict out, const std::uint8_t* alpha, const std::uint8_t* delta, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const int share = alpha[i] + (alpha[i] >> 7);
        const int sum = out[i] + ((share * (delta[i] - 128) + 128) >> 8);
        out[i] = static_cast<std::uint8_t>(std::clamp(sum, 16, 235));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void gainRow(std::uint8_t* __restrict out, std::size_t count, int gain, GainRange range) {
    for (std::size_t i = 0; i < count; ++i) {
        const int value = range.pivot + (((out[i] - range.pivot) * gain + 128) >> 8);
        out[i] = static_cast<std::uint8_t>(std::clamp(value, range.low, range.high));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void lightRow(std::uint8_t* __restrict out, const std::uint16_t* extra, std::size_t count, std::size_t step,
              GainRange range) {
    for (std::size_t i = 0; i < count; ++i) {
        const int value = range.pivot + (((out[i] - range.pivot) * (256 + extra[i * step]) + 128) >> 8);
        out[i] = static_cast<std::uint8_t>(std::clamp(value, range.low, range.high));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void deviationRow(std::uint8_t* __restrict out, const std::uint8_t* value, std::size_t count, float slope,
                  float offset) {
    for (std::size_t i = 0; i < count; ++i) {
        const float variance = std::max(0.0F, slope * static_cast<float>(value[i]) + offset);
        out[i] = static_cast<std::uint8_t>(static_cast<int>(std::sqrt(variance) + 0.5F));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void grainRow(std::int8_t* __restrict out, const std::int8_t* a, const std::int8_t* b, const std::int8_t* c,
              std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto sum = static_cast<std::int16_t>(a[i] + 2 * b[i] + c[i]);
        out[i] = static_cast<std::int8_t>(std::clamp<std::int16_t>(sum, -127, 127));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void noiseRow(std::uint8_t* __restrict out, const std::int8_t* unit, const std::uint8_t* deviation, std::size_t count,
              int shift) {
    const auto half = static_cast<std::int16_t>(1 << (shift - 1));
    for (std::size_t i = 0; i < count; ++i) {
        // Fits 16 bits: 127 * 240 + 2^11.
        const auto product = static_cast<std::int16_t>(unit[i] * deviation[i]);
        const auto rounded = static_cast<std::int16_t>(product + half + (product >> 15));
        const auto sum = static_cast<std::int16_t>(out[i] + (rounded >> shift));
        out[i] = static_cast<std::uint8_t>(std::clamp<std::int16_t>(sum, 0, 255));
    }
}

SMARTCODEC_VECTOR_VERSIONS
void noiseRow(std::uint8_t* __restrict out, const std::int8_t* unit, std::uint8_t deviation, std::size_t count,
              int shift) {
    const auto half = static_cast<std::int16_t>(1 << (shift - 1));
    for (std::size_t i = 0; i < count; ++i) {
        const auto product = static_cast<std::int16_t>(unit[i] * deviation);
        const auto rounded = static_cast<std::int16_t>(product + half + (product >> 15));
        const auto sum = static_cast<std::int16_t>(out[i] + (rounded >> shift));
        out[i] = static_cast<std::uint8_t>(std::clamp<std::int16_t>(sum, 0, 255));
    }
}

}  // namespace smartcodec
