#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace smartcodec {

/// What one driver is like, from the drivers' sources: formats, planarity, controls and faults.
struct V4l2Personality {
    std::string name;    ///< "bcm2835-codec"
    std::string driver;  ///< as QUERYCAP names it
    bool multiplanar = true;
};

/// bcm2835-codec, venus, iris, mtk-vcodec, coda, s5p-mfc, amphion, wave5, vsi, vicodec.
[[nodiscard]] std::span<const V4l2Personality> v4l2Personalities();
/// Throws std::invalid_argument for a name that none has.
[[nodiscard]] const V4l2Personality& v4l2Personality(const std::string& name);

}  // namespace smartcodec
