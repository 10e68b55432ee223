#include "capture/scene_canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

std::size_t area(Size size) {
    return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
}

/// One value of -1..1 per lattice point.
float latticeValue(std::uint64_t seed, int x, int y) {
    const auto key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(y)) << 32) | static_cast<std::uint32_t>(x);
    return static_cast<float>(2 * unitInterval(mixBits(seed ^ key)) - 1);
}

void addOctave(std::vector<float>& plane, Size size, double cell, float amplitude, std::uint64_t seed) {
    const int columns = static_cast<int>(size.width / cell) + 2;
    std::vector<float> top(static_cast<std::size_t>(columns));
    std::vector<float> bottom(top.size());
    std::vector<float> mixed(top.size());
    std::vector<int> column(static_cast<std::size_t>(size.width));
    std::vector<float> share(column.size());
    for (int x = 0; x < size.width; ++x) {
        const double place = x / cell;
        const auto i = static_cast<std::size_t>(x);
        column[i] = static_cast<int>(place);
        share[i] = static_cast<float>(smoothStep(place - column[i]));
    }
    int drawn = -1;
    for (int y = 0; y < size.height; ++y) {
        const double place = y / cell;
        const int row = static_cast<int>(place);
        if (row != drawn) {
            for (int i = 0; i < columns; ++i) {
                top[static_cast<std::size_t>(i)] = latticeValue(seed, i, row);
                bottom[static_cast<std::size_t>(i)] = latticeValue(seed, i, row + 1);
            }
            drawn = row;
        }
        const auto down = static_cast<float>(smoothStep(place - row));
        for (std::size_t i = 0; i < mixed.size(); ++i)
            mixed[i] = amplitude * (top[i] + (bottom[i] - top[i]) * down);
        float* out = plane.data() + static_cast<std::size_t>(y) * column.size();
        for (std::size_t x = 0; x < column.size(); ++x) {
            const float* left = mixed.data() + column[x];
            out[x] += left[0] + (left[1] - left[0]) * share[x];
        }
    }
}

}  // namespace

std::vector<float> makeSceneTexture(Size size, const SceneTexture& texture) {
    std::vector<float> plane;
    makeSceneTexture(size, texture, plane);
    return plane;
}

void makeSceneTexture(Size size, const SceneTexture& texture, std::vector<float>& plane) {
    plane.assign(area(size), 0.0F);
    double cell = std::max(texture.cell, 1.0);
    double amplitude = 1;
    std::uint64_t octave = 0;
    do {
        addOctave(plane, size, cell, static_cast<float>(amplitude), mixBits(texture.seed, octave++));
        cell /= 2;
        amplitude *= texture.persistence;
    } while (cell >= std::max(texture.smallest, 1.0));
}

SceneCanvas::SceneCanvas(const Format& format)
    : format_(format),
      size_{format.picture.width + 2 * format.marginX, format.picture.height + 2 * format.marginY},
      luma_(area(size_), 126.0F),
      cb_(area(size_), 128.0F),
      cr_(area(size_), 128.0F) {
    const double scale = std::min(format.picture.width / 1920.0, format.picture.height / 1080.0);
    fine_ = makeSceneTexture(
        size_, {.cell = 24 * scale, .smallest = 2.5 * scale, .persistence = 0.8, .seed = mixBits(format.seed, 1)});
    coarse_ = makeSceneTexture(
        size_, {.cell = 420 * scale, .smallest = 60 * scale, .persistence = 0.5, .seed = mixBits(format.seed, 2)});
}

ScenePoint SceneCanvas::toPixels(ScenePoint point) const {
    return {point.x * format_.picture.width / 1920 + format_.marginX,
            point.y * format_.picture.height / 1080 + format_.marginY};
}

SceneCanvas::Bounds SceneCanvas::clip(double left, double top, double right, double bottom) const {
    const auto within = [](double value, int limit) {
        return static_cast<int>(std::clamp(value, 0.0, static_cast<double>(limit)));
    };
    return {within(std::floor(left) - 1, size_.width), within(std::floor(top) - 1, size_.height),
            within(std::ceil(right) + 1, size_.width), within(std::ceil(bottom) + 1, size_.height)};
}

