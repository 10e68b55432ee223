#include "capture/scene_figure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "capture/scene_math.h"
#include "capture/scene_sprite.h"

namespace smartcodec {

namespace {

// Widths at which the figures have their natural proportions, in heights.
constexpr double kPersonWidth = 0.46;
constexpr double kAnimalWidth = 1.7;
constexpr double kCarWidth = 2.9;

double length(double x, double y) {
    return std::sqrt(x * x + y * y);
}

}  // namespace

SceneFigure::SceneFigure(const SceneLook& look, int posture) : unitX_(look.height), unitY_(look.height) {
    const double turn = static_cast<double>(posture) / scenePostures(look.shape);
    const auto luma = static_cast<double>(look.luma);
    const auto cb = static_cast<double>(look.cb);
    const auto cr = static_cast<double>(look.cr);
    switch (look.shape) {
        case SceneShape::Box:
        case SceneShape::Ellipse: {
            const bool box = look.shape == SceneShape::Box;
            parts_.push_back({box ? Part::Kind::Box : Part::Kind::Ellipse, 0, 0, 0.5 * look.width / look.height, 0.5, 0,
                              luma, cb, cr});
            break;
        }
        case SceneShape::Person:
            unitX_ = look.width / kPersonWidth;
            person(look, turn);
            break;
        case SceneShape::Animal:
            unitX_ = look.width / kAnimalWidth;
            animal(look, turn);
            break;
        case SceneShape::Car:
            unitX_ = look.width / kCarWidth;
            car(look);
            break;
    }
    for (const Part& part : parts_)
        boxes_.push_back(around(part));
}

void SceneFigure::person(const SceneLook& look, double turn) {
    const double cb = look.cb;
    const double cr = look.cr;
    const double jacket = look.luma;
    const double trousers = 16 + (jacket - 16) * 0.55;
    const double skin = 152;
    const auto leg = [&](double phase, double luma) {
        const double swing = 0.42 * sineOfTurns(phase);
        const double bend = 0.5 * std::max(0.0, sineOfTurns(phase + 0.3));
        const double hip = 0.01;
        const double kneeX = hip + 0.24 * swing;
        const double kneeY = 0.25 - 0.03 * std::abs(swing);
        const double footX = kneeX + 0.24 * (swing - bend);
        const double footY = 0.46 - 0.09 * bend;
        parts_.push_back({Part::Kind::Limb, hip, 0.01, kneeX, kneeY, 0.055, luma, 128, 128});
        parts_.push_back({Part::Kind::Limb, kneeX, kneeY, footX, footY, 0.038, luma, 128, 128});
        parts_.push_back({Part::Kind::Limb, footX, footY + 0.012, footX + 0.05, footY + 0.016, 0.022, 34, 128, 128});
    };
    const auto arm = [&](double phase, double luma) {
        const double swing = 0.36 * sineOfTurns(phase);
        const double elbowX = 0.16 * swing;
        const double handX = elbowX + 0.15 * (swing + 0.25);
        parts_.push_back({Part::Kind::Limb, 0, -0.28, elbowX, -0.13, 0.036, luma, cb, cr});
        parts_.push_back({Part::Kind::Limb, elbowX, -0.13, handX, 0.0, 0.03, luma, cb, cr});
        parts_.push_back({Part::Kind::Limb, handX, 0.005, handX, 0.02, 0.025, skin, 114, 150});
    };
    arm(turn, jacket * 0.82);
    leg(turn + 0.5, trousers * 0.85);
    leg(turn, trousers);
    parts_.push_back({Part::Kind::Limb, 0, -0.36, 0.01, -0.3, 0.04, skin - 16, 114, 150});
    parts_.push_back({Part::Kind::Limb, 0, -0.25, 0, 0.0, 0.085, jacket, cb, cr});
    parts_.push_back({Part::Kind::Ellipse, -0.005, -0.425, 0.06, 0.068, 0, 48, 124, 132});
    parts_.push_back({Part::Kind::Ellipse, 0.016, -0.41, 0.043, 0.055, 0, skin, 114, 150});
    arm(turn + 0.5, jacket * 0.92);
}

void SceneFigure::animal(const SceneLook& look, double turn) {
    const double luma = look.luma;
    const double cb = look.cb;
    const double cr = look.cr;
    for (int i = 0; i < 4; ++i) {
        const double hip = i < 2 ? -0.42 : 0.4;
        const double swing = 0.2 * sineOfTurns(turn + 0.5 * (i % 2) + 0.2 * (i / 2));
        parts_.push_back(
            {Part::Kind::Limb, hip, 0.1, hip + swing, 0.44, 0.05, luma * (i % 2 == 0 ? 0.7 : 0.85), cb, cr});
    }
    parts_.push_back({Part::Kind::Limb, -0.5, -0.08, -0.78, -0.3, 0.045, luma * 0.9, cb, cr});
    parts_.push_back({Part::Kind::Limb, -0.36, 0, 0.36, -0.02, 0.2, luma, cb, cr});
    parts_.push_back({Part::Kind::Limb, 0.42, -0.1, 0.6, -0.22, 0.12, luma, cb, cr});
    parts_.push_back({Part::Kind::Ellipse, 0.64, -0.26, 0.17, 0.14, 0, luma * 1.05, cb, cr});
    parts_.push_back({Part::Kind::Limb, 0.58, -0.36, 0.55, -0.45, 0.04, luma * 0.8, cb, cr});
}

void SceneFigure::car(const SceneLook& look) {
    const double luma = look.luma;
    const double cb = look.cb;
    const double cr = look.cr;
    parts_.push_back({Part::Kind::Box, 0, 0.4, 1.3, 0.06, 0.05, 30, 128, 128});
    parts_.push_back({Part::Kind::Slope, -0.15, -0.23, 0.85, 0.27, 0.4, luma, cb, cr});
    parts_.push_back({Part::Kind::Slope, -0.5, -0.2, 0.38, 0.18, 0.24, 52, 132, 126});
    parts_.push_back({Part::Kind::Slope, 0.2, -0.2, 0.38, 0.18, 0.24, 58, 132, 126});
    parts_.push_back({Part::Kind::Box, -0.15, -0.22, 0.035, 0.24, 0.01, luma * 0.9, cb, cr});
    parts_.push_back({Part::Kind::Box, 0, 0.18, 1.43, 0.22, 0.16, luma, cb, cr});
    parts_.push_back({Part::Kind::Box, 0, 0.12, 1.4, 0.015, 0.01, luma * 0.8, cb, cr});
    parts_.push_back({Part::Kind::Box, -0.18, 0.16, 0.008, 0.19, 0.005, luma * 0.75, cb, cr});
    parts_.push_back({Part::Kind::Box, 0.55, 0.16, 0.008, 0.19, 0.005, luma * 0.75, cb, cr});
    parts_.push_back({Part::Kind::Ellipse, 1.34, 0.12, 0.07, 0.05, 0, 222, 124, 130});
    parts_.push_back({Part::Kind::Ellipse, -1.36, 0.12, 0.05, 0.05, 0, 96, 112, 176});
    for (const double wheel : {-0.88, 0.88}) {
        parts_.push_back({Part::Kind::Ellipse, wheel, 0.31, 0.24, 0.19, 0, 24, 128, 128});
        parts_.push_back({Part::Kind::Ellipse, wheel, 0.31, 0.13, 0.1, 0, 128, 128, 128});
    }
}

SceneFigure::Box SceneFigure::around(const Part& part) {
    if (part.kind != Part::Kind::Limb)
        return {part.x, part.y, part.x2, part.y2};
    return {(part.x + part.x2) / 2, (part.y + part.y2) / 2, std::abs(part.x2 - part.x) / 2 + part.radius,
            std::abs(part.y2 - part.y) / 2 + part.radius};
}

double SceneFigure::inside(const Part& part, double x, double y) {
    switch (part.kind) {
        case Part::Kind::Limb: {
            const double alongX = part.x2 - part.x;
            const double alongY = part.y2 - part.y;
            const double square = std::max(1e-12, alongX * alongX + alongY * alongY);
            const double t = std::clamp(((x - part.x) * alongX + (y - part.y) * alongY) / square, 0.0, 1.0);
            return part.radius - length(x - part.x - t * alongX, y - part.y - t * alongY);
        }
        case Part::Kind::Ellipse:
            return (1 - length((x - part.x) / part.x2, (y - part.y) / part.y2)) * std::min(part.x2, part.y2);
        case Part::Kind::Box: {
            const double outX = std::abs(x - part.x) - part.x2 + part.radius;
            const double outY = std::abs(y - part.y) - part.y2 + part.radius;
            const double corner = length(std::max(outX, 0.0), std::max(outY, 0.0));
            return part.radius - corner - std::min(std::max(outX, outY), 0.0);
        }
        case Part::Kind::Slope: {
            const double down = (y - part.y) / part.y2;  // -1 at the top
            const double half = part.x2 - part.radius * (1 - down) / 2;
            return std::min(half - std::abs(x - part.x), part.y2 - std::abs(y - part.y));
        }
    }
    return -1;
}

SceneFigure::Sample SceneFigure::at(double x, double y, double softness) const {
    Sample sample{0, parts_.front().luma, parts_.front().cb, parts_.front().cr};
    const double pixels = std::min(unitX_, unitY_);
    const double unitX = x / unitX_;
    const double unitY = y / unitY_;
    const double edge = softness / 2 / pixels;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        const Part& part = parts_[i];
        const Box& box = boxes_[i];
        if (std::abs(unitX - box.x) > box.halfWidth + edge || std::abs(unitY - box.y) > box.halfHeight + edge)
            continue;
        const double distance = inside(part, unitX, unitY) * pixels;
        const double coverage = std::clamp(distance / softness + 0.5, 0.0, 1.0);
        if (coverage <= 0)
            continue;
        // Light from above and a little from the front gives each part some roundness.
        const double light =
            1 + 0.12 * std::clamp(1 - distance / (0.06 * pixels + softness), 0.0, 1.0) * (unitY < part.y ? 1 : -1);
        const double luma = parts_.size() == 1 ? part.luma : 16 + (part.luma - 16) * light;
        const double whole = coverage + sample.coverage * (1 - coverage);
        const double share = coverage / whole;
        sample.luma += (luma - sample.luma) * share;
        sample.cb += (part.cb - sample.cb) * share;
        sample.cr += (part.cr - sample.cr) * share;
        sample.coverage = whole;
    }
    return sample;
}

}  // namespace smartcodec
