#pragma once

#include <cstddef>
#include <cstdint>

namespace smartcodec {

// The scene's loops over rows of pixels. Whole-number arithmetic (and single-precision square roots, which IEEE 754
// rounds exactly), so that every vector width gives the same bytes. `count` is in samples.

/// Weights of the four neighbours of a place between pixels; they sum to 256.
struct BilinearWeights {
    std::uint16_t topLeft = 256;
    std::uint16_t topRight = 0;
    std::uint16_t bottomLeft = 0;
    std::uint16_t bottomRight = 0;

    /// `x` and `y` of `steps` (8 or 16) between this pixel and the next to the right and below.
    static BilinearWeights between(int x, int y, int steps);
};

/// out[i] from top[i], top[i + 1], bottom[i], bottom[i + 1].
void interpolateRow(std::uint8_t* out, const std::uint8_t* top, const std::uint8_t* bottom, std::size_t count,
                    const BilinearWeights& weights);

/// out[i] goes towards color[i] by alpha[i] / 255.
void blendRow(std::uint8_t* out, const std::uint8_t* alpha, const std::uint8_t* color, std::size_t count);

/// out[i] += alpha[i] / 255 * (delta[i] - 128), held within 16..235.
void addRow(std::uint8_t* out, const std::uint8_t* alpha, const std::uint8_t* delta, std::size_t count);

/// out[i] = pivot + (out[i] - pivot) * gain / 256, held within low..high.
struct GainRange {
    int pivot;
    int low;
    int high;
};
constexpr GainRange kLumaGain{16, 16, 235};
constexpr GainRange kChromaGain{128, 16, 240};
void gainRow(std::uint8_t* out, std::size_t count, int gain, GainRange range);

/// The same with a factor per sample, (256 + extra[i * step]) / 256; `step` is 1, or 2 for chroma under a luma map.
void lightRow(std::uint8_t* out, const std::uint16_t* extra, std::size_t count, std::size_t step, GainRange range);

/// out[i] = round(sqrt(max(0, slope * value[i] + offset))).
void deviationRow(std::uint8_t* out, const std::uint8_t* value, std::size_t count, float slope, float offset);

/// out[i] = a[i] + 2 * b[i] + c[i], held within -127..127.
void grainRow(std::int8_t* out, const std::int8_t* a, const std::int8_t* b, const std::int8_t* c, std::size_t count);

/// out[i] += unit[i] * deviation[i] / 2^shift, rounded to nearest, halves away from zero, held within 0..255.
/// deviation <= 240 and shift <= 12.
void noiseRow(std::uint8_t* out, const std::int8_t* unit, const std::uint8_t* deviation, std::size_t count, int shift);
void noiseRow(std::uint8_t* out, const std::int8_t* unit, std::uint8_t deviation, std::size_t count, int shift);

}  // namespace smartcodec
