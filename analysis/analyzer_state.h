#pragma once

#include "analysis/analyzer.h"
#include "analysis/camera_motion.h"
#include "analysis/cells.h"
#include "analysis/change.h"
#include "analysis/lighting.h"
#include "analysis/noise.h"

namespace smartcodec {

/// What Decider and Stabiliser read of the picture measured last. Not part of the public interface.
struct Analyzer::State {
    AnalyzerConfig config;
    Measurement measurement;
    CellGrid cells;
    CellGrid previous;
    NoiseEstimator estimator;
    LightingField lighting;  ///< against the picture before
    ChangeDetector detector;
    ChangeMap change;  ///< against the picture before, lighting allowed for
    CameraMotion cameraMotion;
    double cellWidth = CellGrid::kCell;  ///< pixels of the main picture
    double cellHeight = CellGrid::kCell;
    bool first = true;
    bool comparable = false;  ///< whether lighting and change are of this picture
};

/// From this share of changed tiles on, a change of brightness is looked at as lighting. Objects that fill a third of
/// the picture and are as smooth as light are rare, and are recorded all the same.
constexpr double kLightingShare = 0.3;

/// Compares two pictures' cells, telling lighting from objects: where allowing for lighting explains away most of what
/// changed, `lighting` is what remains in the map's stead. Returns whether it was lighting.
bool compareAllowingForLighting(const CellGrid& now, const CellGrid& reference, const Noise& noise,
                                ChangeDetector& detector, LightingField& field, ChangeMap& map);

}  // namespace smartcodec