void SceneCanvas::put(int x, int y, float coverage, const ScenePaint& paint, float shade) {
    const std::size_t i =
        static_cast<std::size_t>(y) * static_cast<std::size_t>(size_.width) + static_cast<std::size_t>(x);
    const float luma = static_cast<float>(paint.luma) + shade + static_cast<float>(paint.fine) * fine_[i] +
                       static_cast<float>(paint.coarse) * coarse_[i];
    luma_[i] += coverage * (luma - luma_[i]);
    cb_[i] += coverage * (static_cast<float>(paint.cb) - cb_[i]);
    cr_[i] += coverage * (static_cast<float>(paint.cr) - cr_[i]);
}

void SceneCanvas::rectangle(ScenePoint topLeft, ScenePoint bottomRight, const ScenePaint& paint) {
    const std::array corners{topLeft, ScenePoint{bottomRight.x, topLeft.y}, bottomRight,
                             ScenePoint{topLeft.x, bottomRight.y}};
    polygon(corners, paint);
}

void SceneCanvas::polygon(std::span<const ScenePoint> corners, const ScenePaint& paint) {
    struct Edge {
        float x, y, offset;  // inward normal of length 1, and distance of the origin
    };
    std::vector<ScenePoint> points;
    double twiceArea = 0;
    for (const ScenePoint& corner : corners)
        points.push_back(toPixels(corner));
    for (std::size_t i = 0; i < points.size(); ++i) {
        const ScenePoint& a = points[i];
        const ScenePoint& b = points[(i + 1) % points.size()];
        twiceArea += a.x * b.y - a.y * b.x;
    }
    std::vector<Edge> edges;
    ScenePoint low = points.front();
    ScenePoint high = low;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const ScenePoint& a = points[i];
        const ScenePoint& b = points[(i + 1) % points.size()];
        low = {std::min(low.x, a.x), std::min(low.y, a.y)};
        high = {std::max(high.x, a.x), std::max(high.y, a.y)};
        const double length = std::sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
        if (length <= 0)
            continue;
        const double sign = twiceArea < 0 ? -1 : 1;
        const double x = sign * (a.y - b.y) / length;
        const double y = sign * (b.x - a.x) / length;
        edges.push_back({static_cast<float>(x), static_cast<float>(y), static_cast<float>(-(x * a.x + y * a.y) + 0.5)});
    }
    const Bounds bounds = clip(low.x, low.y, high.x, high.y);
    const double height = std::max(high.y - low.y, 1.0);
    for (int y = bounds.top; y < bounds.bottom; ++y) {
        const auto shade = static_cast<float>(paint.shade * std::clamp((y - low.y) / height, 0.0, 1.0));
        for (int x = bounds.left; x < bounds.right; ++x) {
            float coverage = 1;
            for (const Edge& edge : edges) {
                const float inside = edge.x * (static_cast<float>(x) + 0.5F) + edge.y * (static_cast<float>(y) + 0.5F);
                coverage = std::min(coverage, inside + edge.offset);
            }
            if (coverage > 0)
                put(x, y, coverage, paint, shade);
        }
    }
}

void SceneCanvas::line(ScenePoint from, ScenePoint to, double width, const ScenePaint& paint) {
    const double length =
        std::max(1e-6, std::sqrt((to.x - from.x) * (to.x - from.x) + (to.y - from.y) * (to.y - from.y)));
    const double x = (to.y - from.y) / length * width / 2;
    const double y = (from.x - to.x) / length * width / 2;
    const std::array corners{ScenePoint{from.x + x, from.y + y}, ScenePoint{to.x + x, to.y + y},
                             ScenePoint{to.x - x, to.y - y}, ScenePoint{from.x - x, from.y - y}};
    polygon(corners, paint);
}

