#include "analysis/stabiliser_kernels.h"

#include <algorithm>
#include <cstdlib>
#include <opencv2/core/hal/intrin.hpp>

#include "analysis/vector_clones.h"

namespace smartcodec::stabiliser {

Difference difference(const LumaBlock& luma, const ChromaBlock& chroma, const Model& model) {
    // In 16 bits, where vectors are widest: differences in 1/16 grey level are at most 4080, and sums of four rows
    // still fit.
    constexpr int kDrop = kMeanShift - kDifferenceShift;
    const auto subtract = [](const std::uint8_t* samples, const std::int16_t* means) {
        const cv::v_int16x8 d = cv::v_reinterpret_as_s16(cv::v_load_expand(samples) << kMeanShift) - cv::v_load(means);
        return (d + cv::v_setall_s16(1 << (kDrop - 1))) >> kDrop;
    };
    Difference result;
    cv::v_int32x4 energy = cv::v_setzero_s32();
    for (std::size_t half = 0; half < 2; ++half) {
        cv::v_int16x8 columns = cv::v_setzero_s16();
        for (std::size_t row = 0; row < kBlock / 2; ++row) {
            const std::size_t at = (half * kBlock / 2 + row) * kBlock;
            const cv::v_int16x8 d = subtract(&luma[at], &model.luma[at]);
            columns += d;
            energy = cv::v_dotprod(d, d, energy);
        }
        cv::v_int32x4 left, right;
        cv::v_expand(columns, left, right);
        result.quarter[2 * half] = cv::v_reduce_sum(left);
        result.quarter[2 * half + 1] = cv::v_reduce_sum(right);
    }
    result.energy = cv::v_reduce_sum(energy);
    for (const std::int32_t quarter : result.quarter)
        result.sum += quarter;
    for (std::size_t plane = 0; plane < 2; ++plane) {
        const std::size_t at = plane * kChroma / 2;
        const cv::v_int16x8 d =
            subtract(&chroma[at], &model.chroma[at]) + subtract(&chroma[at + 8], &model.chroma[at + 8]);
        cv::v_int32x4 left, right;
        cv::v_expand(d, left, right);
        result.chroma[plane] = cv::v_reduce_sum(left + right);
    }
    return result;
}

SMARTCODEC_VECTOR_CLONES
void start(const LumaBlock& luma, const ChromaBlock& chroma, Model& model) {
    for (std::size_t i = 0; i < kLuma; ++i)
        model.luma[i] = static_cast<std::int16_t>(luma[i] << kMeanShift);
    for (std::size_t i = 0; i < kChroma; ++i)
        model.chroma[i] = static_cast<std::int16_t>(chroma[i] << kMeanShift);
}

SMARTCODEC_VECTOR_CLONES
void learn(const LumaBlock& luma, const ChromaBlock& chroma, int pictures, int offset, Model& model) {
    const int share = 32768 / pictures;
    for (std::size_t i = 0; i < kLuma; ++i) {
        const int d = (luma[i] << kMeanShift) - model.luma[i];
        model.luma[i] = static_cast<std::int16_t>(
            std::clamp(model.luma[i] + ((d * share + 16384) >> 15) + offset, 0, 255 << kMeanShift));
    }
    for (std::size_t i = 0; i < kChroma; ++i) {
        const int d = (chroma[i] << kMeanShift) - model.chroma[i];
        model.chroma[i] = static_cast<std::int16_t>(model.chroma[i] + ((d * share + 16384) >> 15));
    }
}

SMARTCODEC_VECTOR_CLONES
void brighten(int gain, Model& model) {
    constexpr int kGrey = 128 << kMeanShift, kWhite = 255 << kMeanShift;
    for (std::int16_t& sample : model.luma)
        sample = static_cast<std::int16_t>(std::min(kWhite, (sample * gain + kSameBrightness / 2) / kSameBrightness));
    for (std::int16_t& sample : model.chroma)
        sample = static_cast<std::int16_t>(std::clamp(kGrey + (sample - kGrey) * gain / kSameBrightness, 0, kWhite));
}

SMARTCODEC_VECTOR_CLONES
void show(const Model& model, LumaBlock& luma, ChromaBlock& chroma) {
    constexpr int kHalf = 1 << (kMeanShift - 1);
    for (std::size_t i = 0; i < kLuma; ++i)
        luma[i] = static_cast<std::uint8_t>(std::clamp((model.luma[i] + kHalf) >> kMeanShift, 0, 255));
    for (std::size_t i = 0; i < kChroma; ++i)
        chroma[i] = static_cast<std::uint8_t>(std::clamp((model.chroma[i] + kHalf) >> kMeanShift, 0, 255));
}

SMARTCODEC_VECTOR_CLONES
std::uint32_t areaDistance(const View& a, const View& b) {
    std::uint32_t sum = 0;
    for (int y = 0; y < kArea; ++y)
        for (int x = 0; x < kArea; ++x)
            sum += static_cast<std::uint32_t>(std::abs(a.row(y)[x] - b.row(y)[x]));
    return sum;
}

BlockDifference blockDifference(const View& a, const View& b) {
    cv::v_int16x8 sum = cv::v_setzero_s16();
    cv::v_int32x4 energy = cv::v_setzero_s32();
    for (int y = 0; y < kBlock; ++y) {
        const cv::v_int16x8 d = cv::v_reinterpret_as_s16(cv::v_load_expand(a.row(y))) -
                                cv::v_reinterpret_as_s16(cv::v_load_expand(b.row(y)));
        sum += d;
        energy = cv::v_dotprod(d, d, energy);
    }
    cv::v_int32x4 left, right;
    cv::v_expand(sum, left, right);
    return {cv::v_reduce_sum(left + right), cv::v_reduce_sum(energy)};
}

namespace {

// For a width known when compiled: one vector a row.
template <int kWidth>
inline void blendRows(const View& now, const View& prediction, const Blend& how, std::uint8_t* __restrict out,
                      std::ptrdiff_t outStride) {
    const auto half = static_cast<std::int16_t>(how.limit / 2);
    const auto span = static_cast<std::int16_t>(std::max(1, how.limit - how.limit / 2));
    const auto weight = static_cast<std::int16_t>(how.weight);
    const auto offset = static_cast<std::int16_t>(how.offset);
    const auto slope = static_cast<std::int16_t>((kWholeWeight - how.weight) * 16 / span);
    for (int y = 0; y < kWidth; ++y) {
        const std::uint8_t* __restrict a = now.row(y);
        const std::uint8_t* __restrict b = prediction.row(y);
        std::uint8_t* __restrict to = out + y * outStride;
        for (int x = 0; x < kWidth; ++x) {
            const auto predicted = static_cast<std::int16_t>(std::clamp(b[x] + offset, 0, 255));
            const auto d = static_cast<std::int16_t>(a[x] - predicted);
            const auto size = static_cast<std::int16_t>(d < 0 ? -d : d);
            const auto beyond =
                static_cast<std::int16_t>(std::clamp<std::int16_t>(static_cast<std::int16_t>(size - half), 0, span));
            const auto w = static_cast<std::int16_t>(
                weight + static_cast<std::int16_t>(static_cast<std::int16_t>(beyond * slope + 8) >> 4));
            const auto whole = static_cast<std::int16_t>(size >= how.limit ? kWholeWeight : w);
            // rounded alike on both sides: a picture must not drift along with what moves
            const auto step =
                static_cast<std::int16_t>(static_cast<std::int16_t>(size * whole + kWholeWeight / 2) >> 7);
            const auto sum = static_cast<std::int16_t>(d < 0 ? predicted - step : predicted + step);
            to[x] = static_cast<std::uint8_t>(std::clamp<std::int16_t>(sum, 0, 255));
        }
    }
}

}  // namespace

SMARTCODEC_VECTOR_CLONES
void blendLuma(const View& now, const View& prediction, const Blend& how, std::uint8_t* out, std::ptrdiff_t outStride) {
    blendRows<kBlock>(now, prediction, how, out, outStride);
}

SMARTCODEC_VECTOR_CLONES
void blendChroma(const View& now, const View& prediction, const Blend& how, std::uint8_t* out,
                 std::ptrdiff_t outStride) {
    blendRows<kBlock / 2>(now, prediction, how, out, outStride);
}

}  // namespace smartcodec::stabiliser
