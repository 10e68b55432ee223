#pragma once

#include <cstdint>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// Adds sensor noise to pictures: normally distributed, without bias, fresh in every frame, the same on every machine.
/// One table of unit normal samples serves all; each row of each frame reads it from a place of its own. The rounding
/// to whole grey levels is counted in: the variance that comes out is the one asked for. Bound to one thread.
class SceneNoise {
  public:
    SceneNoise(const SceneNoiseLevel& level, std::uint64_t seed);

    struct Frame {
        std::uint64_t index = 0;
        double factor = 1;   ///< on the standard deviation
        bool chroma = true;  ///< false: a picture without colour
    };
    /// `picture` is kYuv420 in memory, its values within 0..255 (noise is cut off there).
    void add(const Picture& picture, const Frame& frame);

  private:
    struct Scale;
    void addRow(std::uint8_t* row, int count, std::uint64_t key, const Scale& scale);

    SceneNoiseLevel level_;
    std::uint64_t seed_;
    const std::vector<std::int8_t>& table_;
    std::vector<std::uint8_t> deviation_;  // of one run of samples
    std::vector<std::int8_t> grain_;
};

}  // namespace smartcodec
