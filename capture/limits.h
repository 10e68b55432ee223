#pragma once

#include <cstdint>
#include <string>

#include "capture/picture.h"

namespace smartcodec {

/// Sizes of pictures that can be recorded, the same for what comes in, what is asked for and what is encoded. The
/// smallest side is one macroblock of H.264. The largest is what encoders in devices and players take at most; the
/// largest area, in pixels, is that of level 6.2, the highest of H.264 and HEVC alike.
constexpr int kMinSide = 16;
constexpr int kMaxSide = 8192;
constexpr std::int64_t kMaxArea = 35'651'584;

[[nodiscard]] constexpr bool recordable(Size size) {
    return size.width >= kMinSide && size.height >= kMinSide && size.width <= kMaxSide && size.height <= kMaxSide &&
           static_cast<std::int64_t>(size.width) * size.height <= kMaxArea;
}

/// For messages: "sides from 16 to 8192 and at most 35651584 pixels".
[[nodiscard]] std::string recordableSizes();

/// Throws std::runtime_error, beginning with `what`, for a size that cannot be recorded.
void checkSize(const std::string& what, Size size);

}  // namespace smartcodec
