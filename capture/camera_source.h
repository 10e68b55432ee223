#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/camera.h"
#include "capture/source.h"

namespace smartcodec {

struct CameraConfig {
    std::string camera;        ///< its number in the list of cameras, from 0, or its id; empty: the first
    std::optional<int> width;  ///< alone, the other follows the camera's own shape
    std::optional<int> height;
    std::optional<FrameRate> frameRate;
    CameraOrientation orientation;
    std::vector<CameraSetting> settings;
    /// What the encoder takes without a copy, best first; the first camera format found in it travels as it is.
    std::vector<PixelFormat> directFormats{kNv12, kYuv420};
    /// How long it may show nothing, at least: a slow camera has the time of three pictures. A sensor is powered up,
    /// and its exposure found, before the first one comes.
    std::chrono::nanoseconds patience = std::chrono::seconds(2);
    std::chrono::nanoseconds firstPatience = std::chrono::seconds(5);
};

/// A camera as a source: live, frames at the sensor's times, each a lease on the camera's own dmabufs (and, where there
/// is a second stream, on those of the small picture for the analysis). A request goes back to the camera the moment
/// its frame's last share dies, on that thread, without a lock. If all buffers are out, the camera leaves pictures out;
/// their numbers are missing in `Frame::sequence`.
///
/// A camera that has none of `directFormats` but one that libswscale or the MJPEG decoder reads is converted to kYuv420
/// on the thread that calls `run`; one whose direct format is no 4:2:0 gets a small luma picture made there for the
/// analysis.
///
/// `run` offers frames (SourceSink::offer) on the camera's thread, or its own where pictures are converted, and ends
/// with a failure when the camera is unplugged or has had nothing but failed pictures, or none, for `patience`. Time in
/// which it had no buffer to fill does not count.
///
/// Once `run` has returned, the camera runs on, and its pictures go back to it: it is stopped when the source is
/// destroyed, which should be when the file is finished. One that gives no picture for `patience` then is taken for
/// lost, and left as it is until the process ends.
///
/// Throws what is wrong with the config or the camera, with the remedy. `system` is borrowed for the source's life; the
/// device lives until the last frame has died.
[[nodiscard]] std::unique_ptr<Source> openCamera(const CameraConfig& config, CameraSystem& system);

}  // namespace smartcodec
