#pragma once

#include <memory>

#include "encoder/encoder.h"

namespace smartcodec {

/// libx264 or libx265 through libavcodec, preset veryfast. Takes kYuv420 and kNv12, in memory of the
/// process or in dmabufs. Throws
/// std::runtime_error if the library is missing or refuses the configuration.
[[nodiscard]] std::unique_ptr<Encoder> openSoftwareEncoder(const EncoderConfig& config);

}  // namespace smartcodec
