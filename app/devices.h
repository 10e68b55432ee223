#pragma once

#include <string>

#include "capture/camera.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// `smartcodec devices [--probe] [--json]`.
struct DeviceListing {
    bool probe = false;  ///< encode with each V4L2 encoder and measure what its controls really do: some seconds each
    bool json = false;   ///< one JSON object instead of text
};

/// What `smartcodec devices` prints: the cameras and encoders here, and what each can do; worth pasting into a bug
/// report. Never fails for a device: what is wrong with one stands in its place. `system` and `cameras` are borrowed
/// for the call; null: cameras are left out. A device that hangs in a system call hangs this too: let a signal end the
/// program meanwhile.
[[nodiscard]] std::string listDevices(const DeviceListing& listing, V4l2System& system, CameraSystem* cameras);

}  // namespace smartcodec
