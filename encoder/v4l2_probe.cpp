#include "encoder/v4l2_probe.h"

#include <linux/videodev2.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "encoder/bitstream.h"
#include "encoder/probe_judgement.h"
#include "encoder/probe_pictures.h"
#include "encoder/probe_setting.h"
#include "encoder/v4l2_drivers.h"
#include "encoder/v4l2_regions.h"

namespace smartcodec {

namespace {

using Content = ProbePictures::Content;
using Effect = ProbedControl::Effect;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr int kPicturesPerSecond = 30;
constexpr int kSparse = 4;
constexpr double kBitsPerPixel = 0.15;  // takes the pictures to the middle of the QP scale
constexpr int kDelta = 12;              // a quarter, or four times, of the quantiser's step size
constexpr int kPrelude = 8;             // pictures before a stream is started again
constexpr int kRoundsWithKeyFrames = 3;
constexpr int kRequests = 3;  // of key frames

Size nearest(Size wanted, const V4l2CodedFormat& format) {
    const auto limit = [](int value, int low, int high) {
        return (high > 0 ? std::clamp(value, low, std::max(low, high)) : std::max(value, low)) / 2 * 2;
    };
    return {limit(wanted.width, format.smallest.width, format.largest.width),
            limit(wanted.height, format.smallest.height, format.largest.height)};
}

QpMap mapOf(Size size, int leftDelta, int rightDelta) {
    QpMap map;
    map.columns = (size.width + QpMap::kBlock - 1) / QpMap::kBlock;
    map.rows = (size.height + QpMap::kBlock - 1) / QpMap::kBlock;
    for (int row = 0; row < map.rows; ++row)
        for (int column = 0; column < map.columns; ++column)
            map.delta.push_back(static_cast<std::int8_t>(column < map.columns / 2 ? leftDelta : rightDelta));
    return map;
}

class Prober {
  public:
    Prober(V4l2System& system, const V4l2EncoderNode& node, Codec codec, const V4l2ProbeSettings& settings);
    V4l2Probe run();

  private:
    void prepare();

    void measureLive();
    void steer(ProbeSetting& setting);
    void spreadOut();
    void requestKeyFrames();
    void applyMaps();
    void judgeLive();
    void judgeMaps();
    void measureAtStart(ProbeSetting& setting);

    [[nodiscard]] std::unique_ptr<ProbeStream> open(const std::function<void(V4l2Session&)>& beforeStart = {}) const;
    /// Encodes with `stream_`; the end of it, when what was changed before has settled.
    ProbeWindow play(int count, Content content, microseconds gap,
                     const std::function<void(std::uint32_t)>& before = {});
    ProbeWindow play(int count) { return play(count, Content::Whole, gap_); }
    [[nodiscard]] std::optional<double> playToEnd(ProbeStream& stream);
    void count(const ProbeStream& stream);

    V4l2System& system_;
    const V4l2EncoderNode& node_;
    Codec codec_;
    V4l2ProbeSettings settings_;
    V4l2Probe result_;
    V4l2StreamSettings streamSettings_;
    EncoderConfig config_;
    microseconds gap_ = microseconds(std::chrono::seconds(1)) / kPicturesPerSecond;
    std::string doing_ = "opening it";
    bool restarts_;
    std::optional<ProbePictures> pictures_;
    std::vector<ProbeSetting> steered_;

