#pragma once

#include <string>
#include <vector>

#include "bench/quality.h"
#include "bench/reference.h"

namespace smartcodec::bench {

/// Quality of each recording against `reference`, in one pass over all of them. At each of the reference's moments a
/// recording shows its newest picture not younger than that, as a player does. SSIM is taken of every `ssimEvery`-th
/// picture, PSNR of all. A thread per recording. Throws std::runtime_error where something cannot be read or a
/// recording has another size than the reference.
[[nodiscard]] std::vector<Quality> compareRecordings(Reference& reference, const std::vector<std::string>& recordings,
                                                     int ssimEvery);

}  // namespace smartcodec::bench
