#pragma once

// Private to the emulated camera's .cpp files.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "capture/camera.h"
#include "tests/support/emulated_camera.h"

namespace smartcodec::test {

constexpr std::chrono::seconds kCameraPatience{20};  // of tests, even under sanitizers

/// Ends the program: somebody did what no camera allows.
[[noreturn]] void violated(const std::string& what);

[[nodiscard]] std::chrono::nanoseconds frameTime(FrameRate rate);

/// What a camera and its handles share.
struct EmulatedCamera::State {
    explicit State(CameraModel given) : model(std::move(given)), pace(model.pace), interval(frameTime(model.untold)) {}

    const CameraModel model;

    mutable std::mutex mutex;
    std::condition_variable changed;  // anything below
    CameraPace pace;
    bool taken = false;
    bool busy = false;
    bool unplugged = false;
    bool stalled = false;
    bool running = false;
    bool stopping = false;
    CameraRequest request;
    std::chrono::nanoseconds interval;
    CaptureTime started{};
    SensorMetadata sensor;
    std::deque<std::size_t> queue;
    std::size_t demanded = 0;
    std::size_t toFail = 0;
    std::size_t toCancel = 0;
    std::size_t toTruncate = 0;
    std::uint64_t sequence = 0;
    std::uint64_t delivered = 0;
    std::uint64_t starved = 0;
    std::uint64_t cancelled = 0;
    std::vector<int> mainDmabufs;
    std::function<void()> whileStopping;

    [[nodiscard]] bool cancels() const { return toCancel > 0 && !queue.empty(); }

    template <class Condition>
    void await(std::unique_lock<std::mutex>& lock, const char* what, const Condition& condition) {
        if (!changed.wait_for(lock, kCameraPatience, condition))
            violated(std::string("waited in vain for ") + what);
    }
    void set(const std::function<void()>& change) {
        {
            const std::lock_guard lock(mutex);
            change();
        }
        changed.notify_all();
    }
    template <class Read>
    auto get(const Read& read) const {
        const std::lock_guard lock(mutex);
        return read();
    }
};

/// The camera must have been taken.
[[nodiscard]] std::unique_ptr<CameraDevice> openEmulatedDevice(std::shared_ptr<EmulatedCamera::State> state);

}  // namespace smartcodec::test