    // of the stream in which things are changed while it runs
    std::unique_ptr<ProbeStream> stream_;
    std::unique_ptr<V4l2Regions> regions_;
    ProbeWindow reference_{};  // at its start
    ProbeWindow last_{};       // the last in which nothing special was asked for
    ProbeWindow beforeSparse_{};
    std::optional<ProbeWindow> sparse_;
    std::vector<ProbeRequest> requests_;
    std::size_t inside_ = 0;  // pictures that the device had at most when maps were sent
    std::optional<ProbeWindow> maps_;
    std::optional<ProbeWindow> halves_;
    std::optional<double> referenceBytes_;
};

Prober::Prober(V4l2System& system, const V4l2EncoderNode& node, Codec codec, const V4l2ProbeSettings& settings)
    : system_(system), node_(node), codec_(codec), settings_(settings), restarts_(driverFacts(node.driver).restarts) {
    result_.codec = codec;
    result_.frameRate = {kPicturesPerSecond, 1};
}

V4l2Probe Prober::run() {
    try {
        prepare();
        measureLive();
        for (ProbeSetting& setting : steered_)
            if (setting.result.effect == Effect::None)
                measureAtStart(setting);
    } catch (const std::exception& error) {
        result_.failure = doing_ + ": " + error.what();
        const auto* const system = dynamic_cast<const std::system_error*>(&error);
        if (system != nullptr && system->code() == std::errc::device_or_resource_busy)
            result_.failure += "; another program uses it";
        if (stream_)
            judgeLive();
    }
    return result_;
}

void Prober::prepare() {
    const V4l2CodedFormat* const format = node_.find(v4l2Fourcc(codec_));
    if (format == nullptr)
        throw std::runtime_error("it does not code " + std::string(name(codec_)));
    result_.size = nearest(settings_.size, *format);
    const double wanted = kBitsPerPixel * result_.size.width * result_.size.height * kPicturesPerSecond;
    config_.codec = codec_;
    config_.format = kNv12;
    config_.size = result_.size;
    config_.frameRate = result_.frameRate;
    config_.constantBitrate = Bitrate{static_cast<std::int64_t>(wanted)};
    config_.maxBitrate = Bitrate{static_cast<std::int64_t>(wanted) * kProbeRateFactor};
    streamSettings_.node = node_;
    streamSettings_.coded = format->fourcc;
    streamSettings_.format = kNv12;
    streamSettings_.size = result_.size;
    streamSettings_.frameRate = result_.frameRate;
    streamSettings_.bitstreamBytes = static_cast<std::size_t>(result_.size.width * result_.size.height * 2);
    pictures_.emplace(result_.size);
}

std::unique_ptr<ProbeStream> Prober::open(const std::function<void(V4l2Session&)>& beforeStart) const {
    return std::make_unique<ProbeStream>(system_, streamSettings_, config_, settings_.limits, beforeStart);
}

// Every change is compared with the pictures right before it, and taken back for as long. What leaves rate control the
// most to make up for comes last: the lowest QP, which is the last in the list.
void Prober::measureLive() {
    stream_ = open([this](V4l2Session& session) {
        regions_ = findRegions(session.device(), session.controls(), codec_, result_.size);
    });
    result_.regions = regions_ ? regions_->description() : "";
    steered_ = listProbeSettings(stream_->session(), node_, config_, result_);
    doing_ = "encoding with nothing changed";
    const auto begin = Clock::now();
    reference_ = last_ = play(settings_.picturesPerStep);
    const bool floorLast = result_.qpRange.effect != Effect::Absent;
    const std::span<ProbeSetting> settings(steered_);
    for (ProbeSetting& setting : settings.first(settings.size() - (floorLast ? 1 : 0)))
        steer(setting);
    spreadOut();
    requestKeyFrames();
    applyMaps();
    if (floorLast)
        steer(steered_.back());
    // Key frames that come by themselves make rate control waver: of three rounds most have to show an effect.
    for (int round = 1; round < kRoundsWithKeyFrames && judgeKeyFrames(stream_->coded(), requests_).ownGap; ++round)
        for (ProbeSetting& setting : steered_)
            steer(setting);
    doing_ = "ending the stream";
    stream_->drain();
    const std::chrono::duration<double> time = Clock::now() - begin;
    result_.picturesPerSecond = static_cast<double>(stream_->coded().size()) / time.count();
    judgeLive();
    count(*stream_);
    regions_.reset();
    stream_.reset();
}

ProbeWindow Prober::play(int count, Content content, microseconds gap,
                         const std::function<void(std::uint32_t)>& before) {
    for (int i = 0; i < count; ++i)
        stream_->encode(pictures_->picture(content, stream_->coded().size()), gap, before);
    const std::size_t end = stream_->coded().size();
    return {end - static_cast<std::size_t>(count) / 3, end};
}

void Prober::steer(ProbeSetting& setting) {
    doing_ = setting.doing;
    ProbeRound round{.before = last_, .changed = {}, .restored = {}};
    setting.result.refused = setting.set(stream_->session(), setting.result.askedTo);
    if (setting.result.refused != 0)
        return;
    round.changed = play(settings_.picturesPerStep * 3 / 2);
    static_cast<void>(setting.set(stream_->session(), setting.result.askedFrom));
    round.restored = last_ = play(settings_.picturesPerStep * 2);  // rate control uses up what it has saved
    setting.rounds.push_back(round);
}

/// The same pictures as if three of four had been dropped.
void Prober::spreadOut() {
    doing_ = "encoding pictures with gaps between them";
    beforeSparse_ = last_;
    sparse_ = play(settings_.picturesPerStep, Content::Whole, gap_ * kSparse);
    last_ = play(settings_.picturesPerStep);
}

void Prober::requestKeyFrames() {
    doing_ = "asking for key frames";
    V4l2Controls& controls = stream_->session().controls();
    if (controls.query(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME) == nullptr) {
        result_.keyFrame.effect = Effect::Absent;
        return;
    }
    for (int i = 0; i < kRequests; ++i) {
        play(7 + 4 * i);  // at odd places of whatever period there may be
        result_.keyFrame.refused = controls.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1).error;
        requests_.push_back({.number = stream_->coded().size(), .inside = stream_->session().picturesInside()});
        play(static_cast<int>(ProbeRequest::kPatience));
    }
    last_ = play(settings_.picturesPerStep);
}

/// Maps that take turns, so that rate control cannot follow.
void Prober::applyMaps() {
    doing_ = "sending QP maps";
    if (!regions_) {
        result_.qpMap.effect = Effect::Absent;
        return;
    }
    const auto alternate = [this](const QpMap& first, const QpMap& second) {
        return [this, first, second](std::uint32_t buffer) {
            inside_ = std::max(inside_, stream_->session().picturesInside());
            const int error = regions_->apply(isSecondsTurn(stream_->coded().size()) ? second : first, buffer);
            if (error != 0)
                result_.qpMap.refused = error;
        };
    };
    result_.qpMap.askedFrom = kDelta;
    result_.qpMap.askedTo = -kDelta;
    const Size size = result_.size;
    const auto mostOf = [](ProbeWindow window) {
        return ProbeWindow{2 * window.begin - window.end, window.end};  // a map has nothing to settle
    };
    maps_ = mostOf(play(settings_.picturesPerStep, Content::Whole, gap_,
                        alternate(mapOf(size, kDelta, kDelta), mapOf(size, -kDelta, -kDelta))));
    halves_ = mostOf(play(settings_.picturesPerStep, Content::LeftHalf, gap_,
                          alternate(mapOf(size, kDelta, -kDelta), mapOf(size, -kDelta, kDelta))));
    last_ = play(settings_.picturesPerStep, Content::Whole, gap_,
                 [this](std::uint32_t buffer) { static_cast<void>(regions_->apply({}, buffer)); });
}

void Prober::judgeLive() {
    const CodedPictures coded = stream_->coded();
    referenceBytes_ = meanBytes(coded, reference_);
    for (ProbeSetting& setting : steered_) {
        ProbedControl& result = setting.result;
        const ProbeContrast contrast = medianContrast(coded, setting.rounds);
        result.measuredFrom = contrast.from;
        result.measuredTo = contrast.to;
        if (result.refused != 0)
            result.effect = Effect::None;
        else if (contrast.from)
            result.effect = setting.acted() ? Effect::Live : Effect::None;
    }
    if (sparse_) {
        const std::optional<double> before = meanBytes(coded, beforeSparse_);
        const std::optional<double> after = meanBytes(coded, *sparse_);
        if (before && after)
            result_.sparsePictures = *after / *before;
    }
    const ProbedKeyFrames keyFrames = judgeKeyFrames(coded, requests_);
    if (hasParameterSets(codec_))
        result_.repeatsParameterSets = keyFrames.repeated;
    result_.ownKeyFrames = keyFrames.ownGap;
    if (requests_.size() == kRequests) {
        result_.keyFrame.effect = keyFrames.granted ? Effect::Live : Effect::None;
        if (keyFrames.granted) {
            result_.keyFrame.measuredFrom = keyFrames.earliest;
            result_.keyFrame.measuredTo = keyFrames.latest;
        }
    }
    judgeMaps();
}

void Prober::judgeMaps() {
    const CodedPictures coded = stream_->coded();
    if (!maps_)
        return;
    const ProbeTurns turns = clearestTurns(coded, *maps_, inside_);
    result_.qpMap.measuredFrom = turns.first;
    result_.qpMap.measuredTo = turns.second;
    if (turns.first && turns.second)
        result_.qpMap.effect = turns.secondIsLarger() ? Effect::Live : Effect::None;
    if (result_.qpMap.effect != Effect::Live)
        return;
    result_.qpMapEarly = static_cast<int>(turns.early);
    if (!halves_)
        return;
    // Anew: what the device has inside need not be as much as it was.
    const ProbeTurns halves = farthestTurns(coded, *halves_, inside_);
    if (halves.first && halves.second)
        result_.qpMapPlacement = *halves.second / *halves.first;
}

/// Whether a setting that does nothing while the stream runs does something when it starts.
void Prober::measureAtStart(ProbeSetting& setting) {
    if (!referenceBytes_)
        return;
    ProbedControl& result = setting.result;
    const auto acts = [&](const std::optional<double>& bytes) {
        result.measuredFrom = referenceBytes_;
        result.measuredTo = bytes;
        return setting.acted();
    };
    int refused = 0;
    if (restarts_) {
        doing_ = std::string("starting the stream again after ") + setting.doing;
        const std::unique_ptr<ProbeStream> again = open();
        for (int i = 0; i < kPrelude; ++i)
            again->encode(pictures_->picture(Content::Whole, again->coded().size()), gap_);
        again->drain();
        try {
            again->restart([&] { refused = setting.set(again->session(), result.askedTo); });
            if (acts(playToEnd(*again)) && refused == 0) {
                result.effect = Effect::Static;
                return;
            }
        } catch (const std::exception&) {
            restarts_ = false;  // some drivers begin anew only when they are opened again
        }
    }
    doing_ = std::string("opening it again after ") + setting.doing;
    const std::unique_ptr<ProbeStream> anew =
        open([&](V4l2Session& session) { refused = setting.set(session, result.askedTo); });
    if (acts(playToEnd(*anew)) && refused == 0)
        result.effect = Effect::Opening;
}

std::optional<double> Prober::playToEnd(ProbeStream& stream) {
    for (int i = 0; i < settings_.picturesPerStep; ++i)
        stream.encode(pictures_->picture(Content::Whole, stream.coded().size()), gap_);
    stream.drain();
    count(stream);
    const std::size_t end = stream.coded().size();
    return meanBytes(stream.coded(), {end - static_cast<std::size_t>(settings_.picturesPerStep) / 3, end});
}

void Prober::count(const ProbeStream& stream) {
    result_.pictures += static_cast<int>(stream.coded().size());
    result_.missing += static_cast<int>(std::ranges::count(stream.coded(), std::size_t{0}, &ProbeStream::Coded::bytes));
}

}  // namespace

V4l2Probe probeEncoder(V4l2System& system, const V4l2EncoderNode& node, Codec codec,
                       const V4l2ProbeSettings& settings) {
    return Prober(system, node, codec, settings).run();
}

const char* name(ProbedControl::Effect effect) {
    switch (effect) {
        case Effect::Unknown:
            return "unknown";
        case Effect::Absent:
            return "absent";
        case Effect::None:
            return "none";
        case Effect::Opening:
            return "opening";
        case Effect::Static:
            return "static";
        case Effect::Live:
            return "live";
    }
    return "";
}

}  // namespace smartcodec
