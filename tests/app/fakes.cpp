#include "tests/app/fakes.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <thread>
#include <utility>

#include "capture/frame_pool.h"
#include "encoder/software_encoder.h"

namespace smartcodec::test {

namespace {

constexpr std::chrono::milliseconds kPeriod{40};

class FakeSource final : public Source {
  public:
    explicit FakeSource(const SourceRecipe& recipe)
        : recipe_(recipe),
          pool_(kYuv420, recipe.size),
          left_(recipe.moving ? static_cast<std::size_t>(recipe.size.width - 20) : 8) {
        info_.name = "fake source";
        info_.format = kYuv420;
        info_.size = recipe.size;
        info_.frameRate = {25, 1};
        info_.live = recipe.live;
    }

    const SourceInfo& info() const override { return info_; }

    Status run(SourceSink& sink, std::stop_token stop) override {
        for (std::size_t i = 0; (i < recipe_.times.size() || recipe_.endless) && !stop.stop_requested(); ++i) {
            if (recipe_.pace.count() > 0)
                std::this_thread::sleep_for(recipe_.pace);
            if (!sink.deliver(draw(i)))
                return {};
        }
        return recipe_.failure.empty() ? Status() : Status::failure(recipe_.failure);
    }

  private:
    Frame draw(std::size_t number) {
        const auto time = number < recipe_.times.size() ? recipe_.times[number] : kPeriod * static_cast<int>(number);
        Frame::Description description;
        description.picture.writable = true;
        description.time = CaptureTime(time);
        description.duration = recipe_.duration;
        description.sequence = number;
        Frame frame = pool_.make(description);
        for (int plane = 0; plane < 3; ++plane) {
            const Size bytes = planeSizeBytes(kYuv420, recipe_.size, plane);
            const Plane& target = frame->picture.planes[static_cast<std::size_t>(plane)];
            for (int y = 0; y < bytes.height; ++y)
                std::memset(target.data + static_cast<std::size_t>(y) * target.strideBytes, plane == 0 ? 60 : 128,
                            static_cast<std::size_t>(bytes.width));
        }
        const Plane& luma = frame->picture.planes[0];
        if (recipe_.moving && (!recipe_.movesAt || recipe_.movesAt(time)))
            left_ = (left_ + 4) % static_cast<std::size_t>(recipe_.size.width - 16);
        for (std::size_t y = 8; y < 24; ++y)
            std::memset(luma.data + y * luma.strideBytes + left_, 220, 16);
        return frame;
    }

    SourceRecipe recipe_;
    SourceInfo info_;
    FramePool pool_;
    std::size_t left_;  // edge of the square
};

class HinderedEncoder final : public Encoder {
  public:
    HinderedEncoder(const EncoderConfig& config, const Obstacle& obstacle)
        : config_(config), obstacle_(obstacle), encoder_(openSoftwareEncoder(config)) {
        takeSets();
    }

    const EncoderCapabilities& capabilities() const override { return encoder_->capabilities(); }
    std::span<const std::byte> parameterSets() const override {
        return obstacle_.withoutParameterSets ? std::span<const std::byte>() : sets_;
    }

    Status encode(Frame frame, const EncodeParameters& parameters) override {
        const int number = next_++;
        std::this_thread::sleep_for(obstacle_.delay);
        if (obstacle_.onFrame)
            obstacle_.onFrame(number);
        if (number == obstacle_.failAt)
            return Status::failure("fake encoder: broken on purpose");
        if (number == obstacle_.throwAt)
            throw std::runtime_error("thrown on purpose");
        if (std::find(obstacle_.restartAt.begin(), obstacle_.restartAt.end(), number) != obstacle_.restartAt.end())
            restart();
        return encoder_->encode(std::move(frame), parameters);
    }

    Status drain() override {
        return obstacle_.failDrain ? Status::failure("fake encoder: cannot drain") : encoder_->drain();
    }

    std::optional<Packet> takePacket() override {
        if (!before_.empty()) {
            Packet packet = std::move(before_.front());
            before_.pop_front();
            return packet;
        }
        std::optional<Packet> packet = encoder_->takePacket();
        if (packet && isNew_) {
            packet->newStream = true;
            isNew_ = false;
            takeSets();
        }
        return packet;
    }

  private:
    /// Without B-frames, then with them, and so on: the sets differ, and the source cannot tell.
    void restart() {
        (void)encoder_->drain();
        while (std::optional<Packet> packet = encoder_->takePacket())
            before_.push_back(std::move(*packet));
        const bool had = config_.lookaheadFrames.value_or(1) > 0;
        config_.lookaheadFrames = had ? 0 : 8;
        encoder_ = openSoftwareEncoder(config_);
        isNew_ = true;
    }

    void takeSets() {
        const std::span<const std::byte> sets = encoder_->parameterSets();
        sets_.assign(sets.begin(), sets.end());
    }

    EncoderConfig config_;
    Obstacle obstacle_;
    std::unique_ptr<Encoder> encoder_;
    std::vector<std::byte> sets_;  // of the stream that the packet taken last belongs to
    std::deque<Packet> before_;    // of the stream before
    bool isNew_ = false;
    int next_ = 0;
};

}  // namespace

std::vector<std::chrono::milliseconds> evenTimes(int count, std::chrono::milliseconds period) {
    std::vector<std::chrono::milliseconds> times;
    for (int i = 0; i < count; ++i)
        times.push_back(i * period);
    return times;
}

std::unique_ptr<Source> makeSource(const SourceRecipe& recipe) {
    return std::make_unique<FakeSource>(recipe);
}

PipelineParts hinder(const Obstacle& obstacle) {
    PipelineParts parts;
    parts.openEncoder = [obstacle](const EncoderConfig& config) -> std::unique_ptr<Encoder> {
        return std::make_unique<HinderedEncoder>(config, obstacle);
    };
    return parts;
}

PipelineParts makeParts(const SourceRecipe& source, const Obstacle& obstacle) {
    PipelineParts parts = hinder(obstacle);
    parts.openSource = [source](const Settings&) { return makeSource(source); };
    return parts;
}

}  // namespace smartcodec::test
