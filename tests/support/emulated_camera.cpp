#include "tests/support/emulated_camera.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/support/emulated_camera_device.h"

namespace smartcodec::test {

void EmulatedCamera::produce(std::size_t pictures) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    state.await(lock, "a camera to be started", [&] { return state.running; });
    state.demanded += pictures;
    state.changed.notify_all();
    state.await(lock, "pictures", [&] { return state.demanded == 0 || !state.running; });
}

void EmulatedCamera::failNext(std::size_t pictures) {
    state_->set([&] { state_->toFail = pictures; });
}

void EmulatedCamera::cancelNext(std::size_t buffers) {
    state_->set([&] { state_->toCancel = buffers; });
}

void EmulatedCamera::truncateNext(std::size_t pictures) {
    state_->set([&] { state_->toTruncate = pictures; });
}

void EmulatedCamera::setSensor(const SensorMetadata& sensor) {
    state_->set([&] { state_->sensor = sensor; });
}

void EmulatedCamera::stall() {
    state_->set([&] { state_->stalled = true; });
}

void EmulatedCamera::unplug() {
    state_->set([&] { state_->unplugged = true; });
}

void EmulatedCamera::setBusy() {
    state_->set([&] { state_->busy = true; });
}

void EmulatedCamera::whileStopping(std::function<void()> action) {
    state_->set([&] { state_->whileStopping = std::move(action); });
}

void EmulatedCamera::waitForBuffers(std::size_t buffers) {
    std::unique_lock lock(state_->mutex);
    state_->await(lock, "buffers", [&] { return state_->running && state_->queue.size() == buffers; });
}

void EmulatedCamera::waitForPictures(std::uint64_t pictures) {
    std::unique_lock lock(state_->mutex);
    state_->await(lock, "pictures", [&] { return state_->delivered >= pictures; });
}

void EmulatedCamera::waitForCancelled(std::uint64_t buffers) {
    std::unique_lock lock(state_->mutex);
    state_->await(lock, "buffers without a picture", [&] { return state_->cancelled >= buffers; });
}

CameraRequest EmulatedCamera::request() const {
    return state_->get([&] { return state_->request; });
}

std::size_t EmulatedCamera::queued() const {
    return state_->get([&] { return state_->queue.size(); });
}

std::uint64_t EmulatedCamera::delivered() const {
    return state_->get([&] { return state_->delivered; });
}

std::uint64_t EmulatedCamera::starved() const {
    return state_->get([&] { return state_->starved; });
}

std::uint64_t EmulatedCamera::cancelled() const {
    return state_->get([&] { return state_->cancelled; });
}

bool EmulatedCamera::taken() const {
    return state_->get([&] { return state_->taken; });
}

bool EmulatedCamera::running() const {
    return state_->get([&] { return state_->running; });
}

std::vector<int> EmulatedCamera::mainDmabufs() const {
    return state_->get([&] { return state_->mainDmabufs; });
}

CaptureTime EmulatedCamera::timeOf(std::uint64_t sequence) const {
    return state_->get([&] { return state_->started + sequence * state_->interval; });
}

EmulatedCamera EmulatedCameraSystem::add(const CameraModel& model) {
    cameras_.push_back(std::make_shared<EmulatedCamera::State>(model));
    return EmulatedCamera(cameras_.back());
}

void EmulatedCameraSystem::runFreely() {
    for (const auto& camera : cameras_) {
        camera->set([&] {
            if (camera->pace == CameraPace::OnDemand)
                camera->pace = CameraPace::Free;
        });
    }
}

std::vector<CameraDescription> EmulatedCameraSystem::cameras(bool details) {
    std::vector<CameraDescription> found;
    for (const auto& camera : cameras_) {
        CameraDescription description;
        description.id = camera->model.id;
        description.model = camera->model.model;
        description.location = "external";
        if (details) {
            description.formats = camera->model.formats;
            for (const std::string& control : camera->model.controls)
                description.controls.push_back({control, "float", "-1", "1", "0", {}});
        }
        found.push_back(std::move(description));
    }
    return found;
}

std::unique_ptr<CameraDevice> EmulatedCameraSystem::open(const std::string& id) {
    const auto camera =
        std::find_if(cameras_.begin(), cameras_.end(), [&](const auto& c) { return c->model.id == id; });
    if (camera == cameras_.end())
        throw std::runtime_error("camera " + id + ": is not there any more");
    (*camera)->set([&] {
        if ((*camera)->busy || std::exchange((*camera)->taken, true))
            throw std::system_error(EBUSY, std::generic_category(),
                                    "taking camera " + id + ": another program uses it");
    });
    return openEmulatedDevice(*camera);
}

}  // namespace smartcodec::test
