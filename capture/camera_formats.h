#pragma once

#include <optional>
#include <span>

#include "capture/camera.h"

namespace smartcodec {

/// How pictures of a camera's format become pictures of the recording.
enum class CameraConversion {
    None,         ///< they travel as they are
    Converted,    ///< by libswscale
    Decompressed  ///< MJPEG
};

struct ChosenFormat {
    PixelFormat format;
    CameraConversion conversion = CameraConversion::None;
};

/// The format that a camera is to deliver, of those in which it has the wished size, or of all if it has that in none:
/// a 4:2:0 one that the encoder takes, else another one that it takes, else one that can be converted. Among those an
/// uncompressed one, unless a USB 2 cable could not carry it. Empty: nobody can do anything with what it offers.
[[nodiscard]] std::optional<ChosenFormat> chooseFormat(std::span<const CameraFormat> offered,
                                                       std::span<const PixelFormat> direct, std::optional<Size> size,
                                                       std::optional<FrameRate> frameRate);

/// libavutil's AVPixelFormat for a format of CameraConversion::Converted; -1 for one that is not known.
[[nodiscard]] int avPixelFormat(PixelFormat format);

/// Motion JPEG; DRM has no fourcc for what is compressed, this is libcamera's (and V4L2's).
extern const PixelFormat kMjpeg;

}  // namespace smartcodec
