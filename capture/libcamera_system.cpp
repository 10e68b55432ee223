#include "capture/libcamera_system.h"

#include <libcamera/logging.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "capture/libcamera_controls.h"
#include "capture/libcamera_device.h"
#include "capture/libcamera_pictures.h"

namespace smartcodec {

namespace {

std::string locationOf(const libcamera::Camera& camera) {
    const auto location = camera.properties().get(libcamera::properties::Location);
    if (!location)
        return {};
    switch (*location) {
        case libcamera::properties::CameraLocationFront:
            return "front";
        case libcamera::properties::CameraLocationBack:
            return "back";
        case libcamera::properties::CameraLocationExternal:
            return "external";
        default:
            return {};
    }
}

class LibcameraSystem final : public CameraSystem {
  public:
    LibcameraSystem() {
        if (!std::getenv("LIBCAMERA_LOG_LEVELS") && !std::getenv("LIBCAMERA_LOG_FILE"))
            libcamera::logSetTarget(libcamera::LoggingTargetNone);
    }
    ~LibcameraSystem() override {
        if (anyCameraAbandoned())
            static_cast<void>(manager_.release());
        else if (started_)
            manager_->stop();
    }

    [[nodiscard]] std::vector<CameraDescription> cameras(bool details) override;
    [[nodiscard]] std::unique_ptr<CameraDevice> open(const std::string& id) override;

  private:
    [[nodiscard]] libcamera::CameraManager& manager();

    std::unique_ptr<libcamera::CameraManager> manager_ = std::make_unique<libcamera::CameraManager>();
    bool started_ = false;
};

libcamera::CameraManager& LibcameraSystem::manager() {
    if (!started_) {
        if (const int error = manager_->start(); error < 0)
            throw std::system_error(-error, std::generic_category(), "starting libcamera");
        started_ = true;
    }
    return *manager_;
}

std::vector<CameraDescription> LibcameraSystem::cameras(bool details) {
    std::vector<CameraDescription> found;
    for (const std::shared_ptr<libcamera::Camera>& camera : manager().cameras()) {
        CameraDescription description;
        description.id = camera->id();
        description.model = camera->properties().get(libcamera::properties::Model).value_or("");
        description.location = locationOf(*camera);
        if (details) {
            const auto configuration = camera->generateConfiguration({libcamera::StreamRole::VideoRecording});
            if (configuration && !configuration->empty())
                description.formats = cameraFormats(configuration->at(0));
            else
                description.failure = "it offers nothing for video";
            description.controls = describeControls(camera->controls());
        }
        found.push_back(std::move(description));
    }
    // those that are built in before those that come and go, and not in the order in which drivers happened to start
    std::sort(found.begin(), found.end(), [](const CameraDescription& a, const CameraDescription& b) {
        const bool lastA = a.location == "external";
        const bool lastB = b.location == "external";
        return lastA != lastB ? lastB : a.id < b.id;
    });
    return found;
}

std::unique_ptr<CameraDevice> LibcameraSystem::open(const std::string& id) {
    std::shared_ptr<libcamera::Camera> camera = manager().get(id);
    if (!camera)
        throw std::runtime_error("camera " + id + ": is not there any more");
    return openLibcameraDevice(std::move(camera));
}

}  // namespace

CameraSystem& libcameraSystem() {
    static LibcameraSystem system;
    return system;
}

}  // namespace smartcodec
