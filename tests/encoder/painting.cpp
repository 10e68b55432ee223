#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/encoder/encoder_fixture.h"

namespace smartcodec::test {

namespace {

/// One of 65536 sums of four uniform values, scaled to a standard deviation of 1: near enough to normal for a sensor.
const std::vector<float>& noiseTable() {
    static const std::vector<float> table = [] {
        std::vector<float> values(1 << 16);
        std::uint32_t state = 12345;
        for (float& value : values) {
            double sum = 0;
            for (int i = 0; i < 4; ++i) {
                state = state * 1664525u + 1013904223u;
                sum += static_cast<double>(state >> 8) / 16777216.0 - 0.5;
            }
            value = static_cast<float>(sum * std::sqrt(3.0));
        }
        return values;
    }();
    return table;
}

/// The background of pictures of one size; the last one is kept.
const std::vector<float>& texture(Size size) {
    static Size made;
    static std::vector<float> values;
    if (made == size)
        return values;
    made = size;
    values.clear();
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
            values.push_back(
                static_cast<float>(120.5 + 40 * std::sin(x * 0.05) * std::cos(y * 0.07) + ((x / 8 + y / 8) % 3) * 6));
    return values;
}

/// Into the picture by a copy, which the thread sanitizer sees: the loops it does not.
void writeRow(const Picture& picture, int plane, int y, const std::vector<std::uint8_t>& row) {
    const Plane& memory = picture.planes[static_cast<std::size_t>(plane)];
    std::memcpy(memory.data + static_cast<std::size_t>(y) * memory.strideBytes, row.data(), row.size());
}

void paintLuma(const Picture& picture, int number, const PictureRecipe& recipe) {
    const std::vector<float>& noise = noiseTable();
    const float* background = texture(picture.size).data();
    const bool otherScene = recipe.seed % 2 == 0;
    const auto sigma = static_cast<float>(recipe.noise);
    std::uint32_t state = recipe.seed * 2654435761u + static_cast<std::uint32_t>(number) * 40503u;
    std::vector<std::uint8_t> row(static_cast<std::size_t>(picture.size.width));
    for (int y = 0; y < picture.size.height; ++y) {
        state = state * 1664525u + 1013904223u;
        std::size_t position = state >> 16;
        for (std::uint8_t& sample : row) {
            const float value = otherScene ? 270.0f - 2.0f * *background : *background;
            ++background;
            sample = static_cast<std::uint8_t>(std::clamp(value + sigma * noise[position++ & 0xffff], 0.0f, 255.0f));
        }
        writeRow(picture, 0, y, row);
    }
}

}  // namespace

void paint(const Picture& picture, int number, const PictureRecipe& recipe) {
    paintLuma(picture, number, recipe);
    for (int plane = 1; plane < planeCount(picture.format); ++plane) {
        const Size bytes = planeSizeBytes(picture.format, picture.size, plane);
        std::vector<std::uint8_t> row(static_cast<std::size_t>(bytes.width));
        for (int y = 0; y < bytes.height; ++y) {
            for (int x = 0; x < bytes.width; ++x) {
                // Cb rises to the right, Cr downwards, so that a mix-up shows.
                const bool isCr = picture.format == kNv12 ? x % 2 == 1 : plane == 2;
                const int column = picture.format == kNv12 ? x / 2 : x;
                row[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(isCr ? 80 + y / 4 : 100 + column / 4);
            }
            writeRow(picture, plane, y, row);
        }
    }
}

}  // namespace smartcodec::test
