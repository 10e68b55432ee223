#pragma once

#include <cstdint>
#include <vector>

namespace smartcodec {

/// Quantiser deltas for one picture: one per 16x16 luma block, row by row from the top left, edges rounded up
/// (columns = ceil(width / 16), rows = ceil(height / 16)). On the codec's QP scale (6 steps double the quantiser's step
/// size); negative is finer. The same raster as Android's PARAMETER_KEY_QP_OFFSET_MAP, x264's quant_offsets and NVENC's
/// qpDeltaMap. An empty map, or one of zeros, asks for nothing.
struct QpMap {
    static constexpr int kBlock = 16;  ///< pixels

    int columns = 0;
    int rows = 0;
    std::vector<std::int8_t> delta;  ///< columns * rows

    [[nodiscard]] bool empty() const { return delta.empty(); }
    friend bool operator==(const QpMap&, const QpMap&) = default;
};

}  // namespace smartcodec
