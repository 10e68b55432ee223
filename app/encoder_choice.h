#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/settings.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// An encoder, and what the user is to be told of it.
struct ChosenEncoder {
    std::unique_ptr<Encoder> encoder;
    std::vector<std::string> notes;  ///< one line each: what it became and why, and what it does in another way
};

/// Formats of pictures that the encoder which `openEncoder` will choose takes, those before others that it takes
/// without converting them: what a camera is to be asked for.
[[nodiscard]] std::vector<PixelFormat> acceptedFormats(const Settings& settings, V4l2System& v4l2);

/// Opens the encoder that the settings ask for; `config` is made from them. Throws std::system_error or
/// std::runtime_error that names what was tried and the remedy. `v4l2` must outlive the encoder.
[[nodiscard]] ChosenEncoder openEncoder(const Settings& settings, const EncoderConfig& config, V4l2System& v4l2);

}  // namespace smartcodec
