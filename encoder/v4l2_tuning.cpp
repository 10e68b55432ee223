#include "encoder/v4l2_tuning.h"

#include <linux/v4l2-controls.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "encoder/v4l2_levels.h"
#include "encoder/v4l2_qp_controls.h"

namespace smartcodec {

namespace {

constexpr int kHighestQp = 51;
// Two in a row: one may be the device's state at that moment.
constexpr int kRefusals = 2;
// Changes by less than this share of the rate are below what any rate control keeps to.
constexpr std::int64_t kRateShare = 50;
// How far the lowest QP moves where it stands in for regions: twice the step between key frames and others.
constexpr int kLargestFloorDelta = 12;
// The finest that maps ask for: what moves, and what was detected in it.
constexpr int kMapHeadroom = 4;

[[nodiscard]] bool live(std::optional<ControlEffect> known, bool present) {
    return present && known.value_or(ControlEffect::Live) == ControlEffect::Live;
}

[[nodiscard]] std::string insteadOf(std::int64_t granted, std::int64_t asked) {
    return " (" + std::to_string(granted) + " instead of " + std::to_string(asked) + ")";
}

}  // namespace

V4l2Tuning::V4l2Tuning(V4l2Session& session, const EncoderConfig& config, const V4l2DriverFacts& facts)
    : session_(session), config_(config), facts_(facts) {}

bool V4l2Tuning::setAll(std::span<const std::uint32_t> ids, std::int64_t value) {
    return std::ranges::count_if(ids, [&](std::uint32_t id) { return set(id, value); }) > 0;
}

bool V4l2Tuning::setLowestQp(int qp) {
    bool taken = false;
    for (const std::uint32_t id : lowestQpControls(config_.codec)) {
        const V4l2Controls::Result result = session_.controls().set(id, qp);
        taken = taken || result.error == 0;
        if (result.error == 0 && result.value != qp)
            altered_.push_back("the lowest QP" + insteadOf(result.value, qp));
    }
    return taken;
}

bool V4l2Tuning::tellBitrate(Bitrate rate) {
    const std::int64_t told = toTell(rate);
    const V4l2Controls::Result result = session_.controls().set(V4L2_CID_MPEG_VIDEO_BITRATE, told);
    if (result.error != 0)
        return false;
    rate_ = rate;
    if (std::abs(result.value - told) > told / kRateShare)
        altered_.push_back("the bit rate" + insteadOf(result.value, told));
    return true;
}

void V4l2Tuning::setUp(Bitrate rate) {
    set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
    set(V4L2_CID_MPEG_VIDEO_MB_RC_ENABLE, 1);
    set(V4L2_CID_MPEG_VIDEO_B_FRAMES, 0);
    // The period of I pictures before the length of a GOP: one driver takes the first for the second (bcm2835).
    if (config_.codec == Codec::H264)
        set(V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 0);
    steering_.longestGop =
        session_.controls().set(V4L2_CID_MPEG_VIDEO_GOP_SIZE, std::numeric_limits<std::int32_t>::max()).value;
    setProfileAndLevel();
    setParameterSetPlacement();
    setSampleAspect();
    setRate(rate);
    if (live(facts_.qpMap, true))
        regions_ = findRegions(session_.device(), session_.controls(), config_.codec, config_.size);
    steering_.rateControl = has(V4L2_CID_MPEG_VIDEO_BITRATE);
    setQpRange();

    steering_.bitrate = live(facts_.bitrate, steering_.rateControl);
    steering_.keyFrame = live(facts_.keyFrame, has(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME));
    steering_.qpFloorLive =
        live(facts_.qpRange, steering_.qpFloor) && !(config_.constantBitrate && steering_.rateControl);
    if (regions_) {
        steering_.regions = regions_->support();
        steering_.regionDescription = regions_->description();
    } else if (steering_.qpFloorLive) {
        steering_.regions = RegionSupport::QpRange;
    }
}

void V4l2Tuning::setQpRange() {
    // The widest range first: drivers refuse a lower end above the upper one.
    setAll(highestQpControls(config_.codec), kHighestQp);
    if (config_.constantBitrate && steering_.rateControl) {
        steering_.qpFloor = setLowestQp(1);
        return;
    }
    const bool map = regions_ && regions_->support() == RegionSupport::QpMap;
    const int headroom = map ? std::min(kMapHeadroom, config_.quality - 1) : 0;
    steering_.qpFloor = setLowestQp(config_.quality - headroom);
    mapOffset_ = steering_.qpFloor ? headroom : 0;
}

void V4l2Tuning::setProfileAndLevel() {
    if (config_.codec == Codec::Fwht)
        return;  // which has neither
    const std::int64_t level =
        v4l2Level(config_.codec, config_.size, config_.frameRate, config_.constantBitrate.value_or(config_.maxBitrate));
    const std::uint32_t levelControl =
        config_.codec == Codec::H264 ? V4L2_CID_MPEG_VIDEO_H264_LEVEL : V4L2_CID_MPEG_VIDEO_HEVC_LEVEL;
    if (config_.codec == Codec::H264) {
        constexpr std::array kProfiles{V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, V4L2_MPEG_VIDEO_H264_PROFILE_MAIN};
        const auto profile =
            std::ranges::find_if(kProfiles, [&](auto wanted) { return set(V4L2_CID_MPEG_VIDEO_H264_PROFILE, wanted); });
        if (profile != kProfiles.end())
            set(V4L2_CID_MPEG_VIDEO_H264_ENTROPY_MODE, V4L2_MPEG_VIDEO_H264_ENTROPY_MODE_CABAC);
        if (profile == kProfiles.begin())
            set(V4L2_CID_MPEG_VIDEO_H264_8X8_TRANSFORM, 1);
    } else {
        set(V4L2_CID_MPEG_VIDEO_HEVC_PROFILE, V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN);
    }
    // An encoder whose level does not fit the size and rate stalls or codes garbage (bcm2835). Not every driver lists
    // every level: the next one that it takes will do.
    for (std::int64_t wanted = level; wanted <= highestV4l2Level(config_.codec); ++wanted) {
        const V4l2Controls::Result result = session_.controls().set(levelControl, wanted);
        if (result.error == 0 || result.error == ENOENT)
            break;
    }
}

void V4l2Tuning::setParameterSetPlacement() {
    set(V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME);
    set(V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 1);
    // The older way of asking for it runs bcm2835 out of memory after some hours. Where they do not come by themselves
    // they are put in front of key frames anyway.
    set(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0);
}

void V4l2Tuning::setSampleAspect() {
    const Ratio aspect = config_.sampleAspect;
    if (config_.codec != Codec::H264 || !aspect.known() || aspect.numerator == aspect.denominator)
        return;
    set(V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_IDC, V4L2_MPEG_VIDEO_H264_VUI_SAR_IDC_EXTENDED);
    set(V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_WIDTH, aspect.numerator);
    set(V4L2_CID_MPEG_VIDEO_H264_VUI_EXT_SAR_HEIGHT, aspect.denominator);
    set(V4L2_CID_MPEG_VIDEO_H264_VUI_SAR_ENABLE, 1);
}

void V4l2Tuning::setRate(Bitrate rate) {
    set(V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
        config_.constantBitrate ? V4L2_MPEG_VIDEO_BITRATE_MODE_CBR : V4L2_MPEG_VIDEO_BITRATE_MODE_VBR);
    // A peak below the rate is refused, and so is a rate above the peak.
    set(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, toTell(std::max(rate, config_.maxBitrate)));
    rate_ = rate;
    static_cast<void>(tellBitrate(rate));
}

/// The bit rate that makes this one of it: in the frame rate that the driver reckons with, and not rounded up, which
/// would exceed the cap.
std::int64_t V4l2Tuning::toTell(Bitrate rate) {
    const auto scaled = static_cast<std::int64_t>(static_cast<double>(rate.bitsPerSecond) * session_.frameRateShare());
    const std::int64_t wanted = std::max(scaled, facts_.leastBitrate);
    const v4l2_query_ext_ctrl* control = session_.controls().query(V4L2_CID_MPEG_VIDEO_BITRATE);
    if (!control || control->step <= 1 || wanted <= control->minimum)
        return wanted;
    return wanted - (wanted - control->minimum) % static_cast<std::int64_t>(control->step);
}

V4l2Steering V4l2Tuning::steering() const {
    return steering_;
}

bool V4l2Tuning::setBitrate(Bitrate rate) {
    const v4l2_query_ext_ctrl* control = session_.controls().query(V4L2_CID_MPEG_VIDEO_BITRATE);
    const std::int64_t step =
        std::max(control ? static_cast<std::int64_t>(control->step) : 1, rate_.bitsPerSecond / kRateShare);
    if (std::abs(rate.bitsPerSecond - rate_.bitsPerSecond) < step)
        return true;
    if (!tellBitrate(rate))
        return ++refusals_ < kRefusals;
    refusals_ = 0;
    return true;
}

bool V4l2Tuning::forceKeyFrame() {
    return set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
}

void V4l2Tuning::setQpFloor(const QpMap& map, int offset) {
    if (steering_.regions != RegionSupport::QpRange)
        return;
    const int finest = map.empty() ? 0 : *std::ranges::min_element(map.delta);
    setLowestQp(std::min(kHighestQp, config_.quality + std::clamp(finest, 0, kLargestFloorDelta) + offset));
}

void V4l2Tuning::setRegions(const QpMap& map, std::uint32_t bufferIndex) {
    // A map is refused at most for one frame: the next call begins anew.
    if (!regions_)
        return;
    static_cast<void>(regions_->apply(map, bufferIndex));
    if (!session_.controls().payloadsKept() && !std::exchange(regionsAltered_, true))
        altered_.push_back("the regions of interest (others are read back)");
}

}  // namespace smartcodec
