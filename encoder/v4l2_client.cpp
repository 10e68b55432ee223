#include "encoder/v4l2_client.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>
#include <vector>

#include "encoder/qp_pooling.h"
#include "encoder/v4l2_trial.h"

namespace smartcodec {

namespace {

// Of one buffer for the bit stream: half a picture's bytes hold any frame but noise; never less than what small
// pictures can come to.
constexpr std::size_t kLeastBitstreamBytes = 256 * 1024;
constexpr std::size_t kMostGrowth = 4;  // of it, where frames fail
constexpr double kShortGop = 10;        // seconds: what key frames are apart in a recording for storage
constexpr int kKeyFramePatience = 3;    // frames after the one that it was asked for with
constexpr int kKeyFrameRefusals = 2;
// A new bit rate that takes a restart is worth one for a rise by this much, or with a key frame that comes anyway.
constexpr double kRiseWorthRestart = 1.5;
constexpr double kChangeWorthRestart = 1.2;
// And for a fall by this much, where it takes more than the cap as it stands.
constexpr double kExcessWorthRestart = 1.25;
// Each costs a key frame: a level that climbs takes one of them, not one a step.
constexpr std::chrono::seconds kRisePause{1};

[[nodiscard]] std::size_t bitstreamBytes(Size size) {
    const std::size_t picture = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3 / 2;
    return std::max(picture / 2, kLeastBitstreamBytes);
}

}  // namespace

std::string describe(const V4l2EncoderNode& node) {
    return node.driver + " " + node.path;
}

V4l2Client::V4l2Client(const EncoderConfig& config, V4l2EncoderNode node, V4l2System& system, const V4l2Limits& limits)
    : config_(config),
      system_(system),
      limits_(limits),
      timeline_(config.frameRate),
      packets_(config.codec, config.frameRate, timeline_, [this](const auto& packet) { finished(packet); }),
      limit_(config.constantBitrate.value_or(config.maxBitrate)),
      governor_(config.maxBitrate),
      rate_(config.constantBitrate.value_or(config.maxBitrate)) {
    settings_.node = std::move(node);
    settings_.coded = v4l2Fourcc(config.codec);
    settings_.format = config.format;
    settings_.size = config.size;
    settings_.frameRate = config.frameRate;
    settings_.color = config.color;
    settings_.dmabufLayout = config.dmabufLayout;
    settings_.offsetsHeeded = driverFacts(settings_.node.driver).dataOffset;
    settings_.bitstreamBytes = bitstreamBytes(config.size);
    const V4l2Trial trial = tryOut(system, settings_, config_, {.first = limits.trial, .holding = limits.holding});
    packets_.setParameterSets(trial.parameterSets);
    heldBack_ = trial.heldBack;
    buffersKept_ = trial.buffersKept;
    restarts_ = driverFacts(settings_.node.driver).restarts;
    if (!trial.returnsTimes) {
        packets_.matchInOrder();
        capabilities_.notes.push_back("it does not give the frames' times back: its packets are taken in their order");
    }
    settings_.picturesInside += static_cast<std::uint32_t>(buffersKept_);
    open();
    steering_ = stream_->tuning.steering();
    describeCapabilities();
}

void V4l2Client::open() {
    stream_ = std::make_unique<V4l2Stream>(system_, settings_, config_, rate_);
    fresh_ = true;
    askedKeyFrame_.reset();
    keptAtKeyFrames_ = 0;
    restarted_ = false;
    lastMove_ = lastPiece_ = lastGood_ = Clock::now();
    if (capabilities_.importsDmabufs && !session().imports()) {  // it did until it was opened again
        capabilities_.importsDmabufs = false;
        capabilities_.notes.push_back("frames are copied once on their way in: " + session().importRefusal());
    }
}

void V4l2Client::describeCapabilities() {
    capabilities_.name = describe(settings_.node);
    capabilities_.bitrateWhileRunning = steering_.bitrate && !config_.constantBitrate;
    capabilities_.keyFrameOnRequest = steering_.keyFrame;
    capabilities_.regions = steering_.regions;
    capabilities_.importsDmabufs = session().imports();
    std::vector<std::string>& notes = capabilities_.notes;
    if (!session().importRefusal().empty())
        notes.push_back("frames are copied once on their way in: " + session().importRefusal());
    if (!steering_.rateControl) {
        notes.push_back(governed() ? "it has no rate control: its QP rises where the cap would be exceeded"
                                   : "it has no rate control: it keeps to no bit rate");
    } else if (!config_.constantBitrate && !steering_.bitrate) {
        if (governed())
            notes.push_back("its bit rate is set once: levels act through the QP map instead");
        else
            notes.push_back(
                "its bit rate changes only when it is restarted: at key frames, for a rise by half, and to keep to the "
                "cap");
    }
    if (const double share = session().frameRateShare(); share != 1)
        notes.push_back("it reckons with " + std::to_string(std::lround(share * config_.frameRate.value())) +
                        " frames a second instead of " + std::to_string(std::lround(config_.frameRate.value())) +
                        ": the bit rate that it is told makes up for that");
    if (!steering_.keyFrame)
        notes.push_back(std::string("it makes no key frames on request: it is ") +
                        (restarts_ ? "restarted" : "opened again") + " for each");
    if (const auto seconds = static_cast<double>(steering_.longestGop) / config_.frameRate.value();
        seconds > 0 && seconds < kShortGop)
        notes.push_back("it makes a key frame after " + std::to_string(steering_.longestGop) + " frames at the latest");
    if (!config_.constantBitrate && !steering_.qpFloor)
        notes.push_back("it takes no lowest QP: it spends the bit rate even where the quality asked for needs less");
    switch (steering_.regions) {
        case RegionSupport::QpMap:
        case RegionSupport::Rectangles:
            capabilities_.regionNote = "regions of interest: " + steering_.regionDescription;
            break;
        case RegionSupport::QpRange:
            capabilities_.regionNote =
                "regions of interest: none; whole frames are made coarser where all of them may be";
            break;
        case RegionSupport::None:
            capabilities_.regionNote = "regions of interest: none";
            break;
    }
    const std::string_view text = driverFacts(settings_.node.driver).droppedFrames;
    if (steering_.rateControl && !text.empty())
        notes.push_back("its rate control " + std::string(text));
}

Status V4l2Client::check(const Frame& frame, const QpMap* map) const {
    const auto refuse = [&](const std::string& reason) {
        return Status::failure("encoding with " + capabilities_.name + ": " + reason);
    };
    if (failed_)
        return refuse("it has failed before");
    if (!frame)
        return refuse("the frame is empty");
    const Picture& picture = frame->picture;
    if (picture.format != config_.format || picture.size != config_.size)
        return refuse("the frame is a " + name(picture.format) + " picture of " + std::to_string(picture.size.width) +
                      "x" + std::to_string(picture.size.height) + ", the encoder was opened for " +
                      name(config_.format) + " of " + std::to_string(config_.size.width) + "x" +
                      std::to_string(config_.size.height));
    if (const std::string reason = whyUnfit(map, config_.size); !reason.empty())
        return refuse(reason);
    return {};
}

void V4l2Client::steer(const EncodeParameters& parameters, CaptureTime time) {
    map_ = parameters.qpMap;
    qpOffset_ = 0;
    const Bitrate requested = parameters.bitrate.bitsPerSecond > 0 ? parameters.bitrate : config_.maxBitrate;
    const Bitrate cap = config_.constantBitrate.value_or(std::clamp(requested, kMinBitrate, config_.maxBitrate));
    const Bitrate allowed = std::max(kMinBitrate, limit_.allowed());
    if (governed()) {
        qpOffset_ = governor_.offset(std::min(cap, allowed), time);
        return;
    }
    // It counts time in frames of the nominal rate: what comes in a burst has to share one second's bits.
    const double bits = static_cast<double>(std::min(cap, allowed).bitsPerSecond) * timeline_.spacing();
    rate_ = std::max(kMinBitrate, Bitrate{static_cast<std::int64_t>(bits)});
    limited_ = rate_ < cap;
}

Status V4l2Client::encode(Frame frame, const EncodeParameters& parameters) {
    if (Status status = check(frame, parameters.qpMap); !status.ok())
        return status;
    const std::optional<std::int64_t> number = timeline_.add(frame->time);
    if (!number)
        return Status::failure("encoding with " + capabilities_.name +
                               ": the frame's capture time is not after that of the frame before");
    steer(parameters, frame->time);
    inside_.push_back({*number, std::move(frame), parameters.keyFrame, {}});
    Status status = attempt([this] {
        const V4l2Result result = submitAll();
        bool moved = false;
        return result.ok() ? collect(moved) : result;
    });
    map_ = nullptr;
    return status;
}

V4l2Result V4l2Client::submitAll() {
    for (auto next = nextToSubmit(); next != inside_.end(); next = nextToSubmit()) {
        bool begun = false;
        if (const V4l2Result result = beginAnew(*next, begun); !result.ok())
            return result;
        if (begun)
            continue;
        // A request acts on whatever picture is coded next: those that are inside must be through for it to act on
        // this.
        const bool early =
            wantsKeyFrame(*next) && session().picturesInside() > std::max(buffersKept_, keptAtKeyFrames_);
        std::optional<V4l2Queue::Buffer> buffer;
        if (!early)
            buffer = session().room(next->frame->picture);
        bool woke = false;
        const V4l2Result result = buffer  ? submit(*next, std::move(*buffer))
                                  : early ? awaitTurn()
                                          : awaitMove(true, -1, woke);
        if (!result.ok())
            return result;
    }
    return {};
}

bool V4l2Client::rateWorthRestart(const Inside& frame) const {
    if (steering_.bitrate || !steering_.rateControl || governed())
        return false;
    const auto wanted = static_cast<double>(rate_.bitsPerSecond);
    const auto standing = static_cast<double>(stream_->tuning.bitrate().bitsPerSecond);
    if (limited_ && wanted * kExcessWorthRestart < standing)
        return true;  // the cap comes first
    if (wanted > standing && raised_ && frame.frame->time < *raised_ + kRisePause)
        return false;
    if (!restartsForRate_)
        return frame.keyFrame && wanted > standing * kRiseWorthRestart;
    return wanted > standing * kRiseWorthRestart ||
           (frame.keyFrame && (wanted > standing * kChangeWorthRestart || wanted * kChangeWorthRestart < standing));
}

/// Begins a new stream where the next frame needs one.
V4l2Result V4l2Client::beginAnew(const Inside& frame, bool& begun) {
    begun = true;
    if (!session().fits(frame.frame->picture)) {
        if (const V4l2Result result = drainStream(); !result.ok())
            return result;
        copyFromNowOn("a frame lies in its dmabufs in another way than those before");
        return reopenStream();
    }
    owesKeyFrame_ = packets_.takeKeyFrameWish() || owesKeyFrame_;
    if (packets_.takeFailure() && settings_.bitstreamBytes < kMostGrowth * bitstreamBytes(config_.size)) {
        // That a frame did not fit is said by nothing but its failing; with twice the room it will. What is still
        // inside refers to it and is of no use: better that it goes in again.
        settings_.bitstreamBytes *= 2;
        return reopenStream();
    }
    if (!fresh_ && rateWorthRestart(frame)) {
        if (const V4l2Result result = drainStream(); !result.ok())
            return result;
        restartedForRate_ = true;
        return reopenStream();
    }
    if (wantsKeyFrame(frame) && !steering_.keyFrame)
        return restartStream();
    begun = false;
    return {};
}

V4l2Result V4l2Client::submit(Inside& frame, V4l2Queue::Buffer buffer) {
    if (!packets_.expect(frame.number)) {  // its packet came out before the device died
        std::erase_if(inside_, [number = frame.number](const Inside& each) { return each.number == number; });
        return {};
    }
    control(frame, buffer.index());
    const Picture* picture = &frame.frame->picture;
    if (!session().imports()) {
        if (const Status mapped = mapping_.open(*picture, Mapping::Access::Read); !mapped.ok()) {
            fatal_ = mapped.message();
            return {"mapping a frame", EFAULT};
        }
        picture = &mapping_.picture();
    }
    const std::uint32_t index = buffer.index();
    const V4l2Result result = session().submit(std::move(buffer), *picture, packets_.timestamp(frame.number));
    mapping_.close();
    if (!result.ok()) {
        importRefused_ = session().imports() && result.error != EIO && result.error != ENODEV;
        return result;
    }
    frame.buffer = index;
    if (const Bitrate before = standing_; std::exchange(fresh_, false)) {
        standing_ = stream_->tuning.bitrate();
        if (standing_ > before)
            raised_ = frame.frame->time;
    }
    lastMove_ = Clock::now();
    if (packets_.pending() <= heldBack_ + kSwallowed + 1)
        lastPiece_ = lastMove_;
    return result;
}

/// What changes from frame to frame, right before the frame it is meant for.
void V4l2Client::control(const Inside& frame, std::uint32_t bufferIndex) {
    static const QpMap kNoMap;
    V4l2Tuning& tuning = stream_->tuning;
    if (steering_.bitrate && !tuning.setBitrate(rate_)) {
        steering_.bitrate = false;
        capabilities_.bitrateWhileRunning = false;
        capabilities_.notes.push_back("it refuses a new bit rate while it runs: " +
                                      std::string(governed() ? "levels act through the QP map from now on"
                                                             : "it is restarted for one from now on"));
    }
    askForKeyFrame(frame);
    // A map belongs to one frame: those that go in a second time go without.
    const QpMap& map = map_ && frame.number == inside_.back().number ? *map_ : kNoMap;
    tuning.setQpFloor(map, qpOffset_);
    const int offset = steering_.regions == RegionSupport::QpMap ? qpOffset_ + tuning.mapOffset() : 0;
    if (offset == 0)
        tuning.setRegions(map, bufferIndex);
    else
        tuning.setRegions(shifted(map, offset), bufferIndex);
    noteAltered();
}

/// Said once of each: what it does to one bit rate it does to all.
void V4l2Client::noteAltered() {
    std::vector<std::string>& notes = capabilities_.notes;
    for (const std::string& altered : stream_->tuning.takeAltered()) {
        const std::string note = "it changes " + altered;
        const std::string_view start = std::string_view(note).substr(0, note.find('('));
        if (std::ranges::none_of(notes, [start](const std::string& each) { return each.starts_with(start); }))
            notes.push_back(note);
    }
}

/// With `offset` on every block, those of an empty map too.
const QpMap& V4l2Client::shifted(const QpMap& map, int offset) {
    shifted_.columns = (config_.size.width + QpMap::kBlock - 1) / QpMap::kBlock;
    shifted_.rows = (config_.size.height + QpMap::kBlock - 1) / QpMap::kBlock;
    shifted_.delta.assign(static_cast<std::size_t>(shifted_.columns) * static_cast<std::size_t>(shifted_.rows),
                          static_cast<std::int8_t>(offset));
    for (std::size_t i = 0; i < std::min(map.delta.size(), shifted_.delta.size()); ++i)
        shifted_.delta[i] = static_cast<std::int8_t>(std::clamp(map.delta[i] + offset, -51, 51));
    return shifted_;
}

void V4l2Client::askForKeyFrame(const Inside& frame) {
    if (fresh_) {
        owesKeyFrame_ = false;
        return;
    }
    if (!wantsKeyFrame(frame))
        return;
    owesKeyFrame_ = !stream_->tuning.forceKeyFrame();
    if (!owesKeyFrame_) {
        keyFrameRefusals_ = 0;
        if (!askedKeyFrame_)
            askedKeyFrame_ = frame.number;
    } else if (++keyFrameRefusals_ >= kKeyFrameRefusals) {
        restartForKeyFrames("refuses");
    }
}

void V4l2Client::finished(const V4l2Packets::Finished& packet) {
    limit_.packet(packet.bytes, packet.presentation);
    governor_.packet(packet.bytes, packet.presentation);
    lastGood_ = Clock::now();
    spoiledBefore_ = packets_.counts().spoiled;
    // Some drivers write the bit rate into the parameter sets: a new file for every level would be worse than one
    // level.
    if (std::exchange(restartedForRate_, false) && packet.newStream)
        restartsForRate_ = false;
    if (!askedKeyFrame_ || packet.number < *askedKeyFrame_)
        return;
    if (packet.keyFrame) {
        askedKeyFrame_.reset();
    } else if (packet.number >= *askedKeyFrame_ + kKeyFramePatience) {
        // It took the request and did nothing, as some drivers do.
        askedKeyFrame_.reset();
        restartForKeyFrames("takes, but does not heed,");
        owesKeyFrame_ = true;
    }
}

void V4l2Client::restartForKeyFrames(const std::string& what) {
    steering_.keyFrame = false;
    capabilities_.keyFrameOnRequest = false;
    capabilities_.notes.push_back("it " + what + " requests for key frames: it is restarted for each from now on");
}

}  // namespace smartcodec
