#include "analysis/texture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "analysis/qp_map.h"

namespace smartcodec {
namespace {

constexpr float kRounding = 1.0F / 12;
constexpr int kLeastSamples = 4;

int blocksOf(int pixels) {
    return (pixels + QpMap::kBlock - 1) / QpMap::kBlock;
}

struct Range {
    int first, end;
};

// What a block covers, of `count` samples.
Range range(int block, double size, int count) {
    const int first = std::clamp(static_cast<int>(block * size), 0, std::max(count - kLeastSamples, 0));
    return {first, std::clamp(static_cast<int>((block + 1) * size), first + std::min(kLeastSamples, count), count)};
}

}  // namespace

void measureTexture(const LumaView& picture, int width, int height, std::vector<float>& log2Variance) {
    const int columns = blocksOf(width);
    const int rows = blocksOf(height);
    const double blockWidth = static_cast<double>(QpMap::kBlock) * picture.width / width;
    const double blockHeight = static_cast<double>(QpMap::kBlock) * picture.height / height;
    log2Variance.resize(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows));
    std::size_t i = 0;
    for (int row = 0; row < rows; ++row) {
        const Range down = range(row, blockHeight, picture.height);
        for (int column = 0; column < columns; ++column, ++i) {
            const Range across = range(column, blockWidth, picture.width);
            std::uint32_t sum = 0;
            std::uint32_t squares = 0;
            for (int y = down.first; y < down.end; ++y) {
                const std::uint8_t* const samples = picture.row(y);
                for (int x = across.first; x < across.end; ++x) {
                    sum += samples[x];
                    squares += static_cast<std::uint32_t>(samples[x]) * samples[x];
                }
            }
            const auto count = static_cast<float>((down.end - down.first) * (across.end - across.first));
            const float mean = static_cast<float>(sum) / count;
            const float variance = std::max(static_cast<float>(squares) / count - mean * mean, 0.0F);
            log2Variance[i] = std::log2(variance + kRounding);
        }
    }
}

}  // namespace smartcodec
