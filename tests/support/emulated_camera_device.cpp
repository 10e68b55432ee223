#include "tests/support/emulated_camera_device.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "capture/camera_formats.h"
#include "tests/support/camera_pattern.h"
#include "tests/support/emulated_camera_memory.h"

namespace smartcodec::test {

[[noreturn]] void violated(const std::string& what) {
    std::fprintf(stderr, "emulated camera: %s\n", what.c_str());
    std::abort();
}

std::chrono::nanoseconds frameTime(FrameRate rate) {
    return std::chrono::nanoseconds(1'000'000'000LL * rate.denominator / rate.numerator);
}

namespace {

using State = EmulatedCamera::State;

/// One stream of a configured camera.
struct Stream {
    std::vector<std::vector<std::byte>> phases;
    std::vector<PictureMemory> memory;  // one per buffer

    Stream(const PatternLayout& layout, std::size_t buffers, MainMemory access) : phases(drawPattern(layout)) {
        memory.reserve(buffers);
        for (std::size_t i = 0; i < buffers; ++i)
            memory.emplace_back(layout, access);
    }
};

class EmulatedDevice final : public CameraDevice {
  public:
    explicit EmulatedDevice(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~EmulatedDevice() override {
        halt();
        state_->set([this] {
            state_->taken = false;
            state_->mainDmabufs.clear();
        });
    }

    [[nodiscard]] const std::vector<CameraFormat>& formats() const override { return state_->model.formats; }
    [[nodiscard]] CameraSetup configure(const CameraRequest& request) override;
    void start(CameraListener& listener) override;
    Status queue(std::size_t buffer) noexcept override;
    void stop() noexcept override;
    [[nodiscard]] bool abandon() noexcept override;

  private:
    void halt() noexcept;
    [[nodiscard]] Size adjust(const CameraRequest& request) const;
    void turn(const CameraRequest& request, CameraSetup& setup) const;
    void settleRate(const CameraRequest& request, CameraSetup& setup);
    void work();
    [[nodiscard]] bool isTime(std::unique_lock<std::mutex>& lock);
    void take(std::unique_lock<std::mutex>& lock);
    void cancel(std::unique_lock<std::mutex>& lock);

    std::shared_ptr<State> state_;
    std::optional<Stream> main_;
    std::optional<Stream> small_;
    std::vector<char> queued_;     // per buffer; guarded by the state's mutex
    std::atomic<int> inQueue_{0};  // threads in `queue`
    CameraListener* listener_ = nullptr;
    std::thread thread_;
};

Size EmulatedDevice::adjust(const CameraRequest& request) const {
    const auto& formats = state_->model.formats;
    const auto format =
        std::find_if(formats.begin(), formats.end(), [&](const CameraFormat& f) { return f.format == request.format; });
    if (format == formats.end())
        throw std::runtime_error("camera " + state_->model.id + ": does not give " + name(request.format));
    const Size largest = format->sizes.back();
    Size size = request.size.value_or(largest);
    size = {std::min(size.width, largest.width), std::min(size.height, largest.height)};
    return {size.width / state_->model.widthStep * state_->model.widthStep, size.height};
}

void EmulatedDevice::turn(const CameraRequest& request, CameraSetup& setup) const {
    const CameraOrientation& wanted = request.orientation;
    if (state_->model.turns || wanted == CameraOrientation{})
        return;
    if (wanted.halfTurn == wanted.mirror || wanted.halfTurn == wanted.flip)
        throw std::runtime_error("camera " + state_->model.id + ": cannot turn its pictures so");
    setup.rotation = 180;
    setup.notes.push_back("camera " + state_->model.id + ": cannot turn its pictures");
}

void EmulatedDevice::settleRate(const CameraRequest& request, CameraSetup& setup) {
    const auto& fastest = state_->model.fastest;
    if (!fastest)
        return;
    setup.frameRate = request.frameRate.value_or(FrameRate{30, 1});
    if (setup.frameRate.value() > fastest->value())
        setup.frameRate = *fastest;
    if (state_->model.slowest && setup.frameRate.value() < state_->model.slowest->value())
        setup.frameRate = *state_->model.slowest;
    if (state_->model.heedsRate)
        state_->interval = frameTime(setup.frameRate);
}

CameraSetup EmulatedDevice::configure(const CameraRequest& request) {
    if (main_)
        violated("configured a second time");
    const CameraModel& model = state_->model;
    CameraSetup setup;
    const Size size = adjust(request);
    const std::size_t buffers = std::min<std::size_t>(request.buffers, model.buffers);
    main_.emplace(patternLayout(request.format, size, model.rowAlignment), buffers, model.mainMemory);
    const std::optional<Size> smallSize = analysisSize(size);
    if (request.analysisStream && model.secondStream && smallSize)
        small_.emplace(patternLayout(kNv12, *smallSize, model.rowAlignment), buffers, MainMemory::Mapped);
    for (const CameraSetting& setting : request.settings) {
        if (std::find(model.controls.begin(), model.controls.end(), setting.name) == model.controls.end())
            throw std::runtime_error("--camera-control " + setting.name + ": the camera has no such control");
    }
    turn(request, setup);
    queued_.assign(buffers, 0);
    setup.color = {.primaries = 6, .transfer = 1, .matrix = 6, .fullRange = request.format == kMjpeg};
    for (std::size_t i = 0; i < buffers; ++i)
        setup.buffers.push_back(
            {main_->memory[i].picture(), small_ ? std::optional(small_->memory[i].picture()) : std::nullopt});
    state_->set([&] {
        settleRate(request, setup);
        state_->request = request;
        for (const CameraBuffers& buffer : setup.buffers)
            state_->mainDmabufs.push_back(buffer.main.planes[0].dmabuf);
    });
    return setup;
}

void EmulatedDevice::start(CameraListener& listener) {
    state_->set([&] {
        if (!main_)
            violated("started before it was configured");
        if (state_->running)
            violated("started while it runs");
        if (state_->unplugged)
            throw std::system_error(ENODEV, std::generic_category(), "starting camera " + state_->model.id);
        state_->running = true;
        state_->stopping = false;
        state_->started = CaptureClock::now();
        listener_ = &listener;
    });
    thread_ = std::thread([this] { work(); });
}

Status EmulatedDevice::queue(std::size_t buffer) noexcept {
    inQueue_.fetch_add(1);
    std::this_thread::yield();  // so that whoever stops at the same time is caught
    Status status;
    state_->set([&] {
        if (buffer >= queued_.size())
            violated("there is no buffer " + std::to_string(buffer));
        if (!state_->running || state_->stopping)
            violated("buffer " + std::to_string(buffer) + " queued while it does not run");
        if (queued_[buffer])
            violated("buffer " + std::to_string(buffer) + " queued twice");
        if (state_->unplugged) {
            status = Status::failure("queueing a request to camera " + state_->model.id + ": No such device");
        } else {
            queued_[buffer] = 1;
            state_->queue.push_back(buffer);
        }
    });
    inQueue_.fetch_sub(1);
    return status;
}

void EmulatedDevice::stop() noexcept {
    {
        const std::lock_guard lock(state_->mutex);
        if (listener_ && (state_->unplugged || state_->stalled))
            violated("stopped although it is lost");
    }
    halt();
}

bool EmulatedDevice::abandon() noexcept {
    halt();
    return false;
}

void EmulatedDevice::halt() noexcept {
    std::function<void()> action;
    {
        const std::lock_guard lock(state_->mutex);
        if (!listener_)
            return;
        if (thread_.get_id() == std::this_thread::get_id())
            violated("stopped on its own thread");
        state_->stopping = true;
        action = state_->whileStopping;
    }
    if (inQueue_ > 0)
        violated("stopped while a buffer is being queued");
    if (action)
        action();
    state_->changed.notify_all();
    thread_.join();
    if (inQueue_ > 0)
        violated("a buffer is being queued while it stops");
    state_->set([this] {  // what was queued is cancelled
        state_->queue.clear();
        state_->running = false;
        std::fill(queued_.begin(), queued_.end(), char{0});
        listener_ = nullptr;
    });
}

/// Whether a picture is to be taken now. Waits; false: it was woken for something else.
bool EmulatedDevice::isTime(std::unique_lock<std::mutex>& lock) {
    State& state = *state_;
    const auto interrupted = [&] { return state.stopping || state.unplugged || state.cancels(); };
    if (state.pace == CameraPace::Timed) {
        const auto due = state.started + (state.sequence + 1) * state.interval - CaptureClock::now();
        return !state.changed.wait_for(lock, due, interrupted);
    }
    state.changed.wait(lock, [&] {
        return interrupted() || (!state.stalled && state.pace == CameraPace::Free && !state.queue.empty()) ||
               (!state.stalled && state.demanded > 0);
    });
    return !interrupted();
}

void EmulatedDevice::take(std::unique_lock<std::mutex>& lock) {
    State& state = *state_;
    CapturedPicture picture;
    const std::uint64_t sequence = state.sequence++;
    picture.sequence = sequence;
    picture.time = state.started + sequence * state.interval;
    if (!state.model.countsLost)
        picture.sequence -= state.starved;
    picture.duration = state.model.fastest ? state.interval : std::chrono::nanoseconds(0);
    picture.sensor = state.sensor;
    if (state.queue.empty()) {
        ++state.starved;
        return;
    }
    picture.buffer = state.queue.front();
    state.queue.pop_front();
    if (state.toFail > 0) {
        picture.outcome = CaptureOutcome::Failed;
        --state.toFail;
    }
    const bool truncated = state.toTruncate > 0;
    state.toTruncate -= truncated ? 1 : 0;
    lock.unlock();

    const auto phase = static_cast<std::size_t>(sequence % kPatternPhases);
    main_->memory[picture.buffer].fill(main_->phases[phase]);
    if (small_)
        small_->memory[picture.buffer].fill(small_->phases[phase]);
    picture.bytes = main_->phases[phase].size() / (truncated ? 2 : 1);
    state.set([&] { queued_[picture.buffer] = 0; });
    listener_->captured(picture);
    state.set([&] { ++state.delivered; });
    lock.lock();
}

/// The buffer that has waited longest comes back without a picture.
void EmulatedDevice::cancel(std::unique_lock<std::mutex>& lock) {
    State& state = *state_;
    --state.toCancel;
    CapturedPicture nothing;
    nothing.buffer = state.queue.front();
    nothing.outcome = CaptureOutcome::Cancelled;
    state.queue.pop_front();
    queued_[nothing.buffer] = 0;
    ++state.cancelled;
    lock.unlock();
    listener_->captured(nothing);
    lock.lock();
    state.changed.notify_all();
}

void EmulatedDevice::work() {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    while (!state.stopping) {
        if (isTime(lock)) {
            if (state.stalled) {  // timed: time goes on
                ++state.sequence;
                continue;
            }
            take(lock);
            if (state.demanded > 0)
                --state.demanded;
            state.changed.notify_all();
        } else if (state.cancels() && !state.stopping) {
            cancel(lock);
        } else if (state.unplugged && !state.stopping) {
            lock.unlock();
            listener_->disconnected();
            lock.lock();
            state.changed.wait(lock, [&] { return state.stopping; });
        }
    }
}

}  // namespace

std::unique_ptr<CameraDevice> openEmulatedDevice(std::shared_ptr<State> state) {
    return std::make_unique<EmulatedDevice>(std::move(state));
}

}  // namespace smartcodec::test
