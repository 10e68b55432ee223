#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capture/camera.h"
#include "capture/camera_source.h"

namespace smartcodec {

/// The camera that CameraConfig::camera names. Throws std::runtime_error: there is none, or no such one.
[[nodiscard]] CameraDescription findCamera(const std::string& wanted, CameraSystem& system);

/// What a camera is to be asked for. A side that was not given follows from the other one and the shape of the camera's
/// largest picture. Empty: neither was given.
[[nodiscard]] std::optional<Size> wantedSize(const CameraConfig& config, const std::vector<CameraFormat>& formats);

}  // namespace smartcodec
