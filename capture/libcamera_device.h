#pragma once

// Private to .cpp files: one camera of libcamera's.

#include <libcamera/libcamera.h>

#include <memory>
#include <string>

#include "capture/camera.h"

namespace smartcodec {

/// Takes the camera for this process. Throws std::system_error.
[[nodiscard]] std::unique_ptr<CameraDevice> openLibcameraDevice(std::shared_ptr<libcamera::Camera> camera);

/// Whether a camera of this process was lost while it ran: libcamera must be left as it is then, to the process's end.
[[nodiscard]] bool anyCameraAbandoned() noexcept;

/// libcamera's time as ours. Its documentation says CLOCK_BOOTTIME; most of its pipelines hand on V4L2's times, which
/// are CLOCK_MONOTONIC's. The two differ by the time spent in suspend: which one it is shows in which it lies closer
/// behind. 0, of a camera that does not tell, is now.
[[nodiscard]] CaptureTime captureTime(std::chrono::nanoseconds timestamp, std::chrono::nanoseconds monotonicNow,
                                      CaptureTime now);

/// What libcamera says of a picture that was taken: `main` of the main stream's buffer, `metadata` of the request. Sets
/// all but the buffer and the outcome.
void readMetadata(const libcamera::FrameMetadata& main, const libcamera::ControlList& metadata,
                  std::chrono::nanoseconds monotonicNow, CaptureTime now, CapturedPicture& picture);

}  // namespace smartcodec
