#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "capture/status.h"

namespace smartcodec {

// The interface between this program and whatever drives cameras: libcamera (capture/libcamera_system.h), or a double
// in tests. What is above it (capture/camera_source.h) knows no libcamera.

/// A format that a camera's main stream offers, with the sizes that it lists for it, smallest first. A camera that
/// scales freely lists some of many.
struct CameraFormat {
    PixelFormat format;
    std::vector<Size> sizes;
};

/// A control as the camera describes it, its values as text.
struct CameraControl {
    std::string name;  ///< libcamera's: "AeEnable", "ExposureTime"
    std::string type;  ///< "bool", "int32", "float", ...
    std::string minimum;
    std::string maximum;
    std::string standard;             ///< its default; empty: none is known
    std::vector<std::string> values;  ///< where only these are allowed; else empty
};

struct CameraDescription {
    std::string id;        ///< libcamera's: the same after a restart
    std::string model;     ///< "imx708", "Integrated Camera"; may be empty
    std::string location;  ///< "front", "back", "external"; empty: not known
    std::vector<CameraFormat> formats;
    std::vector<CameraControl> controls;
    std::string failure;  ///< why formats could not be asked for; empty: they could
};

/// How the picture is turned on its way out of the camera.
struct CameraOrientation {
    bool halfTurn = false;  ///< by 180 degrees
    bool mirror = false;    ///< left and right exchanged, after the turn
    bool flip = false;      ///< top and bottom exchanged, after the turn
    friend bool operator==(const CameraOrientation&, const CameraOrientation&) = default;
};

struct CameraSetting {
    std::string name;
    std::string value;
};

/// What a camera is asked to deliver.
struct CameraRequest {
    PixelFormat format;
    std::optional<Size> size;            ///< not given: the camera's own choice for video
    std::optional<FrameRate> frameRate;  ///< not given: the camera's own
    bool analysisStream = false;         ///< a second, small stream too, if there can be one: see analysisSize
    unsigned buffers = 8;
    CameraOrientation orientation;
    std::vector<CameraSetting> settings;
};

/// What the small picture for the analysis should measure: the main one's shape, its longest side 640. Empty where the
/// main one is no larger.
[[nodiscard]] std::optional<Size> analysisSize(Size main);

/// Whether a camera's small picture serves the analysis: longest side 320 to 640, the main one's shape within 2 %.
[[nodiscard]] bool servesAnalysis(Size small, Size main);

/// The dmabufs of one request. Descriptors belong to the device; `data` is set where it keeps them mapped,
/// with something to be read behind their end (PaddedMapping).
struct CameraBuffers {
    Picture main;
    std::optional<Picture> analysis;
};

/// What a camera delivers, once it is configured.
struct CameraSetup {
    std::vector<CameraBuffers> buffers;  ///< all of one layout, which the first shows
    Color color;
    FrameRate frameRate;             ///< what it is told, or what it is likely to do; 0/1: not known
    int rotation = 0;                ///< what is left for the player to turn, degrees clockwise: 0, 90, 180, 270
    std::vector<std::string> notes;  ///< what became of the request otherwise, one line each
};

enum class CaptureOutcome {
    Good,
    Failed,    ///< it was taken, but the camera says that it came to nothing
    Cancelled  ///< nothing was taken, and nothing is known but the buffer: a fault, or the camera stops or is lost
};

/// One picture that a camera has finished.
struct CapturedPicture {
    std::size_t buffer = 0;  ///< index into CameraSetup::buffers
    CaptureOutcome outcome = CaptureOutcome::Good;
    CaptureTime time{};  ///< when its exposure began, or what comes nearest to it
    std::uint64_t sequence = 0;
    std::chrono::nanoseconds duration{0};  ///< 0: not known
    SensorMetadata sensor;
    std::size_t bytes = 0;  ///< of the main buffer's first plane that are used
};

/// Called on the camera's own thread, which must not be held up: nothing here may block.
class CameraListener {
  public:
    virtual ~CameraListener() = default;
    virtual void captured(const CapturedPicture& picture) noexcept = 0;
    /// It has been unplugged, or its driver unbound. No picture follows.
    virtual void disconnected() noexcept = 0;
};

/// One camera, taken for this process alone. `queue` may be called on any thread while the camera runs, but not at the
/// same time as `stop`; the rest on one thread.
class CameraDevice {
  public:
    virtual ~CameraDevice() = default;

    /// The formats of the main stream.
    [[nodiscard]] virtual const std::vector<CameraFormat>& formats() const = 0;

    /// Settles the streams and allocates their buffers. Throws std::runtime_error with the remedy. Called once.
    [[nodiscard]] virtual CameraSetup configure(const CameraRequest& request) = 0;

    /// Starts with no buffer queued. `listener` is borrowed until `stop` has returned. Throws std::system_error.
    virtual void start(CameraListener& listener) = 0;

    /// Gives a buffer to the camera, to be filled. Does not block.
    virtual Status queue(std::size_t buffer) noexcept = 0;

    /// The listener is not called any more once it has returned. Not for a camera that has gone or hangs: `abandon`.
    virtual void stop() noexcept = 0;

    /// In place of `stop`, for a camera that has been lost: nothing more is asked of it. libcamera ends the program
    /// where a lost camera does not give all requests back, and waits for a driver that hangs. The listener is not
    /// called any more. True: the device must never be destroyed, and what it holds stays to the process's end.
    [[nodiscard]] virtual bool abandon() noexcept = 0;
};

/// All cameras of the machine. Thread-bound.
class CameraSystem {
  public:
    virtual ~CameraSystem() = default;

    /// In a stable order. With `details`, formats and controls too, for which each camera is taken for a moment.
    [[nodiscard]] virtual std::vector<CameraDescription> cameras(bool details) = 0;

    /// Takes the camera with this id. Throws std::system_error (busy, no permission) or std::runtime_error.
    [[nodiscard]] virtual std::unique_ptr<CameraDevice> open(const std::string& id) = 0;
};

}  // namespace smartcodec
