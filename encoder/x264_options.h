#pragma once

#include "encoder/encoder.h"

struct AVCodecContext;

namespace smartcodec {

/// How libx264 takes the spacing of frames. Rate control comes out the same: frames are evenly spaced anyway.
enum class X264Timing {
    Even,      ///< codes each frame without waiting to see when the next one comes, which saves a frame of delay
    Variable,  ///< waits; the parameter sets differ in one flag alone: they do not claim a fixed frame rate
};

/// Sets what is libx264's own; size, format, colour and times are common to all encoders and set by the caller.
/// Throws std::runtime_error if the library does not know an option.
void setX264Options(AVCodecContext& context, const EncoderConfig& config, X264Timing timing);

}  // namespace smartcodec
