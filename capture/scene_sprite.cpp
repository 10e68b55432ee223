#include "capture/scene_sprite.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "capture/scene_canvas.h"
#include "capture/scene_figure.h"
#include "capture/scene_kernels.h"
#include "capture/scene_math.h"

namespace smartcodec {

namespace {

/// A window of the samples of a plane that a sprite's plane covers.
struct Overlap {
    int first = 0;  // in the picture
    int count = 0;
    int offset = 0;  // in the sprite: the neighbour before the first
};

// A sprite at `start` + fraction shows at sample s + start what lies between its samples s - 1 and s.
Overlap overlap(int start, int spriteLength, int pictureLength) {
    const int first = std::max(0, start + 1);
    const int end = std::min(pictureLength, start + spriteLength);
    return {first, std::max(0, end - first), first - start - 1};
}

std::uint8_t toByte(double value, int low, int high) {
    return static_cast<std::uint8_t>(std::clamp(roundToInt(value), low, high));
}

/// Chroma of half the size, sited left: weights 1-2-1 across and 1-1 down, surfaces weighted by their coverage.
void shrinkChroma(SceneSprite& sprite, const std::vector<double>& cb, const std::vector<double>& cr) {
    const int width = sprite.size.width;
    const int height = sprite.size.height;
    for (int y = 0; y < height; y += 2)
        for (int x = 0; x < width; x += 2) {
            double weights = 0;
            double sums[2] = {0, 0};
            for (int k = 0; k < 6; ++k) {
                const int column = std::clamp(x + k % 3 - 1, 0, width - 1);
                const auto i = static_cast<std::size_t>((y + k / 3) * width + column);
                const double weight = (k % 3 == 1 ? 2.0 : 1.0) * sprite.alpha[i];
                weights += weight;
                sums[0] += weight * cb[i];
                sums[1] += weight * cr[i];
            }
            sprite.chromaAlpha.push_back(toByte(weights / 8, 0, 255));
            sprite.cb.push_back(toByte(weights > 0 ? sums[0] / weights : 128, 16, 240));
            sprite.cr.push_back(toByte(weights > 0 ? sums[1] / weights : 128, 16, 240));
        }
}

void findExtent(SceneSprite& sprite) {
    sprite.left = sprite.size.width;
    sprite.top = sprite.size.height;
    for (int y = 0; y < sprite.size.height; ++y)
        for (int x = 0; x < sprite.size.width; ++x)
            if (sprite.alpha[static_cast<std::size_t>(y * sprite.size.width + x)] >= 128) {
                sprite.left = std::min(sprite.left, x);
                sprite.right = std::max(sprite.right, x + 1);
                sprite.top = std::min(sprite.top, y);
                sprite.bottom = y + 1;
            }
    if (sprite.right == 0)
        sprite.left = sprite.top = 0;
}

void findSpans(const std::vector<std::uint8_t>& alpha, int width, std::vector<SceneSprite::Span>& spans) {
    for (auto row = alpha.begin(); row != alpha.end(); row += width) {
        const auto covered = [](std::uint8_t value) { return value != 0; };
        const auto begin = std::find_if(row, row + width, covered);
        const auto end =
            std::find_if(std::make_reverse_iterator(row + width), std::make_reverse_iterator(begin), covered);
        spans.push_back({static_cast<int>(begin - row), static_cast<int>(end.base() - row)});
    }
}

/// Empties a sprite for one of the given size, and makes all room that it lacks at once.
void prepare(SceneSprite& sprite, Size size, bool colored) {
    const auto samples = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
    const auto rows = static_cast<std::size_t>(size.height);
    for (auto* plane : {&sprite.alpha, &sprite.luma}) {
        plane->clear();
        plane->reserve(samples);
    }
    for (auto* plane : {&sprite.chromaAlpha, &sprite.cb, &sprite.cr}) {
        plane->clear();
        plane->reserve(colored ? samples / 4 : 0);
    }
    sprite.spans.clear();
    sprite.spans.reserve(rows);
    sprite.chromaSpans.clear();
    sprite.chromaSpans.reserve(colored ? rows / 2 : 0);
    sprite.size = size;
    sprite.left = sprite.top = sprite.right = sprite.bottom = 0;
}

/// What of an overlap two neighbouring rows of a sprite cover, blurred by one sample.
Overlap trim(const Overlap& columns, const SceneSprite::Span* rows) {
    // Sprite samples s - 1 and s make the picture's, counted by s - 1 here.
    int begin = std::max(columns.offset, std::min(rows[0].begin, rows[1].begin) - 1);
    int end = std::min(columns.offset + columns.count, std::max(rows[0].end, rows[1].end));
    return {columns.first + begin - columns.offset, std::max(0, end - begin), begin};
}

int evenUp(double length) {
    return (static_cast<int>(std::ceil(length)) + 1) / 2 * 2;
}

}  // namespace

int scenePostures(SceneShape shape) {
    return sceneStride(shape) > 0 ? 16 : 1;
}

double sceneStride(SceneShape shape) {
    switch (shape) {
        case SceneShape::Person:
            return 0.8;
        case SceneShape::Animal:
            return 1.5;
        case SceneShape::Box:
        case SceneShape::Ellipse:
        case SceneShape::Car:
            break;
    }
    return 0;
}

void SceneSpriteMaker::make(const SceneLook& look, const SceneSpriteFormat& format, SceneSprite& sprite) {
    const double softness = std::max(1.0, look.softness * format.scale);
    const double width = look.width * format.scale;
    const double height = look.height * format.scale;
    // Two transparent samples on each side: interpolation in chroma reaches two luma samples far.
    const Size size{evenUp(width + softness) + 4, evenUp(height + softness) + 4};
    const auto samples = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
    prepare(sprite, size, !look.contrast);
    makeSceneTexture(size, {.cell = std::max(4.0, height / 6), .smallest = 3, .persistence = 0.7, .seed = look.seed},
                     texture_);
    const SceneFigure figure(look, format.posture);

    cb_.resize(samples);
    cr_.resize(samples);
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x) {
            const bool border = x < 2 || y < 2 || x >= size.width - 2 || y >= size.height - 2;
            const double across = (x + 0.5 - size.width / 2.0) / format.scale;
            const double down = (y + 0.5 - size.height / 2.0) / format.scale;
            const SceneFigure::Sample sample =
                figure.at(format.mirrored ? -across : across, down, softness / format.scale);
            const auto i = sprite.alpha.size();
            sprite.alpha.push_back(border ? std::uint8_t{0} : toByte(sample.coverage * 255, 0, 255));
            const double surface = look.texture * static_cast<double>(texture_[i]);
            sprite.luma.push_back(look.contrast ? toByte(128 + *look.contrast + surface, 1, 255)
                                                : toByte(sample.luma + surface, 16, 235));
            cb_[i] = sample.cb;
            cr_[i] = sample.cr;
        }
    if (!look.contrast)
        shrinkChroma(sprite, cb_, cr_);
    findSpans(sprite.alpha, size.width, sprite.spans);
    findSpans(sprite.chromaAlpha, size.width / 2, sprite.chromaSpans);
    findExtent(sprite);
}

