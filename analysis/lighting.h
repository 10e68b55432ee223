#pragma once

#include <vector>

#include "analysis/cells.h"
#include "analysis/noise.h"

namespace smartcodec {

/// How much brighter one picture is than another, tile by tile: a lamp, a cloud, automatic exposure. A tile is 16x16
/// cells (64x64 pixels). Gains are ratios of tile means, freed of single tiles that something else has changed (median
/// of 3x3 tiles), and interpolated between tile centres.
struct LightingField {
    static constexpr int kTile = CellGrid::kTile;

    int columns = 0;  ///< of tiles
    int rows = 0;
    std::vector<float> gain;    ///< columns * rows; 1 is no change
    std::vector<bool> changed;  ///< whether the tile's brightness left the noise
    double changedShare = 0;    ///< of all tiles
    double medianGain = 1;
    double meanLuma = 0;  ///< of the picture, grey levels
    std::vector<float> scratch;
    double peakContrast = 0;  ///< largest change of a tile's mean, in multiples of a sample's noise
};

/// The least change of a mean over many samples that can be seen, grey levels, for samples of that noise deviation.
[[nodiscard]] double visibleChange(double sampleDeviation);

/// Compares the tiles of two grids of the same size. Allocates only when the size changes.
void measureLighting(const CellGrid& now, const CellGrid& reference, const Noise& noise, LightingField& field);

/// Whether the light of the whole picture has changed by more than the noise of its measurement: automatic exposure
/// goes in steps too small to be seen in one place.
[[nodiscard]] bool lightChanged(const LightingField& field, const Noise& noise);

/// Gains of one row of cells, in units of 1/4096, interpolated from `field`; `gains` has room for `columns`.
void interpolateGains(const LightingField& field, int cellRow, int columns, std::uint16_t* gains);

}  // namespace smartcodec
