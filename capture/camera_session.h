#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "capture/camera.h"
#include "capture/frame.h"
#include "capture/gate.h"

namespace smartcodec {

/// A running camera whose buffers are lent to frames. Always held by a shared_ptr: every frame shares it, so that
/// frames may outlive whoever started the camera, and the device lives until the last one has died.
///
/// A frame's last share gives its buffer back to the camera on whatever thread it dies, without a lock. Only `stop` has
/// to wait, for those that are giving one back at that very moment.
class CameraSession : public std::enable_shared_from_this<CameraSession> {
  public:
    CameraSession(std::unique_ptr<CameraDevice> device, const CameraRequest& request);
    ~CameraSession();
    CameraSession(const CameraSession&) = delete;
    CameraSession& operator=(const CameraSession&) = delete;

    [[nodiscard]] const CameraSetup& setup() const { return setup_; }

    /// Starts the camera with all buffers queued. Throws what CameraDevice::start throws, and std::runtime_error.
    void start(CameraListener& listener);
    /// Idempotent. Buffers that come back later stay here.
    void stop() noexcept;
    /// In place of `stop`, of a camera that has been lost.
    void abandon() noexcept;

    /// A frame on the buffer of a captured picture, which `description` shows. `analysis` is the owner of its analysis
    /// picture where that is not the camera's: it lives as long.
    [[nodiscard]] Frame lend(std::size_t buffer, const Frame::Description& description, Frame analysis = {});
    /// For a picture that becomes no frame.
    void giveBack(std::size_t buffer) noexcept;

    /// Buffers that the camera has to fill. Any thread.
    [[nodiscard]] int queued() const { return queued_.load(std::memory_order_acquire); }
    /// To be called for every picture that the camera has finished, before the buffer is lent or given back. Who sees
    /// in `queued` that it was sees what was done before.
    void finished() noexcept { queued_.fetch_sub(1, std::memory_order_release); }
    /// When a frame has last died and given its buffer back; the clock's epoch: none has. Any thread.
    [[nodiscard]] std::chrono::steady_clock::time_point lastReturn() const {
        return lastReturn_.load(std::memory_order_relaxed);
    }

  private:
    class Lease;

    [[nodiscard]] Status queue(std::size_t buffer) noexcept;
    [[nodiscard]] bool close() noexcept;

    std::unique_ptr<CameraDevice> device_;
    CameraSetup setup_;
    std::vector<std::unique_ptr<Lease>> leases_;  // one per buffer
    std::atomic<int> queued_{0};
    std::atomic<std::chrono::steady_clock::time_point> lastReturn_{};
    Gate queueing_;  // open while the camera runs: libcamera forbids to queue a request at the same time as stopping
    bool started_ = false;
};

}  // namespace smartcodec
