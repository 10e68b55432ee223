#include "encoder/v4l2_survey.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "encoder/v4l2_controls.h"
#include "encoder/v4l2_qp_controls.h"
#include "encoder/v4l2_queue.h"
#include "encoder/v4l2_region_search.h"
#include "encoder/v4l2_regions.h"

namespace smartcodec {

namespace {

constexpr Size kFullHd{1920, 1080};

SurveyedControl judge(const std::optional<ControlEffect>& known, bool present) {
    if (!present)
        return {.effect = ControlEffect::Absent, .known = false};
    return {.effect = known.value_or(ControlEffect::Live), .known = known.has_value()};
}

std::string versionText(std::uint32_t version) {
    return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 0xff) + "." +
           std::to_string(version & 0xff);
}

bool hasToDoWithCoding(const v4l2_query_ext_ctrl& control) {
    return V4L2_CTRL_ID2CLASS(control.id) == V4L2_CTRL_CLASS_CODEC || control.id == V4L2_CID_MIN_BUFFERS_FOR_OUTPUT ||
           controlNameHas(control, {"roi"});
}

using Source = SteeringControl::Source;

/// What of a driver's facts is about a control.
using Fact = std::optional<ControlEffect> V4l2DriverFacts::*;

struct Steering {
    const char* name;
    std::uint32_t h264;
    std::uint32_t hevc;  ///< 0: none for this codec
    Fact fact;           ///< null: set once
};

constexpr Steering kSteering[]{
    {"bit rate", V4L2_CID_MPEG_VIDEO_BITRATE, V4L2_CID_MPEG_VIDEO_BITRATE, &V4l2DriverFacts::bitrate},
    {"peak bit rate", V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, &V4l2DriverFacts::bitrate},
    {"bit rate mode", V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, nullptr},
    {"rate control", V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, nullptr},
    {"block rate control", V4L2_CID_MPEG_VIDEO_MB_RC_ENABLE, V4L2_CID_MPEG_VIDEO_MB_RC_ENABLE, nullptr},
    {"frame skipping", V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE, V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE, nullptr},
    {"key frame request", V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
     &V4l2DriverFacts::keyFrame},
    {"GOP length", V4L2_CID_MPEG_VIDEO_GOP_SIZE, V4L2_CID_MPEG_VIDEO_GOP_SIZE, nullptr},
    {"I period", V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 0, nullptr},
    {"B frames", V4L2_CID_MPEG_VIDEO_B_FRAMES, V4L2_CID_MPEG_VIDEO_B_FRAMES, nullptr},
    {"lowest QP", V4L2_CID_MPEG_VIDEO_H264_MIN_QP, V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP, &V4l2DriverFacts::qpRange},
    {"highest QP", V4L2_CID_MPEG_VIDEO_H264_MAX_QP, V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP, &V4l2DriverFacts::qpRange},
    {"I frame QP", V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_QP, nullptr},
    {"P frame QP", V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_QP, nullptr},
    {"profile", V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_CID_MPEG_VIDEO_HEVC_PROFILE, nullptr},
    {"level", V4L2_CID_MPEG_VIDEO_H264_LEVEL, V4L2_CID_MPEG_VIDEO_HEVC_LEVEL, nullptr},
    {"header mode", V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_CID_MPEG_VIDEO_HEADER_MODE, nullptr},
    {"headers with keys", V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR,
     nullptr},
    {"repeated headers", V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, nullptr},
};

SteeringControl steering(const char* name, std::uint32_t id, const SurveyedControl& surveyed) {
    return {
        .name = name, .id = id, .effect = surveyed.effect, .source = surveyed.known ? Source::Known : Source::Driver};
}

std::vector<SteeringControl> steeringControls(V4l2Controls& controls, const V4l2DriverFacts& facts, Codec codec) {
    std::vector<SteeringControl> all;
    for (const Steering& one : kSteering) {
        const std::uint32_t id = codec == Codec::Hevc ? one.hevc : one.h264;
        if (id == 0)
            continue;
        const v4l2_query_ext_ctrl* const control = controls.query(id);
        const bool there = control != nullptr && (control->flags & V4L2_CTRL_FLAG_READ_ONLY) == 0;
        if (one.fact != nullptr)
            all.push_back(steering(one.name, id, judge(facts.*one.fact, there)));
        else if (there)
            all.push_back({.name = one.name, .id = id, .effect = ControlEffect::Static, .source = Source::SetOnce});
        else
            all.push_back({.name = one.name, .id = id});
    }
    return all;
}

}  // namespace

const char* name(SteeringControl::Source source) {
    switch (source) {
        case Source::Driver:
            return "driver";
        case Source::Known:
            return "known of this driver";
        case Source::SetOnce:
            return "set before the start";
    }
    return "";
}

V4l2Survey surveyEncoder(V4l2System& system, const V4l2EncoderNode& node, Codec codec) {
    const V4l2Device device(system, node.path);
    V4l2Survey survey;
    survey.codec = codec;
    v4l2_capability capability{};
    if (const int error = device.ioctl(VIDIOC_QUERYCAP, capability); error != 0)
        throw std::system_error(error, std::generic_category(),
                                "asking " + node.path + " what it is (VIDIOC_QUERYCAP)");
    survey.driverVersion = versionText(capability.version);

    // Ranges may depend on the codec.
    V4l2Queue bitstream(device, V4l2Queue::Kind::Bitstream, node.multiplanar);
    V4l2Format format;
    format.fourcc = v4l2Fourcc(codec);
    static_cast<void>(bitstream.setFormat(format));

    const V4l2DriverFacts& facts = driverFacts(node.driver);
    V4l2Controls controls(device);
    survey.bitrate = judge(facts.bitrate, controls.query(V4L2_CID_MPEG_VIDEO_BITRATE) != nullptr);
    survey.keyFrame = judge(facts.keyFrame, controls.query(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME) != nullptr);
    survey.qpRange = judge(facts.qpRange, controls.query(lowestQpControls(codec).front()) != nullptr);
    v4l2_streamparm parameters{};
    parameters.type = v4l2FrameType(node.multiplanar);
    survey.frameRate = judge(facts.frameRate, device.ioctl(VIDIOC_G_PARM, parameters) == 0);

    const V4l2CodedFormat* const coded = node.find(v4l2Fourcc(codec));
    Size size = kFullHd;
    if (coded != nullptr && coded->largest.width > 0)
        size = {std::min(size.width, coded->largest.width), std::min(size.height, coded->largest.height)};
    survey.steering = steeringControls(controls, facts, codec);
    survey.steering.push_back(steering("frame rate", 0, survey.frameRate));
    std::optional<RegionSupport> kind;
    if (const auto regions = findRegions(device, controls, codec, size)) {
        survey.regions = judge(facts.qpMap, true);
        survey.regionDescription = regions->description();
        kind = regions->support();
    }
    for (const auto& [label, support] :
         {std::pair("QP map", RegionSupport::QpMap), std::pair("rectangles", RegionSupport::Rectangles)})
        survey.steering.push_back(steering(label, 0, kind == support ? survey.regions : SurveyedControl{}));
    for (const v4l2_query_ext_ctrl& control : controls.all())
        if (hasToDoWithCoding(control))
            survey.controls.push_back({.query = control, .value = controls.get(control.id)});
    return survey;
}

}  // namespace smartcodec
