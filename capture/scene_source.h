#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/source.h"

namespace smartcodec {

struct SceneConfig {
    std::string script = "corridor";
    Size size{1920, 1080};
    FrameRate frameRate{30, 1};
    std::uint64_t seed = 1;
    /// Sensor noise, as a variance per sample: shot * value + read * read, value and read in grey levels of 8 bits.
    /// The script's own where not given. Chroma has half of it (in standard deviation) as at mid grey.
    std::optional<double> shotNoise{};
    std::optional<double> readNoise{};
    std::optional<int> grain{};  ///< samples that neighbours share, 1 or 3, as a camera's own processing leaves noise
    std::optional<std::chrono::nanoseconds> duration{};  ///< endless if not given
    bool frameNumber = false;  ///< write the frame's index into the picture, for readFrameNumber (scene_overlay.h)
};

/// Names of the scripts and one line about each, for the help text.
struct SceneScript {
    std::string name;
    std::string description;
};
[[nodiscard]] const std::vector<SceneScript>& sceneScripts();

/// The built-in scene: the same pictures for the same config on every machine. Throws std::runtime_error for an unknown
/// script, naming those there are, and for a size or rate that the scene cannot have.
[[nodiscard]] std::unique_ptr<Source> openScene(const SceneConfig& config);

}  // namespace smartcodec
