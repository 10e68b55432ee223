#include "capture/scene_overlay.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

constexpr std::uint8_t kBlack = 16;
constexpr std::uint8_t kWhite = 235;

// 5x7 dots per glyph, a row per number, the leftmost dot in bit 4: the digits, then the colon.
constexpr int kGlyphWidth = 5;
constexpr int kGlyphHeight = 7;
constexpr std::array<std::array<std::uint8_t, kGlyphHeight>, 11> kGlyphs{{
    {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
    {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110},
    {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
    {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
    {0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
    {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
    {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
    {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
    {0b00000, 0b00100, 0b00100, 0b00000, 0b00100, 0b00100, 0b00000},
}};
constexpr std::size_t kColon = 10;

/// A rectangle of luma, grey in chroma; cut off at the picture's edges.
void fill(const Picture& picture, int left, int top, int right, int bottom, std::uint8_t luma) {
    for (int plane = 0; plane < 3; ++plane) {
        const int half = plane == 0 ? 0 : 1;
        const int first = std::clamp(left >> half, 0, picture.size.width >> half);
        const int end = std::clamp((right + half) >> half, first, picture.size.width >> half);
        const int low = std::max(top >> half, 0);
        const int high = std::min((bottom + half) >> half, picture.size.height >> half);
        const Plane& memory = picture.planes[static_cast<std::size_t>(plane)];
        for (int y = low; y < high; ++y)
            std::memset(memory.data + static_cast<std::size_t>(y) * memory.strideBytes + first, plane == 0 ? luma : 128,
                        static_cast<std::size_t>(end - first));
    }
}

constexpr int kColumns = 12;
constexpr int kRows = 4;
// The blocks' field in shares of the picture.
constexpr int kWidthShare = 5;
constexpr int kHeightShare = 10;

int edge(int block, int blocks, int length, int share) {
    return block * length / (blocks * share);
}

/// CRC-16/CCITT-FALSE: no number of equal blocks is valid.
std::uint16_t checksum(std::uint32_t number) {
    std::uint32_t crc = 0xFFFF;
    for (int bit = 31; bit >= 0; --bit) {
        const std::uint32_t top = (crc >> 15) ^ (number >> bit & 1);
        crc = (crc << 1 & 0xFFFF) ^ (top != 0 ? 0x1021U : 0U);
    }
    return static_cast<std::uint16_t>(crc);
}

}  // namespace

void drawSceneClock(const Picture& picture, const SceneClock& clock, std::chrono::nanoseconds time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).count() + 12 * 3600;
    const auto digits = [](std::int64_t value) {
        return std::array{static_cast<std::size_t>(value / 10 % 10), static_cast<std::size_t>(value % 10)};
    };
    const auto hours = digits(seconds / 3600 % 24);
    const auto minutes = digits(seconds / 60 % 60);
    const auto rest = digits(seconds % 60);
    const std::array glyphs{hours[0], hours[1], kColon, minutes[0], minutes[1], kColon, rest[0], rest[1]};

    const double scale = std::min(picture.size.width / 1920.0, picture.size.height / 1080.0);
    const int dot = std::max(1, roundToInt(clock.height * scale / kGlyphHeight));
    const int left = roundToInt(clock.x * picture.size.width / 1920) & ~1;
    const int top = roundToInt(clock.y * picture.size.height / 1080) & ~1;
    const int width = static_cast<int>(glyphs.size()) * (kGlyphWidth + 1) * dot;
    fill(picture, left - dot, top - dot, left + width, top + (kGlyphHeight + 1) * dot, kBlack);
    int x = left;
    for (const std::size_t glyph : glyphs) {
        for (int row = 0; row < kGlyphHeight; ++row)
            for (int column = 0; column < kGlyphWidth; ++column)
                if ((kGlyphs[glyph][static_cast<std::size_t>(row)] >> (kGlyphWidth - 1 - column) & 1) != 0)
                    fill(picture, x + column * dot, top + row * dot, x + (column + 1) * dot, top + (row + 1) * dot,
                         kWhite);
        x += (kGlyphWidth + 1) * dot;
    }
}

void drawFrameNumber(const Picture& picture, std::uint32_t number) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(number) << 16) | checksum(number);
    for (int i = 0; i < kColumns * kRows; ++i) {
        const int column = i % kColumns;
        const int row = i / kColumns;
        const bool white = (bits >> (kColumns * kRows - 1 - i) & 1) != 0;
        fill(picture, edge(column, kColumns, picture.size.width, kWidthShare),
             edge(row, kRows, picture.size.height, kHeightShare),
             edge(column + 1, kColumns, picture.size.width, kWidthShare),
             edge(row + 1, kRows, picture.size.height, kHeightShare), white ? kWhite : kBlack);
    }
}

std::optional<std::uint32_t> readFrameNumber(const Plane& luma, Size size) {
    if (size.width < kFrameNumberMinimum.width || size.height < kFrameNumberMinimum.height || luma.data == nullptr)
        return std::nullopt;
    std::uint64_t bits = 0;
    for (int i = 0; i < kColumns * kRows; ++i) {
        const int left = edge(i % kColumns, kColumns, size.width, kWidthShare);
        const int right = edge(i % kColumns + 1, kColumns, size.width, kWidthShare);
        const int top = edge(i / kColumns, kRows, size.height, kHeightShare);
        const int bottom = edge(i / kColumns + 1, kRows, size.height, kHeightShare);
        // The middle half only: edges are where compression and scaling err.
        const int marginX = (right - left) / 4;
        const int marginY = (bottom - top) / 4;
        int sum = 0;
        int count = 0;
        for (int y = top + marginY; y < bottom - marginY; ++y)
            for (int x = left + marginX; x < right - marginX; ++x, ++count)
                sum += std::to_integer<int>(
                    luma.data[static_cast<std::size_t>(y) * luma.strideBytes + static_cast<std::size_t>(x)]);
        bits = bits << 1 | (sum * 2 > count * (kBlack + kWhite) ? 1U : 0U);
    }
    const auto number = static_cast<std::uint32_t>(bits >> 16);
    if (checksum(number) != (bits & 0xFFFF))
        return std::nullopt;
    return number;
}

}  // namespace smartcodec
