#pragma once

#include <cstddef>
#include <cstdint>

namespace smartcodec {

/// A borrowed 8-bit luma plane, of video range (16..235) or full range. Valid for the call it is passed to.
struct LumaView {
    const std::uint8_t* data = nullptr;  ///< `height` rows of `width` samples; aligned or not
    int width = 0;                       ///< samples
    int height = 0;
    std::ptrdiff_t strideBytes = 0;  ///< from a row to the next, at least `width`

    [[nodiscard]] const std::uint8_t* row(int y) const { return data + y * strideBytes; }
};

}  // namespace smartcodec
