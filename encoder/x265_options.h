#pragma once

#include "encoder/encoder.h"

struct AVCodecContext;

namespace smartcodec {

/// How many frames decoding runs ahead of presentation: B-frames, of which some are references, unless `config` asks
/// for no look-ahead.
[[nodiscard]] int x265DecodingDelay(const EncoderConfig& config);

/// Sets what is libx265's own; size, format, colour and times are common to all encoders and set by the caller.
/// Throws std::runtime_error if the library does not know an option.
void setX265Options(AVCodecContext& context, const EncoderConfig& config);

}  // namespace smartcodec
