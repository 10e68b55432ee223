#include "encoder/v4l2_trial.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "capture/frame_pool.h"
#include "encoder/bitstream.h"
#include "encoder/v4l2_packets.h"
#include "encoder/v4l2_stream.h"

namespace smartcodec {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kGrey = 0x80;
constexpr std::size_t kMostPictures = 8;

void paintGrey(const Picture& picture) {
    for (int i = 0; i < planeCount(picture.format); ++i) {
        const Plane& plane = picture.planes[static_cast<std::size_t>(i)];
        const Size bytes = planeSizeBytes(picture.format, picture.size, i);
        std::memset(plane.data, kGrey, plane.strideBytes * static_cast<std::size_t>(bytes.height));
    }
}

class TrialSink final : public V4l2Sink {
  public:
    explicit TrialSink(Codec codec) : codec_(codec) {}

    void pictureReturned(std::uint32_t) override {}
    void piece(const V4l2Piece& piece) override {
        const AnnexBContents contents = inspectBitstream(codec_, piece.data);
        if (contents.anyParameterSet && !inspectBitstream(codec_, sets_).parameterSets) {  // they may come one by one
            extractParameterSets(codec_, piece.data, found_);
            sets_.insert(sets_.end(), found_.begin(), found_.end());
        }
        if (contents.picture && latest_ != piece.timestamp) {  // not another slice of the same
            latest_ = piece.timestamp;
            first_ = first_.value_or(piece.timestamp);
            ++pictures_;
        }
        failed_ = failed_ || piece.failed;
    }

    [[nodiscard]] bool picture() const { return pictures_ > 0; }
    [[nodiscard]] std::size_t pictures() const { return pictures_; }
    [[nodiscard]] std::chrono::microseconds firstTime() const { return first_.value_or(std::chrono::microseconds{}); }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::vector<std::byte>& sets() { return sets_; }

  private:
    Codec codec_;
    std::size_t pictures_ = 0;
    std::optional<std::chrono::microseconds> first_;
    std::optional<std::chrono::microseconds> latest_;
    bool failed_ = false;
    std::vector<std::byte> sets_;
    std::vector<std::byte> found_;  // used again
};

class Trial {
  public:
    Trial(V4l2System& system, const V4l2StreamSettings& settings, const EncoderConfig& config)
        : name_(settings.node.path + " (" + settings.node.driver + ")"),
          stream_(system, settings, config, config.constantBitrate.value_or(config.maxBitrate)),
          sink_(config.codec) {}

    V4l2Trial run(const EncoderConfig& config, const V4l2TrialLimits& limits) {
        FramePool pool(config.format, config.size);
        const Frame frame = pool.make({});
        paintGrey(frame->picture);
        FrameTimeline timeline(config.frameRate);
        const V4l2Packets times(config.codec, config.frameRate, timeline, {});
        std::size_t submitted = 0;
        const auto first = [this] { return sink_.picture(); };
        while (submitted < kMostPictures && !sink_.picture()) {
            std::optional<V4l2Queue::Buffer> buffer = stream_.session.room(frame->picture);
            if (!buffer)
                break;
            const auto number = static_cast<std::int64_t>(submitted);
            require(stream_.session.submit(std::move(*buffer), frame->picture, times.timestamp(number)));
            ++submitted;
            waitUntil(first, limits.holding);
        }
        // It may have been slow instead, as the first time that firmware runs: then the others follow by themselves.
        waitUntil(first, limits.first);
        if (sink_.picture())
            waitUntil([&] { return sink_.pictures() >= submitted && stream_.session.picturesInside() == 0; },
                      limits.holding);
        V4l2Trial result{.parameterSets = {},
                         .heldBack = submitted - std::min(submitted, sink_.pictures()),
                         .buffersKept = stream_.session.picturesInside()};
        if (!sink_.picture()) {
            require(stream_.session.beginDrain());
            waitUntil(first, limits.first);
        }
        if (!sink_.picture())
            throw std::runtime_error(name_ + (sink_.failed() ? " could not code a grey picture"
                                                             : " took grey pictures and gave nothing back in time"));
        if (hasParameterSets(config.codec) && !inspectBitstream(config.codec, sink_.sets()).parameterSets)
            throw std::runtime_error(name_ + " gives a stream without parameter sets, which no player can show");
        result.parameterSets = std::move(sink_.sets());
        result.returnsTimes = times.isOfFrame(sink_.firstTime());
        return result;
    }

  private:
    void require(const V4l2Result& result) const {
        if (!result.ok())
            throw std::system_error(result.error, std::generic_category(), name_ + ": " + result.attempt);
    }

    /// Until it is so, or no picture came for as long.
    void waitUntil(const std::function<bool()>& done, milliseconds limit) {
        auto deadline = Clock::now() + limit;
        while (!done() && !stream_.session.ended()) {
            bool moved = false;
            const std::size_t before = sink_.pictures();
            require(stream_.session.collect(sink_, moved));
            if (sink_.pictures() > before)
                deadline = Clock::now() + limit;
            const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
            if (done() || left.count() <= 0)
                return;
            V4l2Session::Woken woken;
            require(stream_.session.wait({.device = !stream_.session.idle(), .limit = left}, woken));
        }
    }

    std::string name_;
    V4l2Stream stream_;
    TrialSink sink_;
};

}  // namespace

V4l2Trial tryOut(V4l2System& system, V4l2StreamSettings settings, const EncoderConfig& config,
                 const V4l2TrialLimits& limits) {
    settings.dmabufLayout.reset();
    return Trial(system, settings, config).run(config, limits);
}

}  // namespace smartcodec
