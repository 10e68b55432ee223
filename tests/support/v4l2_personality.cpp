#include "tests/support/v4l2_personality.h"

#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "tests/support/v4l2_uapi.h"

namespace smartcodec {
namespace {

using Control = V4l2PersonalityControl;
using Controls = std::vector<Control>;
using enum V4l2Effect;

constexpr auto kRc = V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE;
constexpr auto kBitrate = V4L2_CID_MPEG_VIDEO_BITRATE;
constexpr auto kGop = V4L2_CID_MPEG_VIDEO_GOP_SIZE;
constexpr auto kIntraPeriod = V4L2_CID_MPEG_VIDEO_H264_I_PERIOD;

Control integer(std::uint32_t id, std::string name, std::int64_t minimum, std::int64_t maximum, std::int64_t byDefault,
                V4l2Effect effect, int errorWhileStreaming = 0) {
    return {.id = id,
            .type = V4L2_CTRL_TYPE_INTEGER,
            .name = std::move(name),
            .minimum = minimum,
            .maximum = maximum,
            .byDefault = byDefault,
            .effect = effect,
            .errorWhileStreaming = errorWhileStreaming};
}

[[maybe_unused]] Control stepped(Control control, std::int64_t step) {
    control.step = step;
    return control;
}

Control boolean(std::uint32_t id, std::string name, bool byDefault, V4l2Effect effect, int errorWhileStreaming = 0) {
    Control control = integer(id, std::move(name), 0, 1, byDefault ? 1 : 0, effect, errorWhileStreaming);
    control.type = V4L2_CTRL_TYPE_BOOLEAN;
    return control;
}

Control menu(std::uint32_t id, std::string name, std::vector<std::string> items, std::int64_t byDefault,
             V4l2Effect effect, int errorWhileStreaming = 0) {
    std::int64_t first = 0;
    while (items[static_cast<std::size_t>(first)].empty())
        ++first;
    Control control = integer(id, std::move(name), first, static_cast<std::int64_t>(items.size()) - 1, byDefault,
                              effect, errorWhileStreaming);
    control.type = V4L2_CTRL_TYPE_MENU;
    control.menu = std::move(items);
    return control;
}

Control button(std::uint32_t id, std::string name, V4l2Effect effect) {
    Control control = integer(id, std::move(name), 0, 0, 0, effect);
    control.type = V4L2_CTRL_TYPE_BUTTON;
    control.step = 0;
    return control;
}

Control readOnly(Control control) {
    control.flags |= V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_VOLATILE;
    return control;
}

Control minBuffers(int count) {
    return readOnly(integer(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, "Min Number of Output Buffers", 1, 32, count, Static));
}

Control forceKeyFrame(V4l2Effect effect) {
    return button(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, "Force Key Frame", effect);
}

Control headerMode(std::vector<std::string> items, std::int64_t byDefault, V4l2Effect effect) {
    return menu(V4L2_CID_MPEG_VIDEO_HEADER_MODE, "Sequence Header Mode", std::move(items), byDefault, effect);
}

const std::vector<std::string> kBothHeaderModes{"Separate Buffer", "Joined With 1st Frame"};
const std::vector<std::string> kJoinedOnly{"", "Joined With 1st Frame"};
constexpr auto kSeparate = V4L2_MPEG_VIDEO_HEADER_MODE_SEPARATE;
constexpr auto kJoined = V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME;

[[maybe_unused]] Control h264Profile(V4l2Effect effect, int errorWhileStreaming = 0) {
    return menu(V4L2_CID_MPEG_VIDEO_H264_PROFILE, "H264 Profile",
                {"Baseline", "Constrained Baseline", "Main", "", "High"}, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, effect,
                errorWhileStreaming);
}

[[maybe_unused]] Control h264Level(std::int64_t byDefault, V4l2Effect effect, int errorWhileStreaming = 0) {
    return menu(V4L2_CID_MPEG_VIDEO_H264_LEVEL, "H264 Level",
                {"1", "1b", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "4.1", "4.2", "5", "5.1"},
                byDefault, effect, errorWhileStreaming);
}

Control bitrateMode(std::vector<std::string> items, V4l2Effect effect, int errorWhileStreaming = 0) {
    const std::int64_t first = items.front().empty() ? 1 : 0;
    return menu(V4L2_CID_MPEG_VIDEO_BITRATE_MODE, "Video Bitrate Mode", std::move(items), first, effect,
                errorWhileStreaming);
}

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
    return {plain(), plainSingle()};
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
