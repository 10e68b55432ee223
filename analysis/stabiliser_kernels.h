#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// The stabiliser's loops over samples: plain integer C++ in the shape that compilers vectorise. Samples of a block lie
// one after another; a picture's rows are `stride` bytes apart.

namespace smartcodec::stabiliser {

constexpr int kBlock = 8;               ///< luma samples; chroma has half
constexpr int kLuma = kBlock * kBlock;  ///< luma samples of a block
constexpr int kChroma = kLuma / 2;      ///< chroma samples of a block: 4x4 of Cb, then of Cr
constexpr int kArea = 16;               ///< luma samples of a side of what moves as one
constexpr int kMeanShift = 7;           ///< a mean's fraction: 1/128 grey level

/// A running mean of a block's samples in 1/128 grey level, and of how many pictures it is worth (0: of none).
struct Model {
    std::array<std::int16_t, kLuma> luma;
    std::array<std::int16_t, kChroma> chroma;
};

/// How a block differs from a model, in 1/16 grey level.
constexpr int kDifferenceShift = 4;
struct Difference {
    std::array<std::int32_t, 4> quarter{};  ///< sums over the 4x4 quarters
    std::int32_t sum = 0;                   ///< over the block
    std::int32_t energy = 0;                ///< sum of squares
    std::array<std::int32_t, 2> chroma{};   ///< sums over Cb and Cr
};

/// Rows of a plane from some sample on.
struct View {
    const std::uint8_t* data = nullptr;
    std::ptrdiff_t strideBytes = 0;
    [[nodiscard]] const std::uint8_t* row(int y) const { return data + y * strideBytes; }
};
struct WritableView {
    std::uint8_t* data = nullptr;
    std::ptrdiff_t strideBytes = 0;
    [[nodiscard]] std::uint8_t* row(int y) const { return data + y * strideBytes; }
    operator View() const { return {data, strideBytes}; }  // NOLINT(google-explicit-constructor): as pointers convert
};

/// A block where it lies in a picture: 8x8 of luma, 4x4 of Cb and Cr.
struct BlockView {
    View luma;
    std::array<View, 2> chroma;
};
struct WritableBlock {
    WritableView luma;
    std::array<WritableView, 2> chroma;
};

[[nodiscard]] Difference difference(const BlockView& block, const Model& model);

/// Replaces the model by the block itself.
void start(const BlockView& block, Model& model);

/// Moves the model's samples 1 / `pictures` of the way to the block's, and all luma samples by `offset` (1/128 grey
/// level).
void learn(const BlockView& block, int pictures, int offset, Model& model);

constexpr int kSameBrightness = 4096;

/// Makes the model brighter by gain / 4096: luma from 0, chroma from grey.
void brighten(int gain, Model& model);

/// The model rounded to whole grey levels.
void show(const Model& model, const WritableBlock& block);

void copy(const BlockView& from, const WritableBlock& to);

/// Sum of absolute differences of two areas of 16x16; if it is `limit` or more, any number from there on.
[[nodiscard]] std::uint32_t areaDistance(const View& a, const View& b, std::uint32_t limit);

/// How 8x8 samples differ from others, in grey levels.
struct BlockDifference {
    std::int32_t sum = 0;
    std::int32_t energy = 0;  ///< sum of squares
};
[[nodiscard]] BlockDifference blockDifference(const View& a, const View& b);

constexpr int kWholeWeight = 128;

/// out = prediction + weight / 128 * (now - prediction); where the two differ by more than half the limit the weight
/// grows, and from the limit on it is whole: `now`.
struct Blend {
    int weight = kWholeWeight;
    int limit = 0;   ///< grey levels
    int offset = 0;  ///< grey levels by which the prediction is too dark
};
void blendLuma(const View& now, const View& prediction, const Blend& how, const WritableView& out);    ///< 8x8
void blendChroma(const View& now, const View& prediction, const Blend& how, const WritableView& out);  ///< 4x4

}  // namespace smartcodec::stabiliser
