#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/camera.h"

namespace smartcodec::test {

/// When an emulated camera takes its pictures.
enum class CameraPace {
    OnDemand,  ///< when EmulatedCamera::produce asks for it
    Free,      ///< as soon as a buffer is queued: it never starves
    Timed      ///< evenly, at its frame rate: where no buffer is queued, the picture is lost
};

/// How the processor gets at the main pictures.
enum class MainMemory {
    Mapped,     ///< as of any camera
    Forbidden,  ///< claims to be mapped, but whoever touches a byte of it dies by SIGSEGV, and maps it in vain
    Unmapped    ///< cannot be mapped, as memory for protected content
};

/// What an emulated camera is.
struct CameraModel {
    std::string id = "emulated/0";
    std::string model = "emu477";
    std::vector<CameraFormat> formats{{kNv12, {{320, 240}, {640, 360}, {1280, 720}}}};
    std::size_t buffers = 8;   ///< it gives no more
    bool secondStream = true;  ///< offers a small picture beside the main one
    bool turns = true;         ///< can turn its pictures
    int widthStep = 2;         ///< widths are rounded down to it
    /// Not given: it cannot be told a rate and does not tell its own, which is `untold`.
    std::optional<FrameRate> fastest = FrameRate{60, 1};
    std::optional<FrameRate> slowest = {};
    FrameRate untold{30, 1};
    bool heedsRate = true;   ///< keeps to the rate that it says it does, or else to `untold`
    bool countsLost = true;  ///< pictures lost for want of a buffer have a number
    CameraPace pace = CameraPace::OnDemand;
    MainMemory mainMemory = MainMemory::Mapped;
    std::size_t rowAlignment = 64;
    std::vector<std::string> controls{"Brightness"};  ///< of which settings may be given
};

/// Handle on one emulated camera, for tests. Any thread, but `produce` and `lose`.
class EmulatedCamera {
  public:
    /// Takes pictures, each into the buffer that has waited longest; without one it is lost and its number missing.
    /// Returns when the listener has been told of all of them. Waits for the camera to run.
    void produce(std::size_t pictures);

    /// The next pictures come out as failed.
    void failNext(std::size_t pictures);
    /// The next buffers come back at once, without a picture: those that it has to fill or is given.
    void cancelNext(std::size_t buffers);
    /// The next pictures come out with the second half of their bytes missing.
    void truncateNext(std::size_t pictures);
    /// Of the pictures from now on.
    void setSensor(const SensorMetadata& sensor);
    /// Takes buffers and gives nothing back.
    void stall();
    void unplug();
    /// Another program uses it.
    void setBusy();
    /// Called in the middle of stopping, on the thread that stops.
    void whileStopping(std::function<void()> action);

    /// Waits until it runs and has as many buffers to fill, and no more.
    void waitForBuffers(std::size_t buffers);

    /// Waits until the listener has been told of as many.
    void waitForPictures(std::uint64_t pictures);

    /// Waits until as many buffers have come back without a picture.
    void waitForCancelled(std::uint64_t buffers);

    [[nodiscard]] CameraRequest request() const;         ///< the last that it was configured with
    [[nodiscard]] std::size_t queued() const;            ///< buffers that it has to fill
    [[nodiscard]] std::uint64_t delivered() const;       ///< pictures that the listener was told of
    [[nodiscard]] std::uint64_t starved() const;         ///< pictures lost for want of a buffer
    [[nodiscard]] std::uint64_t cancelled() const;       ///< buffers that came back without a picture
    [[nodiscard]] bool taken() const;                    ///< a device exists, with its buffers
    [[nodiscard]] bool running() const;                  ///< started and not stopped
    [[nodiscard]] std::vector<int> mainDmabufs() const;  ///< of the device that is open
    [[nodiscard]] CaptureTime timeOf(std::uint64_t sequence) const;

    struct State;

  private:
    friend class EmulatedCameraSystem;
    explicit EmulatedCamera(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;  // shared with the system and the device that is open
};

/// Cameras without hardware: as strict as libcamera (a buffer queued twice or while the camera does not run, a second
/// start, queueing at the same time as stopping end the program with a line that says which), their buffers memfds,
/// which are mapped once for as long as the camera is taken. A camera that runs has a thread of its own.
class EmulatedCameraSystem final : public CameraSystem {
  public:
    EmulatedCamera add(const CameraModel& model);
    /// From now on no camera waits for demand: those that did take a picture whenever a buffer is queued.
    void runFreely();

    [[nodiscard]] std::vector<CameraDescription> cameras(bool details) override;
    [[nodiscard]] std::unique_ptr<CameraDevice> open(const std::string& id) override;

  private:
    std::vector<std::shared_ptr<EmulatedCamera::State>> cameras_;
};

}  // namespace smartcodec::test
