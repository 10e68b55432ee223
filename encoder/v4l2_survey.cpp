#include "encoder/v4l2_survey.h"

#include <algorithm>
#include <system_error>

#include "encoder/v4l2_controls.h"
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

}  // namespace

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
    const std::uint32_t lowestQp =
        codec == Codec::H264 ? V4L2_CID_MPEG_VIDEO_H264_MIN_QP : V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP;
    survey.qpRange = judge(facts.qpRange, controls.query(lowestQp) != nullptr);
    v4l2_streamparm parameters{};
    parameters.type = node.multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    survey.frameRate = judge(facts.frameRate, device.ioctl(VIDIOC_G_PARM, parameters) == 0);

    const V4l2CodedFormat* const coded = node.find(v4l2Fourcc(codec));
    Size size = kFullHd;
    if (coded != nullptr && coded->largest.width > 0)
        size = {std::min(size.width, coded->largest.width), std::min(size.height, coded->largest.height)};
    if (const auto regions = findRegions(device, controls, codec, size)) {
        survey.regions = judge(facts.qpMap, true);
        survey.regionDescription = regions->description();
    }
    for (const v4l2_query_ext_ctrl& control : controls.all())
        if (hasToDoWithCoding(control))
            survey.controls.push_back({.query = control, .value = controls.get(control.id)});
    return survey;
}

}  // namespace smartcodec
