#include "capture/scene_effects.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "capture/scene_kernels.h"
#include "capture/scene_math.h"

namespace smartcodec {

namespace {

std::uint8_t* rowOf(const Picture& picture, int plane, int y) {
    const Plane& memory = picture.planes[static_cast<std::size_t>(plane)];
    return reinterpret_cast<std::uint8_t*>(memory.data + static_cast<std::size_t>(y) * memory.strideBytes);
}

Size planeSize(const Picture& picture, int plane) {
    return plane == 0 ? picture.size : Size{picture.size.width / 2, picture.size.height / 2};
}

double seconds(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) * 1e-9;
}

double scaleOf(Size picture) {
    return std::min(picture.width / 1920.0, picture.height / 1080.0);
}

/// The wind's displacement at the corners of a grid, between which it is interpolated.
class Sway {
  public:
    static constexpr int kCell = 16;  // luma samples
    static constexpr int kBits = 12;  // displacements are in 2^-12 luma samples

    Sway(Size area, const SceneFoliage& foliage, double scale, double time)
        : columns_(area.width / kCell + 2), nodes_(static_cast<std::size_t>(columns_ * (area.height / kCell + 2))) {
        // Gusts: the strength itself comes and goes, between a fifth and all of it.
        const double gust = 0.6 + 0.25 * sineOfTurns(0.11 * time) + 0.15 * sineOfTurns(0.37 * time + 0.2);
        const double reach = foliage.amplitude * scale * gust * (1 << kBits);
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const double x = static_cast<double>(static_cast<int>(i) % columns_) * kCell;
            const double y = static_cast<double>(static_cast<int>(i) / columns_) * kCell;
            const double u = std::min(x, area.width - x) / area.width * 4;
            const double v = std::min(y, area.height - y) / area.height * 4;
            const double envelope = std::clamp(std::min(u, v), 0.0, 1.0) * reach;
            const double across = x / scale;
            const double down = y / scale;
            nodes_[i].x = roundToInt(envelope * (0.65 * sineOfTurns(0.7 * time + across / 420 + down / 900) +
                                                 0.35 * sineOfTurns(2.1 * time - across / 130 + down / 170)));
            nodes_[i].y = roundToInt(envelope * (0.3 * sineOfTurns(0.9 * time + across / 300 - down / 260) +
                                                 0.2 * sineOfTurns(2.6 * time + across / 110)));
        }
    }

    struct Shift {
        int x = 0;
        int y = 0;
    };
    /// The displacements of one row at the corners' columns; `y` luma samples below the area's top.
    void row(int y, std::vector<Shift>& shifts) const {
        const Shift* above = nodes_.data() + y / kCell * columns_;
        const Shift* below = above + columns_;
        const int down = y % kCell;
        shifts.resize(static_cast<std::size_t>(columns_));
        for (std::size_t i = 0; i < shifts.size(); ++i)
            shifts[i] = {above[i].x + (below[i].x - above[i].x) * down / kCell,
                         above[i].y + (below[i].y - above[i].y) * down / kCell};
    }

  private:
    int columns_;
    std::vector<Shift> nodes_;
};

/// A plane's value at a place in sixteenths of a sample, held at the plane's edges.
std::uint8_t sampleAt(const std::vector<std::uint8_t>& plane, std::size_t stride, Size size, int x16, int y16) {
    const int x = std::clamp(x16, 0, (size.width - 1) * 16);
    const int y = std::clamp(y16, 0, (size.height - 1) * 16);
    const std::uint8_t* at = plane.data() + static_cast<std::size_t>(y >> 4) * stride + (x >> 4);
    const int right = x & 15;
    const int down = y & 15;
    const int top = at[0] * (16 - right) + at[1] * right;
    const int bottom = at[stride] * (16 - right) + at[stride + 1] * right;
    return static_cast<std::uint8_t>((top * (16 - down) + bottom * down + 128) >> 8);
}

/// What of a backdrop's plane a row of foliage shows.
struct SwayedRow {
    const std::vector<std::uint8_t>& from;
    std::size_t stride = 0;
    Size size;                            // of the plane
    const Sway::Shift* shifts = nullptr;  // at the corners, from `first` on
    int first = 0, begin = 0, end = 0;    // samples of the picture's row: where the foliage begins, what is drawn
    int x16 = 0, y16 = 0;                 // where the picture's sample 0 lies, in sixteenths of a sample
};

