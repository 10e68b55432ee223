#pragma once

#include <vector>

#include "analysis/luma_view.h"

namespace smartcodec {

/// How much texture each block of a main picture of `width` x `height` pixels has (QpMap's blocks, row by row): the
/// binary logarithm of the variance of its luma in grey levels squared; 1/12, what rounding to whole levels leaves, is
/// added. `picture` shows the same, smaller or as large; of a block at least 4x4 of its samples are looked at.
/// Allocates only where there are more blocks than ever.
void measureTexture(const LumaView& picture, int width, int height, std::vector<float>& log2Variance);

}  // namespace smartcodec
