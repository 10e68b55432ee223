#pragma once

#include <compare>
#include <cstdint>

namespace smartcodec {

/// Bits per second.
struct Bitrate {
    std::int64_t bitsPerSecond = 0;
    friend auto operator<=>(const Bitrate&, const Bitrate&) = default;
};

}  // namespace smartcodec
