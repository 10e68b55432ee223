#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "analysis/analyzer.h"
#include "analysis/analyzer_state.h"
#include "analysis/decider.h"
#include "analysis/luma_view.h"
#include "analysis/stabiliser.h"
#include "capture/picture.h"
#include "capture/scene.h"
#include "capture/scene_description.h"
#include "capture/scene_noise.h"
#include "tests/capture/scene_picture.h"

namespace smartcodec {

[[nodiscard]] LumaView lumaOf(const ScenePicture& picture);
[[nodiscard]] YuvView yuvOf(const ScenePicture& picture);
void copyPicture(const ScenePicture& from, ScenePicture& to);

/// A rectangle of luma samples.
struct Area {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
};
void fillLuma(ScenePicture& picture, const Area& area, int value);
void addLuma(ScenePicture& picture, const Area& area, double value);
[[nodiscard]] double meanLuma(const ScenePicture& picture, const Area& area);
/// Mean square of the difference of two pictures' luma.
[[nodiscard]] double errorPower(const ScenePicture& a, const ScenePicture& b, const Area& area);

/// A camera in front of a picture that the test paints: `shoot` is the truth plus fresh noise.
class Studio {
  public:
    Studio(Size size, const SceneNoiseLevel& noise, int luma = 110);

    ScenePicture truth;
    ScenePicture shot;
    void shoot();
    [[nodiscard]] Area all() const { return {0, 0, truth.view().size.width, truth.view().size.height}; }

    /// Squares of a few grey levels up and down, so that there is something to see when the camera moves.
    void paintTexture(int amplitude = 30, int square = 12, int shiftX = 0, int shiftY = 0);

  private:
    SceneNoise noise_;
    int luma_;
    std::uint64_t index_ = 0;
};

/// Analyzer, decider and (where wanted) stabiliser as a recorder runs them. What is decided is recorded.
class Recorder {
  public:
    struct Options {
        bool stabilise = false;
        bool record = true;  ///< tell the decider what was recorded
    };
    Recorder(const DeciderConfig& config, Options options);
    explicit Recorder(Size size) : Recorder(configFor(size), Options{}) {}

    [[nodiscard]] static DeciderConfig configFor(Size size);

    const Decision& take(const ScenePicture& picture, std::chrono::nanoseconds time);
    void confirm() { decider.recorded(analyzer); }
    [[nodiscard]] const ScenePicture& output() const { return output_; }  ///< of the last picture recorded

    Analyzer analyzer;
    Decider decider;

  private:
    Options options_;
    std::unique_ptr<Stabiliser> stabiliser_;
    ScenePicture output_;
};

/// The scene with its truth, in front of a recorder.
class Rehearsal {
  public:
    Rehearsal(const SceneDescription& description, Size size, Recorder::Options options);
    Rehearsal(const SceneDescription& description, Size size) : Rehearsal(description, size, Recorder::Options{}) {}

    const Decision& next();  ///< renders and takes the next frame
    void renderTruth() { scene.renderTruth(index - 1, truth.view()); }

    Scene scene;
    Recorder recorder;
    ScenePicture picture;
    ScenePicture truth;       ///< of the frame taken last, after renderTruth
    std::uint64_t index = 0;  ///< of the next frame
};

/// A picture of so many seconds, 30 a second.
[[nodiscard]] constexpr std::uint64_t frames(double seconds) {
    return static_cast<std::uint64_t>(seconds * 30 + 0.5);
}
[[nodiscard]] constexpr std::chrono::nanoseconds frameTime(std::uint64_t index) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(index) * 1'000'000'000 / 30);
}

constexpr SceneNoiseLevel kDayNoise{.shot = 0.012, .read = 0.8, .grain = 1};
constexpr SceneNoiseLevel kNightNoise{.shot = 0.07, .read = 2.2, .grain = 3};

[[nodiscard]] SceneDescription sceneOf(SceneView view, const SceneNoiseLevel& noise);

}  // namespace smartcodec
