#include "encoder/probe_setting.h"

#include <linux/videodev2.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "encoder/v4l2_qp_controls.h"

namespace smartcodec {

namespace {

using enum ProbedControl::Effect;

// Fewer, not more: rate control settles in seconds, of which the pictures then last longer.
constexpr int kFewerPerSecond = 10;
constexpr std::int64_t kHighFloor = 45;  // lowest QP that leaves pictures a fraction of their bytes

ProbeSetting bitrate(const v4l2_query_ext_ctrl& control, const EncoderConfig& config, ProbedControl& result) {
    result.askedFrom = static_cast<double>(config.constantBitrate->bitsPerSecond);
    result.askedTo = std::max(result.askedFrom / kProbeRateFactor, static_cast<double>(control.minimum));
    return {.doing = "changing the bit rate", .result = result, .set = [](V4l2Session& session, double value) {
                return session.controls().set(V4L2_CID_MPEG_VIDEO_BITRATE, std::llround(value)).error;
            }};
}

ProbeSetting frameRate(const EncoderConfig& config, ProbedControl& result) {
    result.askedFrom = config.frameRate.value();
    result.askedTo = kFewerPerSecond;
    return {.doing = "changing the frame rate",
            .result = result,
            .set =
                [](V4l2Session& session, double value) {
                    return session.setFrameRate({static_cast<int>(value), 1});
                },
            .enlarges = true};
}

ProbeSetting lowestQp(const v4l2_query_ext_ctrl& control, Codec codec, ProbedControl& result) {
    result.askedFrom = static_cast<double>(std::max<std::int64_t>(control.minimum, 1));
    result.askedTo = static_cast<double>(std::min<std::int64_t>(control.maximum, kHighFloor));
    return {.doing = "changing the lowest QP", .result = result, .set = [codec](V4l2Session& session, double value) {
                int error = 0;
                for (const std::uint32_t id : lowestQpControls(codec))
                    error = std::max(error, session.controls().set(id, std::llround(value)).error);
                return error;
            }};
}

}  // namespace

bool ProbeSetting::acted() const {
    const auto [large, small] = enlarges ? std::pair(result.measuredTo, result.measuredFrom)
                                         : std::pair(result.measuredFrom, result.measuredTo);
    return large && small && isClearlyLess(*small, *large);
}

std::vector<ProbeSetting> listProbeSettings(V4l2Session& session, const V4l2EncoderNode& node,
                                            const EncoderConfig& config, V4l2Probe& probe) {
    std::vector<ProbeSetting> settings;
    if (const auto* control = session.controls().query(V4L2_CID_MPEG_VIDEO_BITRATE))
        settings.push_back(bitrate(*control, config, probe.bitrate));
    else
        probe.bitrate.effect = Absent;

    v4l2_streamparm parameters{};
    parameters.type = v4l2FrameType(node.multiplanar);
    if (session.device().ioctl(VIDIOC_G_PARM, parameters) == 0)
        settings.push_back(frameRate(config, probe.frameRateControl));
    else
        probe.frameRateControl.effect = Absent;

    if (const auto* control = session.controls().query(lowestQpControls(config.codec).front()))
        settings.push_back(lowestQp(*control, config.codec, probe.qpRange));
    else
        probe.qpRange.effect = Absent;
    return settings;
}

}  // namespace smartcodec