void SceneCanvas::ellipse(ScenePoint center, double radiusX, double radiusY, const ScenePaint& paint) {
    const ScenePoint middle = toPixels(center);
    const ScenePoint corner = toPixels({center.x + radiusX, center.y + radiusY});
    const double width = std::max(corner.x - middle.x, 0.5);
    const double height = std::max(corner.y - middle.y, 0.5);
    const double smaller = std::min(width, height);
    const Bounds bounds = clip(middle.x - width, middle.y - height, middle.x + width, middle.y + height);
    for (int y = bounds.top; y < bounds.bottom; ++y) {
        const double down = (y + 0.5 - middle.y) / height;
        const auto shade = static_cast<float>(paint.shade * std::clamp(down / 2 + 0.5, 0.0, 1.0));
        for (int x = bounds.left; x < bounds.right; ++x) {
            const double across = (x + 0.5 - middle.x) / width;
            const double coverage = (1 - std::sqrt(across * across + down * down)) * smaller + 0.5;
            if (coverage > 0)
                put(x, y, static_cast<float>(std::min(coverage, 1.0)), paint, shade);
        }
    }
}

void SceneCanvas::vignette(double amount) {
    std::size_t i = 0;
    for (int y = 0; y < size_.height; ++y) {
        const double down = 2.0 * y / size_.height - 1;
        for (int x = 0; x < size_.width; ++x, ++i) {
            const double across = 2.0 * x / size_.width - 1;
            const auto factor = static_cast<float>(1 - amount * (across * across + down * down) / 2);
            luma_[i] = 16 + (luma_[i] - 16) * factor;
        }
    }
}

void SceneCanvas::soften() {
    // 1-2-1 in both directions, in place with the rows that are still needed kept aside.
    const auto width = static_cast<std::size_t>(size_.width);
    std::vector<float> above;
    std::vector<float> current(width);
    for (int y = 0; y < size_.height; ++y) {
        float* row = luma_.data() + static_cast<std::size_t>(y) * width;
        const float* below = y + 1 < size_.height ? row + width : row;
        current.assign(row, row + width);
        if (y == 0)
            above = current;
        std::vector<float>& column = above;  // becomes the vertical sum, then is dropped
        for (std::size_t x = 0; x < width; ++x)
            column[x] = (column[x] + 2 * current[x] + below[x]) / 4;
        for (std::size_t x = 0; x < width; ++x)
            row[x] = (column[x > 0 ? x - 1 : 0] + 2 * column[x] + column[std::min(x + 1, width - 1)]) / 4;
        above.swap(current);
    }
}

SceneBackdrop SceneCanvas::finish(double brightness, double saturation) {
    soften();
    SceneBackdrop out;
    out.size = size_;
    out.marginX = format_.marginX;
    out.marginY = format_.marginY;
    const auto width = static_cast<std::size_t>(size_.width);
    const auto height = static_cast<std::size_t>(size_.height);

    out.luma.resize((width + 1) * (height + 1));
    for (std::size_t y = 0; y <= height; ++y)
        for (std::size_t x = 0; x <= width; ++x) {
            const float value = luma_[std::min(y, height - 1) * width + std::min(x, width - 1)];
            const int level = roundToInt(16 + (static_cast<double>(value) - 16) * brightness);
            out.luma[y * (width + 1) + x] = static_cast<std::uint8_t>(std::clamp(level, 16, 235));
        }
    const auto shrink = [&](const std::vector<float>& from, std::vector<std::uint8_t>& to) {
        to.resize((width / 2 + 1) * (height / 2 + 1));
        for (std::size_t y = 0; y <= height / 2; ++y)
            for (std::size_t x = 0; x <= width / 2; ++x) {
                float sum = 0;
                for (std::size_t row = 2 * y; row < 2 * y + 2; ++row) {
                    const float* line = from.data() + std::min(row, height - 1) * width;
                    const std::size_t middle = std::min(2 * x, width - 1);
                    sum += line[middle > 0 ? middle - 1 : 0] + 2 * line[middle] + line[std::min(middle + 1, width - 1)];
                }
                const int level = roundToInt(128 + (static_cast<double>(sum) / 8 - 128) * saturation);
                to[y * (width / 2 + 1) + x] = static_cast<std::uint8_t>(std::clamp(level, 16, 240));
            }
    };
    shrink(cb_, out.cb);
    shrink(cr_, out.cr);
    return out;
}

}  // namespace smartcodec
