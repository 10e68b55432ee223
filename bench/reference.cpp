#include "bench/reference.h"

#include <utility>
#include <vector>

#include "bench/motion_mask.h"
#include "bench/picture_reader.h"
#include "capture/frame_pool.h"
#include "capture/scene.h"
#include "capture/scene_script.h"

namespace smartcodec::bench {
namespace {

class SceneReference final : public Reference {
  public:
    explicit SceneReference(const SceneConfig& config)
        : scene_(describeScene(config), config.size, config.frameRate),
          duration_(config.duration.value()),
          pool_(kYuv420, config.size),
          frame_(pool_.make({})),
          mask_(static_cast<std::size_t>(config.size.width) * static_cast<std::size_t>(config.size.height)) {}

    std::optional<Moment> next() override {
        const std::chrono::nanoseconds time = scene_.time(index_);
        if (time >= duration_)
            return std::nullopt;
        scene_.renderTruth(index_, frame_->picture);
        scene_.movingMask(index_, mask_);
        ++index_;
        return Moment{time, lumaOf(frame_->picture), mask_};
    }

  private:
    Scene scene_;
    std::chrono::nanoseconds duration_;
    FramePool pool_;
    Frame frame_;
    std::vector<std::uint8_t> mask_;
    std::uint64_t index_ = 0;
};

class FileReference final : public Reference {
  public:
    FileReference(const FileSourceConfig& config, std::optional<std::chrono::nanoseconds> duration)
        : reader_(openFile(config)), duration_(duration) {}

    std::optional<Moment> next() override {
        std::optional<Frame> frame = reader_.next();
        if (!frame)
            return std::nullopt;
        const std::chrono::nanoseconds time = (*frame)->time.time_since_epoch();
        if (duration_ && time >= *duration_)
            return std::nullopt;
        frame_ = std::move(*frame);
        const LumaView luma = lumaOf(frame_->picture);
        return Moment{time, luma, mask_.update(luma, time)};
    }

  private:
    PictureReader reader_;
    std::optional<std::chrono::nanoseconds> duration_;
    Frame frame_;
    MotionMask mask_;
};

}  // namespace

std::unique_ptr<Reference> sceneReference(const SceneConfig& config) {
    return std::make_unique<SceneReference>(config);
}

std::unique_ptr<Reference> fileReference(const FileSourceConfig& config,
                                         std::optional<std::chrono::nanoseconds> duration) {
    return std::make_unique<FileReference>(config, duration);
}

}  // namespace smartcodec::bench
