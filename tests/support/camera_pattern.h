#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/picture.h"

namespace smartcodec::test {

/// What emulated cameras see: four quarters of plain colour, and a bright bar that wanders across the middle third of
/// the height, an eighth of the width further with every picture. In BT.601, limited range; seen as a share of the
/// width and height, so that pictures of all sizes show the same.
struct PatternColor {
    int luma;
    int cb;
    int cr;
};
constexpr PatternColor kPatternQuarters[] = {{81, 90, 180}, {145, 70, 70}, {60, 190, 110}, {180, 128, 128}};
constexpr PatternColor kPatternBar{225, 128, 128};
constexpr std::uint64_t kPatternPhases = 8;

/// The colour at a place, both shares from 0 up to 1, of the picture with this number.
[[nodiscard]] PatternColor patternAt(double x, double y, std::uint64_t sequence);

/// How a picture of the pattern lies in memory.
struct PatternLayout {
    PixelFormat format;  ///< one that libswscale writes, or Motion JPEG
    Size size;
    std::size_t strideBytes = 0;                    ///< of the first plane
    std::array<std::size_t, kMaxPlanes> offsets{};  ///< of the planes
    std::size_t bytes = 0;                          ///< in all; of Motion JPEG, the room there is
};

/// With rows aligned to `alignment`. Throws std::runtime_error for a format that nobody knows.
[[nodiscard]] PatternLayout patternLayout(PixelFormat format, Size size, std::size_t alignment);

/// All phases of the pattern, each as it lies in memory.
[[nodiscard]] std::vector<std::vector<std::byte>> drawPattern(const PatternLayout& layout);

/// The largest difference of a mapped 4:2:0 picture to the pattern, of samples that lie apart from its edges.
[[nodiscard]] int differenceToPattern(const Picture& picture, std::uint64_t sequence, bool fullRange = false);

}  // namespace smartcodec::test