/// `half`: 1 for a chroma plane. Constant, so that a cell's length divides by shifting.
template <int half>
void drawSwayedRow(std::uint8_t* out, const SwayedRow& row) {
    constexpr int kCell = Sway::kCell >> half;
    constexpr int kToSixteenth = Sway::kBits - 4 + half;
    for (int x = row.begin; x < row.end;) {
        const int number = (x - row.first) / kCell;
        const int start = row.first + number * kCell;
        const int end = std::min(row.end, start + kCell);
        const Sway::Shift shift = row.shifts[number];
        const Sway::Shift next = row.shifts[number + 1];
        for (; x < end; ++x) {
            const int shiftX = shift.x + (next.x - shift.x) * (x - start) / kCell;
            const int shiftY = shift.y + (next.y - shift.y) * (x - start) / kCell;
            out[x] = sampleAt(row.from, row.stride, row.size, x * 16 + row.x16 + (shiftX >> kToSixteenth),
                              row.y16 + (shiftY >> kToSixteenth));
        }
    }
}

}  // namespace

void drawBackdrop(const Picture& picture, const SceneBackdrop& backdrop, SceneAim aim) {
    for (int plane = 0; plane < 3; ++plane) {
        const int half = plane == 0 ? 0 : 1;
        const int bits = 3 + half;
        const int x = (backdrop.marginX >> half) + (aim.x >> bits);
        const int y = (backdrop.marginY >> half) + (aim.y >> bits);
        const int fraction = (1 << bits) - 1;
        const bool whole = (aim.x & fraction) == 0 && (aim.y & fraction) == 0;
        const BilinearWeights weights = BilinearWeights::between(aim.x & fraction, aim.y & fraction, 1 << bits);
        const Size size = planeSize(picture, plane);
        const std::size_t stride = backdrop.strideBytes(plane);
        const std::uint8_t* from =
            backdrop.plane(plane).data() + static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x);
        for (int row = 0; row < size.height; ++row, from += stride) {
            const auto count = static_cast<std::size_t>(size.width);
            if (whole)
                std::memcpy(rowOf(picture, plane, row), from, count);
            else
                interpolateRow(rowOf(picture, plane, row), from, from + stride, count, weights);
        }
    }
}

void drawFoliage(const Picture& picture, const SceneBackdrop& backdrop, SceneAim aim, const SceneFoliage& foliage,
                 std::chrono::nanoseconds time) {
    // In samples of the backdrop, which the foliage belongs to, so that it moves with it under a pan.
    const double scaleX = picture.size.width / 1920.0;
    const double scaleY = picture.size.height / 1080.0;
    const Size area{std::max(2, roundToInt(foliage.width * scaleX)), std::max(2, roundToInt(foliage.height * scaleY))};
    const Sway sway(area, foliage, scaleOf(picture.size), seconds(time));
    const int left = roundToInt(foliage.x * scaleX) - (aim.x >> 3);
    const int top = roundToInt(foliage.y * scaleY) - (aim.y >> 3);
    std::vector<Sway::Shift> shifts;
    for (int plane = 0; plane < 3; ++plane) {
        const int half = plane == 0 ? 0 : 1;
        const Size size = planeSize(picture, plane);
        const Size canvas{backdrop.size.width >> half, backdrop.size.height >> half};
        const std::size_t stride = backdrop.strideBytes(plane);
        const auto& from = backdrop.plane(plane);
        const int firstX = left >> half;
        const int firstY = top >> half;
        const int beginX = std::clamp(firstX, 0, size.width);
        const int beginY = std::clamp(firstY, 0, size.height);
        const int endX = std::clamp((left + area.width) >> half, beginX, size.width);
        const int endY = std::clamp((top + area.height) >> half, beginY, size.height);
        // The camera's aim and the margin, in sixteenths of this plane's samples.
        const int aimX = (aim.x * 2 >> half) + (backdrop.marginX >> half) * 16;
        const int aimY = (aim.y * 2 >> half) + (backdrop.marginY >> half) * 16;
        for (int y = beginY; y < endY; ++y) {
            sway.row((y - firstY) << half, shifts);
            const SwayedRow row{.from = from,
                                .stride = stride,
                                .size = canvas,
                                .shifts = shifts.data(),
                                .first = firstX,
                                .begin = beginX,
                                .end = endX,
                                .x16 = aimX,
                                .y16 = y * 16 + aimY};
            if (half == 0)
                drawSwayedRow<0>(rowOf(picture, plane, y), row);
            else
                drawSwayedRow<1>(rowOf(picture, plane, y), row);
        }
    }
}

