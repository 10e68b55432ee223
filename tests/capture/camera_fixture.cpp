#include "tests/capture/camera_fixture.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace smartcodec::test {

bool CameraSink::deliver(Frame) {
    throw std::logic_error("a camera must not deliver: that may block");
}

bool CameraSink::deliver(Packet) {
    throw std::logic_error("a camera has no packets");
}

void CameraSink::offer(Frame frame) {
    const std::lock_guard lock(mutex_);
    ++offered_;
    if (!refuses_)
        frames_.push_back(std::move(frame));
    arrived_.notify_all();
}

void CameraSink::refuse() {
    const std::lock_guard lock(mutex_);
    refuses_ = true;
}

Frame CameraSink::take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(20), [&] { return !frames_.empty(); }))
        throw std::runtime_error("no frame was offered");
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
}

std::size_t CameraSink::kept() const {
    const std::lock_guard lock(mutex_);
    return frames_.size();
}

std::size_t CameraSink::offered() const {
    const std::lock_guard lock(mutex_);
    return offered_;
}

RunningCamera::RunningCamera(const CameraConfig& config, EmulatedCameraSystem& system)
    : system_(system),
      source_(openCamera(config, system)),
      thread_([this] { status_ = source_->run(sink, stop_.get_token()); }) {}

Status RunningCamera::finish() {
    stop_.request_stop();
    return end();
}

Status RunningCamera::end() {
    if (thread_.joinable())
        thread_.join();
    return status_;
}

void RunningCamera::destroySource() {
    (void)finish();
    system_.runFreely();
    source_.reset();
}

CameraConfig impatient(std::chrono::milliseconds patience) {
    CameraConfig config;
    config.patience = patience;
    config.firstPatience = 3 * patience;
    return config;
}

std::string refusal(const CameraConfig& config, CameraSystem& system) {
    try {
        (void)openCamera(config, system);
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

bool hasNote(const SourceInfo& info, const std::string& part) {
    return std::any_of(info.notes.begin(), info.notes.end(),
                       [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

}  // namespace smartcodec::test
