#include "tests/support/v4l2_personality.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/v4l2_personality_controls.h"
#include "tests/support/v4l2_personality_drivers.h"

namespace smartcodec {
namespace {

using namespace personality;

/// Everything that the specification has, and all of it live.
V4l2Personality plain() {
    return {.name = "plain",
            .driver = "plain",
            .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
            .rawFormats = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420},
            .rowAlignment = 16,
            .controls = {minBuffers(1), bitrateMode({"Variable Bitrate", "Constant Bitrate"}, Static),
                         integer(kBitrate, "Video Bitrate", 10'000, 100'000'000, 2'000'000, Live),
                         integer(kGop, "Video GOP Size", 0, 65535, 0, Live),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                         headerMode(kBothHeaderModes, kJoined, Static), forceKeyFrame(Live),
                         integer(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, "H264 Minimum QP Value", 0, 51, 1, Live),
                         integer(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, "H264 Maximum QP Value", 0, 51, 51, Live),
                         integer(V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP, "HEVC Minimum QP Value", 0, 51, 1, Live),
                         integer(V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP, "HEVC Maximum QP Value", 0, 51, 51, Live),
                         boolean(V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, "Prepend SPS/PPS to IDR", false, Live)},
            .frameRateEffect = Live,
            .outputBuffersAtLeast = 2,
            .captureBuffersAtLeast = 2};
}

V4l2Personality plainSingle() {
    V4l2Personality personality = plain();
    personality.name = personality.driver = "plain-single";
    personality.multiplanar = false;
    return personality;
}

std::vector<V4l2Personality> all() {
    std::vector<V4l2Personality> personalities = driverPersonalities();
    personalities.push_back(plain());
    personalities.push_back(plainSingle());
    return personalities;
}

}  // namespace

std::span<const V4l2Personality> v4l2Personalities() {
    static const std::vector<V4l2Personality> personalities = all();
    return personalities;
}

const V4l2Personality& v4l2Personality(const std::string& name) {
    const auto personalities = v4l2Personalities();
    const auto found = std::ranges::find(personalities, name, &V4l2Personality::name);
    if (found == personalities.end()) {
        std::string names;
        for (const V4l2Personality& personality : personalities)
            names += " " + personality.name;
        throw std::invalid_argument("no emulated encoder is called " + name + "; there are:" + names);
    }
    return *found;
}

V4l2PersonalityControl& control(V4l2Personality& personality, std::uint32_t id) {
    const auto found = std::ranges::find(personality.controls, id, &V4l2PersonalityControl::id);
    if (found == personality.controls.end())
        throw std::invalid_argument(personality.name + " has no control " + std::to_string(id));
    return *found;
}

}  // namespace smartcodec
