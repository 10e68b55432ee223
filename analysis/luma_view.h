#pragma once

#include <cstddef>
#include <cstdint>

namespace smartcodec {

/// A borrowed 8-bit luma plane. Valid for the call it is passed to.
struct LumaView {
    const std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t strideBytes = 0;

    [[nodiscard]] const std::uint8_t* row(int y) const { return data + y * strideBytes; }
};

}  // namespace smartcodec
