#include "capture/scene_source.h"

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "capture/frame_pool.h"
#include "capture/scene.h"
#include "capture/scene_script.h"

namespace smartcodec {

namespace {

constexpr int kBt709 = 1;       // ITU-T H.273: primaries, transfer and matrix alike
constexpr int kChromaLeft = 1;  // AVCHROMA_LOC_LEFT

Scene makeScene(const SceneConfig& config) {
    if (config.duration && config.duration->count() < 0)
        throw std::runtime_error("cannot make the scene: its duration is negative");
    SceneDescription description = describeScene(config);
    try {
        return Scene(std::move(description), config.size, config.frameRate);
    } catch (const std::invalid_argument& error) {
        throw std::runtime_error(error.what());
    }
}

class SceneSource final : public Source {
  public:
    explicit SceneSource(const SceneConfig& config)
        : scene_(makeScene(config)), duration_(config.duration), pool_(kYuv420, config.size) {
        info_.name = "scene " + config.script;
        info_.format = kYuv420;
        info_.size = config.size;
        info_.frameRate = config.frameRate;
        info_.color = {.primaries = kBt709,
                       .transfer = kBt709,
                       .matrix = kBt709,
                       .fullRange = false,
                       .chromaLocation = kChromaLeft};
        info_.sampleAspect = {1, 1};
        info_.duration = config.duration;
    }

    [[nodiscard]] const SourceInfo& info() const override { return info_; }

    Status run(SourceSink& sink, std::stop_token stop) override {
        for (std::uint64_t index = 0; !stop.stop_requested(); ++index) {
            const auto time = scene_.time(index);
            if (duration_ && time >= *duration_)
                break;
            try {
                Frame frame = pool_.make({.picture = {},
                                          .analysisPicture = {},
                                          .time = CaptureTime{time},
                                          .duration = scene_.time(index + 1) - time,
                                          .sequence = index,
                                          .sensor = {}});
                scene_.render(index, frame->picture);
                if (!sink.deliver(std::move(frame)))
                    break;
            } catch (const std::bad_alloc&) {
                return Status::failure("rendering frame " + std::to_string(index) + " of " + info_.name +
                                       ": out of memory; record a smaller picture");
            }
        }
        return {};
    }

  private:
    Scene scene_;
    std::optional<std::chrono::nanoseconds> duration_;
    FramePool pool_;
    SourceInfo info_;
};

}  // namespace

std::unique_ptr<Source> openScene(const SceneConfig& config) {
    return std::make_unique<SceneSource>(config);
}

}  // namespace smartcodec
