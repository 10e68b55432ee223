#pragma once

// Private to .cpp files: libcamera's controls as text.

#include <libcamera/libcamera.h>

#include <span>
#include <vector>

#include "capture/camera.h"

namespace smartcodec {

/// By name.
[[nodiscard]] std::vector<CameraControl> describeControls(const libcamera::ControlInfoMap& controls);

/// Throws std::runtime_error that names the setting and what is allowed: an unknown name, a value of another type or
/// beyond the camera's limits.
void applySettings(std::span<const CameraSetting> settings, const libcamera::ControlInfoMap& controls,
                   libcamera::ControlList& list);

}  // namespace smartcodec
