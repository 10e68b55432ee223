#pragma once

#include <vector>

#include "tests/support/v4l2_personality.h"

namespace smartcodec {

/// Those that stand for real drivers.
[[nodiscard]] std::vector<V4l2Personality> driverPersonalities();

}  // namespace smartcodec
