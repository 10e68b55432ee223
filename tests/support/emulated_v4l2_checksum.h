#pragma once

#include <cstdint>
#include <span>

#include "tests/support/emulated_v4l2_formats.h"

namespace smartcodec::emulated {

/// Of the visible samples: luma, Cb, Cr.
[[nodiscard]] std::uint32_t checksum(const RawPicture& picture);
/// 0 only for an empty map.
[[nodiscard]] std::uint32_t checksum(std::span<const std::int8_t> deltas);

}  // namespace smartcodec::emulated
