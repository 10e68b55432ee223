#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/cells.h"
#include "analysis/lighting.h"
#include "analysis/noise.h"

namespace smartcodec {

/// Where a picture differs from another by more than noise.
struct ChangeMap {
    int columns = 0;  ///< of cells
    int rows = 0;
    std::vector<std::uint8_t> cell;  ///< columns * rows: 1 where something changed
    std::size_t count = 0;           ///< of changed cells
    double peakContrast = 0;         ///< largest difference of a window of 8x8, in multiples of its deviation

    [[nodiscard]] const std::uint8_t* row(int y) const {
        return cell.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(columns);
    }
    [[nodiscard]] double share() const {
        return cell.empty() ? 0.0 : static_cast<double>(count) / static_cast<double>(cell.size());
    }
};

/// Tests every cell, every window of 2x2 cells at every cell, and squares of 4x4 and 8x8 cells, in which fainter
/// changes of more extent (a shadow) stand out, against the noise. Allocates only when the size changes.
class ChangeDetector {
  public:
    /// How the reference is brought to the picture's light first.
    enum class Light {
        Same,     ///< not at all
        Uniform,  ///< by the field's median gain
        Tiles,    ///< by each tile's own gain
    };

    /// What is compared with what. Grids and field are of the same size.
    struct Comparison {
        const CellGrid& now;
        const CellGrid& reference;
        const Noise& noise;
        const LightingField& lighting;  ///< between the two
        Light light = Light::Same;
    };
    void compare(const Comparison& comparison, ChangeMap& map);

  private:
    /// One row of squares of `size` x `size` squares of 4x4 cells, which lie a square apart.
    struct SquareRow {
        const std::int32_t* difference;
        const std::int32_t* reference;
        const std::int32_t* tolerance;
        int count;
        int size;
        int y;  // of its upper edge, in squares
    };

    void setThresholds(const Noise& noise);
    void setSquareLimits(const Noise& noise, int size);
    void addToSquares(const Comparison& comparison, int row);
    void testSquares(const Noise& noise, ChangeMap& map);
    void testSquareRow(const SquareRow& row, const Noise& noise, ChangeMap& map);
    void testWindowRow(std::size_t upper, int windows, std::uint8_t* cells, ChangeMap& map);
    void differences(const Comparison& comparison, int row);
    void findGains(const Comparison& comparison, int row);

    std::array<std::uint32_t, Noise::kBins> byBrightness_{};  // limits of sums: a cell's, a window's in the upper half
    std::array<std::int32_t, Noise::kBins> squareLimits_{};
    // two rows of cells: differences and limits, the upper and the lower of a window in turn
    std::vector<std::int16_t> difference_[2];
    std::vector<std::int16_t> cellLimit_[2];
    std::vector<std::int16_t> windowLimit_[2];
    // sums over squares of 4x4 cells, and over the rows of one so far: differences, and the reference itself
    int squareColumns_ = 0;
    std::vector<std::int16_t> columnDifference_;
    std::vector<std::uint16_t> columnReference_;
    std::vector<std::int32_t> squareDifference_, squareReference_, squareTolerance_;
    std::vector<std::int32_t> pairDifference_, pairReference_, pairTolerance_;  // a row of 2x2 squares
    std::vector<std::uint16_t> gains_;
    std::vector<std::uint8_t> hit_;
    bool anyMarked_ = false;
};

}  // namespace smartcodec