void SceneSpritePainter::draw(const Picture& picture, const SceneSprite& sprite, Place place, bool additive) {
    for (int plane = 0; plane < (additive ? 1 : 3); ++plane) {
        const int half = plane == 0 ? 0 : 1;
        const int steps = plane == 0 ? 8 : 16;
        const Size size{sprite.size.width >> half, sprite.size.height >> half};
        const int bits = plane == 0 ? 3 : 4;
        const Overlap columns = overlap(place.x >> bits, size.width, picture.size.width >> half);
        const Overlap rows = overlap(place.y >> bits, size.height, picture.size.height >> half);
        if (columns.count == 0 || rows.count == 0)
            continue;
        // The sample shown lies `fraction` before the sprite's sample: the complement counts from its neighbour.
        const int fractionX = place.x & (steps - 1);
        const int fractionY = place.y & (steps - 1);
        const BilinearWeights weights = BilinearWeights::between(steps - fractionX, steps - fractionY, steps);
        const auto& alpha = plane == 0 ? sprite.alpha : sprite.chromaAlpha;
        const auto& surface = plane == 0 ? sprite.luma : plane == 1 ? sprite.cb : sprite.cr;
        const auto& spans = plane == 0 ? sprite.spans : sprite.chromaSpans;
        alpha_.resize(std::max(alpha_.size(), static_cast<std::size_t>(columns.count)));
        surface_.resize(alpha_.size());
        const Plane& memory = picture.planes[static_cast<std::size_t>(plane)];
        const auto stride = static_cast<std::size_t>(size.width);
        for (int y = 0; y < rows.count; ++y) {
            const Overlap part = trim(columns, spans.data() + rows.offset + y);
            const auto count = static_cast<std::size_t>(part.count);
            if (count == 0)
                continue;
            auto* out = reinterpret_cast<std::uint8_t*>(memory.data +
                                                        static_cast<std::size_t>(rows.first + y) * memory.strideBytes +
                                                        static_cast<std::size_t>(part.first));
            const std::size_t at =
                static_cast<std::size_t>(rows.offset + y) * stride + static_cast<std::size_t>(part.offset);
            interpolateRow(alpha_.data(), alpha.data() + at, alpha.data() + at + stride, count, weights);
            interpolateRow(surface_.data(), surface.data() + at, surface.data() + at + stride, count, weights);
            if (additive)
                addRow(out, alpha_.data(), surface_.data(), count);
            else
                blendRow(out, alpha_.data(), surface_.data(), count);
        }
    }
}

void SceneSpritePainter::mark(std::uint8_t* mask, Size size, const SceneSprite& sprite, Place place) {
    const Overlap columns = overlap(place.x >> 3, sprite.size.width, size.width);
    const Overlap rows = overlap(place.y >> 3, sprite.size.height, size.height);
    const BilinearWeights weights = BilinearWeights::between(8 - (place.x & 7), 8 - (place.y & 7), 8);
    const auto count = static_cast<std::size_t>(columns.count);
    if (count == 0)
        return;
    alpha_.resize(std::max(alpha_.size(), count));
    const auto stride = static_cast<std::size_t>(sprite.size.width);
    for (int y = 0; y < rows.count; ++y) {
        std::uint8_t* out = mask + static_cast<std::size_t>(rows.first + y) * static_cast<std::size_t>(size.width) +
                            static_cast<std::size_t>(columns.first);
        const std::uint8_t* alpha = sprite.alpha.data() + static_cast<std::size_t>(rows.offset + y) * stride +
                                    static_cast<std::size_t>(columns.offset);
        interpolateRow(alpha_.data(), alpha, alpha + stride, count, weights);
        for (std::size_t x = 0; x < count; ++x)
            if (alpha_[x] > 0)
                out[x] = 255;
    }
}

}  // namespace smartcodec
