#pragma once

#include "capture/camera.h"

namespace smartcodec {

/// The cameras that libcamera knows. One for the whole process, made and started when it is first asked for, since
/// libcamera allows no second manager. What libcamera logs is silenced unless the environment says where it should go
/// (LIBCAMERA_LOG_LEVELS, LIBCAMERA_LOG_FILE). Where libcamera cannot start, its members throw std::system_error.
[[nodiscard]] CameraSystem& libcameraSystem();

}  // namespace smartcodec
