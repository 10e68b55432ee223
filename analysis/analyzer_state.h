#pragma once

#include "analysis/analyzer.h"
#include "analysis/camera_motion.h"
#include "analysis/cells.h"
#include "analysis/change.h"
#include "analysis/lighting.h"
#include "analysis/noise.h"
#include "analysis/texture.h"

namespace smartcodec {

/// From this share of changed tiles on, a change of brightness is looked at as lighting. Objects that fill a third of
/// the picture and are as smooth as light are rare, and are recorded all the same.
constexpr double kLightingShare = 0.3;

/// Compares two pictures, telling lighting from objects.
struct LightingComparison {
    LightingField field;
    ChangeMap change;       ///< what changed, where it was lighting what remains when that is allowed for
    ChangeMap unexplained;  ///< where it was lighting: all that changed
    ChangeDetector detector;

    /// Whether it was lighting: allowing for it explains away most of what changed.
    bool compare(const CellGrid& now, const CellGrid& reference, const Noise& noise);
};

/// A step of the sensor's gain or exposure.
struct SensorStep {
    bool happened = false;
    float gain = 1;  ///< how many times more, or less
};

/// What Decider and Stabiliser read of the picture measured last. Not part of the public interface.
struct Analyzer::State {
    /// Against gain and exposure at the last step, so that a slow drift adds up to one.
    SensorStep sensorStep(const PictureContext& now);

    AnalyzerConfig config;
    Measurement measurement;
    CellGrid cells;
    CellGrid previous;
    NoiseEstimator estimator;
    LightingComparison comparison;  ///< with the picture before
    CameraMotion cameraMotion;
    double cellWidth = CellGrid::kCell;  ///< pixels of the main picture
    double cellHeight = CellGrid::kCell;
    std::optional<std::chrono::nanoseconds> cameraMovedAt;
    std::vector<float> texture;  ///< see measureTexture; empty unless the camera is being moved
    PictureContext sensor;       ///< gain and exposure when they last stepped
    bool first = true;
    bool comparable = false;         ///< whether lighting and change are of this picture
    std::uint64_t picturesSeen = 0;  ///< the number of this picture, counted from 1
};

}  // namespace smartcodec