void drawRain(const Picture& picture, const SceneRain& rain, std::chrono::nanoseconds time) {
    const double scale = scaleOf(picture.size);
    const double width = picture.size.width;
    const double height = picture.size.height;
    const double half = std::max(0.6, 1.2 * scale);  // of a streak's width
    for (int i = 0; i < rain.drops; ++i) {
        SceneRandom random(mixBits(rain.seed, static_cast<std::uint64_t>(i)));
        const double length = random.real(30, 75) * scale;
        const double way = height + 2 * length;
        const double speed = random.real(2.2, 3.2);  // picture heights per second
        const double fall = seconds(time) * speed * height / way + random.real(0, 1);
        // Each time a drop has fallen through, the next one comes down elsewhere.
        const auto turn = static_cast<std::uint64_t>(fall);
        const double y0 = (fall - static_cast<double>(turn)) * way - length;
        const double x0 = unitInterval(mixBits(rain.seed, static_cast<std::uint64_t>(i), turn + 1)) * width;
        const double strength = rain.brightness * random.real(0.5, 1);
        const double slant = random.real(0.05, 0.12);
        for (int y = std::max(0, static_cast<int>(y0)); y < std::min(height, y0 + length); ++y) {
            const double along = std::clamp((y - y0) / length, 0.0, 1.0);
            const double center = x0 - slant * (y - y0);
            const double light = strength * 4 * along * (1 - along);
            std::uint8_t* row = rowOf(picture, 0, y);
            for (int x = std::max(0, static_cast<int>(center - half)); x <= std::min(width - 1, center + half + 1);
                 ++x) {
                const double cover = std::clamp(half + 0.5 - std::abs(x - center), 0.0, 1.0);
                row[x] = static_cast<std::uint8_t>(std::clamp(row[x] + roundToInt(light * cover), 16, 235));
            }
        }
    }
}

void applyGain(const Picture& picture, double factor) {
    const int gain = std::clamp(roundToInt(factor * 256), 0, 16 * 256);
    if (gain == 256)
        return;
    for (int plane = 0; plane < 3; ++plane) {
        const Size size = planeSize(picture, plane);
        for (int y = 0; y < size.height; ++y)
            gainRow(rowOf(picture, plane, y), static_cast<std::size_t>(size.width), gain,
                    plane == 0 ? kLumaGain : kChromaGain);
    }
}

std::vector<std::uint16_t> makeLightMap(const SceneLamp& lamp, Size picture) {
    std::vector<std::uint16_t> map;
    map.reserve(static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height));
    const double scale = scaleOf(picture);
    const double radius = std::max(1e-3, lamp.radius * scale);
    const double centerX = lamp.x * picture.width / 1920;
    const double centerY = lamp.y * picture.height / 1080;
    for (int y = 0; y < picture.height; ++y)
        for (int x = 0; x < picture.width; ++x) {
            const double across = (x + 0.5 - centerX) / radius;
            const double down = (y + 0.5 - centerY) / radius;
            const double fall = 1 + across * across + down * down;
            const int extra = roundToInt(lamp.gain * 256 / (fall * fall));
            map.push_back(static_cast<std::uint16_t>(std::clamp(extra, 0, 16 * 256)));
        }
    return map;
}

void applyLight(const Picture& picture, const std::vector<std::uint16_t>& lightMap) {
    const auto stride = static_cast<std::size_t>(picture.size.width);
    for (int plane = 0; plane < 3; ++plane) {
        const std::size_t step = plane == 0 ? 1 : 2;
        const Size size = planeSize(picture, plane);
        for (int y = 0; y < size.height; ++y)
            lightRow(rowOf(picture, plane, y), lightMap.data() + static_cast<std::size_t>(y) * step * stride,
                     static_cast<std::size_t>(size.width), step, plane == 0 ? kLumaGain : kChromaGain);
    }
}

void removeColor(const Picture& picture) {
    for (int plane = 1; plane < 3; ++plane) {
        const Size size = planeSize(picture, plane);
        for (int y = 0; y < size.height; ++y)
            std::memset(rowOf(picture, plane, y), 128, static_cast<std::size_t>(size.width));
    }
}

}  // namespace smartcodec
