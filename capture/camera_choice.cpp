#include "capture/camera_choice.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <system_error>

namespace smartcodec {

namespace {

std::string list(const std::vector<CameraDescription>& cameras) {
    std::string text;
    for (std::size_t i = 0; i < cameras.size(); ++i)
        text += (i > 0 ? ", " : "") + std::to_string(i) + " (" + cameras[i].id + ")";
    return text;
}

}  // namespace

CameraDescription findCamera(const std::string& wanted, CameraSystem& system) {
    const std::vector<CameraDescription> cameras = system.cameras(false);
    if (cameras.empty())
        throw std::runtime_error(
            "no camera found: is one connected, does no other program use it, and may this user open it (group video)? "
            "Give a file with -i FILE, or "
            "--scene for the built-in scene");
    if (wanted.empty())
        return cameras.front();
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (error == std::errc() && end == wanted.data() + wanted.size() && number < cameras.size())
        return cameras[number];
    const auto found = std::find_if(cameras.begin(), cameras.end(),
                                    [&](const CameraDescription& c) { return c.id == wanted || c.model == wanted; });
    if (found == cameras.end())
        throw std::runtime_error("--camera " + wanted + ": there is no such camera: there are " + list(cameras));
    return *found;
}

std::optional<Size> wantedSize(const CameraConfig& config, const std::vector<CameraFormat>& formats) {
    if (!config.width && !config.height)
        return {};
    Size shape{16, 9};
    int largest = 0;
    for (const CameraFormat& format : formats) {
        for (const Size size : format.sizes) {
            if (size.width > largest) {
                largest = size.width;
                shape = size;
            }
        }
    }
    const auto share = [](int side, int numerator, int denominator) {
        return static_cast<int>(static_cast<std::int64_t>(side) * numerator / denominator) & ~1;
    };
    return Size{config.width.value_or(share(config.height.value_or(0), shape.width, shape.height)),
                config.height.value_or(share(config.width.value_or(0), shape.height, shape.width))};
}

}  // namespace smartcodec
