#pragma once

#include <cstdint>
#include <vector>

#include "analysis/stabiliser_kernels.h"
#include "analysis/stabiliser_planes.h"

namespace smartcodec::stabiliser {

/// Where in the picture before an area came from: luma samples to the right and down.
struct Motion {
    int x = 0;
    int y = 0;
};

/// Looks for each area of 16x16 where in the picture before it was, starting from where its neighbours were, where it
/// was itself, and the picture's shift as a whole.
class MotionSearch {
  public:
    MotionSearch(int width, int height);  ///< luma samples, whole areas

    /// `area` of the picture at x, y; `noise` is a sample's deviation, below which no match is looked for.
    [[nodiscard]] Motion search(const View& area, int x, int y, const BytePlane& before, const Motion& global,
                                float noise);

    /// The area at x, y stands still.
    void setStill(int x, int y) { motion_[at(x, y)] = {}; }

  private:
    [[nodiscard]] std::size_t at(int x, int y) const {
        return static_cast<std::size_t>(y / kArea) * static_cast<std::size_t>(columns_) +
               static_cast<std::size_t>(x / kArea);
    }

    int width_;
    int height_;
    int columns_;
    std::vector<Motion> motion_;  // of areas, in the picture before until it is found anew
};

}  // namespace smartcodec::stabiliser
