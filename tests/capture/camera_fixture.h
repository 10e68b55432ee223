#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "capture/camera_source.h"
#include "tests/support/camera_pattern.h"
#include "tests/support/emulated_camera.h"

namespace smartcodec::test {

/// Keeps what a camera offers. Any thread.
class CameraSink final : public SourceSink {
  public:
    [[nodiscard]] bool deliver(Frame frame) override;
    [[nodiscard]] bool deliver(Packet packet) override;
    void offer(Frame frame) override;

    /// From now on it has no room: what is offered dies on the thread that offers it.
    void refuse();
    /// The oldest frame that is kept; waits for one.
    [[nodiscard]] Frame take();
    [[nodiscard]] std::size_t kept() const;
    [[nodiscard]] std::size_t offered() const;

  private:
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Frame> frames_;
    std::size_t offered_ = 0;
    bool refuses_ = false;
};

/// A source that runs on a thread of its own, until it ends or `finish`.
class RunningCamera {
  public:
    RunningCamera(const CameraConfig& config, EmulatedCameraSystem& system);
    RunningCamera(RunningCamera&&) = delete;
    ~RunningCamera() { destroySource(); }

    [[nodiscard]] const SourceInfo& info() const { return source_->info(); }
    /// Once it has ended.
    [[nodiscard]] SourceReport report() const { return source_->report(); }
    /// Asks it to stop.
    Status finish();
    /// Waits for it to end by itself.
    Status end();
    /// Ends it and its life; what is in the sink stays. Cameras take pictures by themselves from now on, as any that is
    /// there.
    void destroySource();

    CameraSink sink;

  private:
    EmulatedCameraSystem& system_;
    std::unique_ptr<Source> source_;
    std::stop_source stop_;
    Status status_;
    std::thread thread_;
};

/// With little patience, for cameras that are to try it; more where something else has to happen within it, for which
/// a busy machine may take its time.
[[nodiscard]] CameraConfig impatient(std::chrono::milliseconds patience = std::chrono::milliseconds(100));

/// What openCamera says is wrong; empty: nothing.
[[nodiscard]] std::string refusal(const CameraConfig& config, CameraSystem& system);

[[nodiscard]] bool hasNote(const SourceInfo& info, const std::string& part);

}  // namespace smartcodec::test
