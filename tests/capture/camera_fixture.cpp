#include "tests/capture/camera_fixture.h"

#include <algorithm>
#include <cstdlib>
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

RunningCamera::RunningCamera(const CameraConfig& config, CameraSystem& system)
    : source_(openCamera(config, system)), thread_([this] { status_ = source_->run(sink, stop_.get_token()); }) {}

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
    source_.reset();
}

CameraConfig impatient() {
    CameraConfig config;
    config.patience = std::chrono::milliseconds(100);
    config.firstPatience = std::chrono::milliseconds(300);
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

int differenceToPattern(const Picture& picture, std::uint64_t sequence, bool fullRange) {
    int largest = 0;
    // chroma is filtered over a few samples at edges of colour: those places are left out
    constexpr double kApart = 0.03;
    for (int row = 0; row < 24; ++row) {
        for (int column = 0; column < 32; ++column) {
            const double x = (column + 0.5) / 32;
            const double y = (row + 0.5) / 24;
            const PatternColor color = patternAt(x, y, sequence);
            const auto same = [&](double dx, double dy) {
                const PatternColor other = patternAt(x + dx, y + dy, sequence);
                return other.luma == color.luma && other.cb == color.cb && other.cr == color.cr;
            };
            if (!same(kApart, kApart) || !same(-kApart, kApart) || !same(kApart, -kApart) || !same(-kApart, -kApart))
                continue;
            const auto sample = [&](std::size_t plane, double scale, std::size_t step, std::size_t first) {
                const Plane& p = picture.planes[plane];
                const auto across = static_cast<std::size_t>(x * picture.size.width * scale);
                const auto down = static_cast<std::size_t>(y * picture.size.height * scale);
                return std::to_integer<int>(p.data[down * p.strideBytes + across * step + first]);
            };
            const bool planar = picture.format == kYuv420;
            const int cb = planar ? sample(1, 0.5, 1, 0) : sample(1, 0.5, 2, 0);
            const int cr = planar ? sample(2, 0.5, 1, 0) : sample(1, 0.5, 2, 1);
            const auto luma = [&](int value) { return fullRange ? (value - 16) * 255 / 219 : value; };
            const auto chroma = [&](int value) { return fullRange ? 128 + (value - 128) * 255 / 224 : value; };
            largest = std::max({largest, std::abs(sample(0, 1, 1, 0) - luma(color.luma)),
                                std::abs(cb - chroma(color.cb)), std::abs(cr - chroma(color.cr))});
        }
    }
    return largest;
}

bool hasNote(const SourceInfo& info, const std::string& part) {
    return std::any_of(info.notes.begin(), info.notes.end(),
                       [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

}  // namespace smartcodec::test
