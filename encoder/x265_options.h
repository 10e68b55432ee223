#pragma once

#include "encoder/encoder.h"

struct AVCodecContext;

namespace smartcodec {

/// Sets what is libx265's own; size, format, colour and times are common to all encoders and set by the caller.
/// Throws std::runtime_error if the library does not know an option.
void setX265Options(AVCodecContext& context, const EncoderConfig& config);

}  // namespace smartcodec
