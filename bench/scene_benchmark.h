#pragma once

#include <string>
#include <vector>

#include "capture/picture.h"

namespace smartcodec::bench {

struct SceneBenchmarkOptions {
    std::vector<std::string> scripts;  ///< empty: all there are
    Size size{1920, 1080};
    int pictures = 600;  ///< of each, from the first on: at 30 per second a whole turn of the script
};

struct SceneBenchmark {
    std::string script;
    int pictures = 0;                     ///< packets that came out of the encoder
    double scenePicturesPerSecond = 0;    ///< drawn, noise included; painting the background beforehand left out
    double encoderPicturesPerSecond = 0;  ///< until the last packet is out; opening left out

    /// Above 1: drawing is the faster one.
    [[nodiscard]] double ratio() const { return scenePicturesPerSecond / encoderPicturesPerSecond; }
};

/// How fast the built-in scene draws beside how fast the software encoder (libx264, preset veryfast, as a recording
/// with default settings opens it) takes the same pictures: both in turn on each picture, so that whatever disturbs the
/// machine disturbs them alike, and both on one core, to which the calling thread is bound meanwhile. Throws
/// std::runtime_error for an unknown script, and if the encoder fails; std::system_error if it cannot be bound.
[[nodiscard]] std::vector<SceneBenchmark> benchmarkScene(const SceneBenchmarkOptions& options);

[[nodiscard]] std::string toText(const std::vector<SceneBenchmark>& results);
[[nodiscard]] std::string toJson(const std::vector<SceneBenchmark>& results);

}  // namespace smartcodec::bench
