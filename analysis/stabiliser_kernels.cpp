#include "analysis/stabiliser_kernels.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <opencv2/core/hal/intrin.hpp>
#include <type_traits>

#include "analysis/vector_clones.h"

namespace smartcodec::stabiliser {

namespace {

constexpr int kChromaBlock = kBlock / 2;

// Two rows of four samples of chroma.
cv::v_uint8x16 loadRowPair(const View& plane, int y) {
    std::uint32_t upper = 0, lower = 0;
    std::memcpy(&upper, plane.row(y), sizeof upper);
    std::memcpy(&lower, plane.row(y + 1), sizeof lower);
    return cv::v_reinterpret_as_u8(cv::v_uint32x4(upper, lower, 0, 0));
}

// a0 + a1, a2 + a3, b0 + b1, b2 + b3.
cv::v_int32x4 addPairs(const cv::v_int32x4& a, const cv::v_int32x4& b) {
    const auto added = [](const cv::v_int32x4& v) {
        const cv::v_uint64x2 pairs = cv::v_reinterpret_as_u64(v);
        return cv::v_reinterpret_as_u64(v + cv::v_reinterpret_as_s32(pairs >> 32));
    };
    return cv::v_reinterpret_as_s32(cv::v_pack(added(a), added(b)));
}

void storeRowPair(const cv::v_uint8x16& samples, const WritableView& plane, int y) {
    std::array<std::uint8_t, kBlock> rows;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled at once
    cv::v_store_low(rows.data(), samples);
    std::memcpy(plane.row(y), rows.data(), kChromaBlock);
    std::memcpy(plane.row(y + 1), &rows[kChromaBlock], kChromaBlock);
}

cv::v_int16x8 expandLow(const cv::v_uint8x16& samples) {
    return cv::v_reinterpret_as_s16(cv::v_expand_low(samples));
}

}  // namespace

Difference difference(const BlockView& block, const Model& model) {
    // In 16 bits, where vectors are widest: differences in 1/16 grey level are at most 4080, and sums of four rows
    // still fit.
    constexpr int kDrop = kMeanShift - kDifferenceShift;
    const auto subtract = [](const cv::v_int16x8& samples, const std::int16_t* means) {
        const cv::v_int16x8 d = (samples << kMeanShift) - cv::v_load(means);
        return (d + cv::v_setall_s16(1 << (kDrop - 1))) >> kDrop;
    };
    const cv::v_int16x8 ones = cv::v_setall_s16(1);
    cv::v_int32x4 energy = cv::v_setzero_s32();
    std::array<cv::v_int32x4, 2> halves;  // sums of pairs of columns
    for (std::size_t half = 0; half < 2; ++half) {
        cv::v_int16x8 columns = cv::v_setzero_s16();
        const int top = static_cast<int>(half) * kBlock / 2;
        for (int row = top; row < top + kBlock / 2; ++row) {
            const cv::v_int16x8 d = subtract(cv::v_reinterpret_as_s16(cv::v_load_expand(block.luma.row(row))),
                                             &model.luma[static_cast<std::size_t>(row * kBlock)]);
            columns += d;
            energy = cv::v_dotprod(d, d, energy);
        }
        halves[half] = cv::v_dotprod(columns, ones);
    }
    std::array<cv::v_int32x4, 2> planes;
    for (std::size_t plane = 0; plane < 2; ++plane) {
        const std::int16_t* means = &model.chroma[plane * kChroma / 2];
        planes[plane] = cv::v_dotprod(subtract(expandLow(loadRowPair(block.chroma[plane], 0)), means) +
                                          subtract(expandLow(loadRowPair(block.chroma[plane], 2)), means + kBlock),
                                      ones);
    }
    Difference result;
    const cv::v_int32x4 quarters = addPairs(halves[0], halves[1]);
    cv::v_store(result.quarter.data(), quarters);
    const cv::v_int32x4 chroma = addPairs(planes[0], planes[1]);
    cv::v_store_low(result.chroma.data(), addPairs(chroma, chroma));
    result.sum = cv::v_reduce_sum(quarters);
    result.energy = cv::v_reduce_sum(energy);
    return result;
}

void start(const BlockView& block, Model& model) {
    for (int row = 0; row < kBlock; ++row)
        cv::v_store(&model.luma[static_cast<std::size_t>(row * kBlock)],
                    cv::v_reinterpret_as_s16(cv::v_load_expand(block.luma.row(row)) << kMeanShift));
    for (std::size_t plane = 0; plane < 2; ++plane)
        for (int row = 0; row < kChromaBlock; row += 2)
            cv::v_store(&model.chroma[plane * kChroma / 2 + static_cast<std::size_t>(row * kChromaBlock)],
                        expandLow(loadRowPair(block.chroma[plane], row)) << kMeanShift);
}

void learn(const BlockView& block, int pictures, int offset, Model& model) {
    if (pictures == 1) {
        start(block, model);
    } else {
        // at most half, so that the step is no larger than the difference and fits in 16 bits like all else
        const cv::v_int16x8 share = cv::v_setall_s16(static_cast<std::int16_t>(std::min(65536 / pictures, 32767)));
        const auto approach = [&](const cv::v_int16x8& samples, std::int16_t* means) {
            const cv::v_int16x8 mean = cv::v_load(means);
            const cv::v_int16x8 d = (samples << kMeanShift) - mean;
            const cv::v_uint16x8 fraction = cv::v_reinterpret_as_u16(cv::v_mul_wrap(d, share));
            const cv::v_int16x8 half = cv::v_reinterpret_as_s16(fraction >> 15);  // rounded to the nearest
            cv::v_store(means, mean + (cv::v_mul_hi(d, share) + half));
        };
        for (int row = 0; row < kBlock; ++row)
            approach(cv::v_reinterpret_as_s16(cv::v_load_expand(block.luma.row(row))),
                     &model.luma[static_cast<std::size_t>(row * kBlock)]);
        for (std::size_t plane = 0; plane < 2; ++plane)
            for (int row = 0; row < kChromaBlock; row += 2)
                approach(expandLow(loadRowPair(block.chroma[plane], row)),
                         &model.chroma[plane * kChroma / 2 + static_cast<std::size_t>(row * kChromaBlock)]);
    }
    if (offset != 0)
        for (std::int16_t& mean : model.luma)
            mean = static_cast<std::int16_t>(std::clamp(mean + offset, 0, 255 << kMeanShift));
}

SMARTCODEC_VECTOR_CLONES
void brighten(int gain, Model& model) {
    constexpr int kGrey = 128 << kMeanShift, kWhite = 255 << kMeanShift;
    for (std::int16_t& sample : model.luma)
        sample = static_cast<std::int16_t>(std::min(kWhite, (sample * gain + kSameBrightness / 2) / kSameBrightness));
    for (std::int16_t& sample : model.chroma)
        sample = static_cast<std::int16_t>(std::clamp(kGrey + (sample - kGrey) * gain / kSameBrightness, 0, kWhite));
}

void show(const Model& model, const WritableBlock& block) {
    const auto rounded = [](const std::int16_t* means) {
        const cv::v_int16x8 samples = (cv::v_load(means) + cv::v_setall_s16(1 << (kMeanShift - 1))) >> kMeanShift;
        return cv::v_pack_u(samples, samples);
    };
    for (int row = 0; row < kBlock; ++row)
        cv::v_store_low(block.luma.row(row), rounded(&model.luma[static_cast<std::size_t>(row * kBlock)]));
    for (std::size_t plane = 0; plane < 2; ++plane)
        for (int row = 0; row < kChromaBlock; row += 2)
            storeRowPair(rounded(&model.chroma[plane * kChroma / 2 + static_cast<std::size_t>(row * kChromaBlock)]),
                         block.chroma[plane], row);
}

void copy(const BlockView& from, const WritableBlock& to) {
    const auto copyRows = [](View source, WritableView target, auto width) {  // by value: samples may alias anything
        for (int row = 0; row < static_cast<int>(width()); ++row)
            std::memcpy(target.row(row), source.row(row), width());
    };
    copyRows(from.luma, to.luma, std::integral_constant<std::size_t, kBlock>());
    for (std::size_t plane = 0; plane < 2; ++plane)
        copyRows(from.chroma[plane], to.chroma[plane], std::integral_constant<std::size_t, kChromaBlock>());
}

std::uint32_t areaDistance(const View& a, const View& b, std::uint32_t limit) {
    std::uint32_t sum = 0;
    for (int y = 0; y < kArea && sum < limit; y += 4)
        for (int row = y; row < y + 4; ++row)
            sum += cv::v_reduce_sad(cv::v_load(a.row(row)), cv::v_load(b.row(row)));
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

// Eight samples at a time, all in 16 bits.
class Blender {
  public:
    explicit Blender(const Blend& how)
        : weight_(cv::v_setall_s16(static_cast<std::int16_t>(how.weight))),
          limit_(cv::v_setall_s16(static_cast<std::int16_t>(how.limit))),
          half_(cv::v_setall_s16(static_cast<std::int16_t>(how.limit / 2))),
          offset_(cv::v_setall_s16(static_cast<std::int16_t>(how.offset))) {
        const int span = std::max(1, how.limit - how.limit / 2);
        span_ = cv::v_setall_s16(static_cast<std::int16_t>(span));
        slope_ = cv::v_setall_s16(static_cast<std::int16_t>((kWholeWeight - how.weight) * 16 / span));
    }

    [[nodiscard]] cv::v_uint8x16 operator()(const cv::v_int16x8& now, const cv::v_int16x8& prediction) const {
        const cv::v_int16x8 zero = cv::v_setzero_s16(), whole = cv::v_setall_s16(kWholeWeight);
        const cv::v_int16x8 predicted = cv::v_min(cv::v_max(prediction + offset_, zero), cv::v_setall_s16(255));
        const cv::v_int16x8 d = now - predicted;
        const cv::v_int16x8 sign = d >> 15;
        const cv::v_int16x8 size = (d ^ sign) - sign;
        const cv::v_int16x8 beyond = cv::v_min(cv::v_max(size - half_, zero), span_);
        const cv::v_int16x8 grown = weight_ + ((cv::v_mul_wrap(beyond, slope_) + cv::v_setall_s16(8)) >> 4);
        const cv::v_int16x8 weight = cv::v_select(size >= limit_, whole, grown);
        // rounded alike on both sides: a picture must not drift along with what moves
        const cv::v_int16x8 step = (cv::v_mul_wrap(size, weight) + cv::v_setall_s16(kWholeWeight / 2)) >> 7;
        const cv::v_int16x8 blended = predicted + ((step ^ sign) - sign);
        return cv::v_pack_u(blended, blended);
    }

  private:
    cv::v_int16x8 weight_, limit_, half_, offset_, span_, slope_;
};

}  // namespace

void blendLuma(const View& now, const View& prediction, const Blend& how, const WritableView& out) {
    const Blender blend(how);
    for (int row = 0; row < kBlock; ++row)
        cv::v_store_low(out.row(row), blend(cv::v_reinterpret_as_s16(cv::v_load_expand(now.row(row))),
                                            cv::v_reinterpret_as_s16(cv::v_load_expand(prediction.row(row)))));
}

void blendChroma(const View& now, const View& prediction, const Blend& how, const WritableView& out) {
    const Blender blend(how);
    for (int row = 0; row < kChromaBlock; row += 2)
        storeRowPair(blend(expandLow(loadRowPair(now, row)), expandLow(loadRowPair(prediction, row))), out, row);
}

}  // namespace smartcodec::stabiliser
