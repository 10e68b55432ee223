#pragma once

// Words in which the tables of personalities are written.

#include <linux/videodev2.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/v4l2_personality.h"
#include "tests/support/v4l2_uapi.h"

namespace smartcodec::personality {

using Control = V4l2PersonalityControl;
using enum V4l2Effect;

constexpr auto kRc = V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE;
constexpr auto kBitrate = V4L2_CID_MPEG_VIDEO_BITRATE;
constexpr auto kGop = V4L2_CID_MPEG_VIDEO_GOP_SIZE;
constexpr auto kIntraPeriod = V4L2_CID_MPEG_VIDEO_H264_I_PERIOD;

inline Control integer(std::uint32_t id, std::string name, std::int64_t minimum, std::int64_t maximum,
                       std::int64_t byDefault, V4l2Effect effect, int errorWhileStreaming = 0) {
    return {.id = id,
            .type = V4L2_CTRL_TYPE_INTEGER,
            .name = std::move(name),
            .minimum = minimum,
            .maximum = maximum,
            .byDefault = byDefault,
            .effect = effect,
            .errorWhileStreaming = errorWhileStreaming};
}

inline Control stepped(Control control, std::int64_t step) {
    control.step = step;
    return control;
}

inline Control boolean(std::uint32_t id, std::string name, bool byDefault, V4l2Effect effect,
                       int errorWhileStreaming = 0) {
    Control control = integer(id, std::move(name), 0, 1, byDefault ? 1 : 0, effect, errorWhileStreaming);
    control.type = V4L2_CTRL_TYPE_BOOLEAN;
    return control;
}

inline Control menu(std::uint32_t id, std::string name, std::vector<std::string> items, std::int64_t byDefault,
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

inline Control button(std::uint32_t id, std::string name, V4l2Effect effect) {
    Control control = integer(id, std::move(name), 0, 0, 0, effect);
    control.type = V4L2_CTRL_TYPE_BUTTON;
    control.step = 0;
    return control;
}

inline Control readOnly(Control control) {
    control.flags |= V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_VOLATILE;
    return control;
}

inline Control minBuffers(int count) {
    return readOnly(integer(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, "Min Number of Output Buffers", 1, 32, count, Static));
}

inline Control forceKeyFrame(V4l2Effect effect) {
    return button(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, "Force Key Frame", effect);
}

inline Control headerMode(std::vector<std::string> items, std::int64_t byDefault, V4l2Effect effect) {
    return menu(V4L2_CID_MPEG_VIDEO_HEADER_MODE, "Sequence Header Mode", std::move(items), byDefault, effect);
}

inline const std::vector<std::string> kBothHeaderModes{"Separate Buffer", "Joined With 1st Frame"};
inline const std::vector<std::string> kJoinedOnly{"", "Joined With 1st Frame"};
constexpr auto kSeparate = V4L2_MPEG_VIDEO_HEADER_MODE_SEPARATE;
constexpr auto kJoined = V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME;

inline Control h264Profile(V4l2Effect effect, int errorWhileStreaming = 0) {
    return menu(V4L2_CID_MPEG_VIDEO_H264_PROFILE, "H264 Profile",
                {"Baseline", "Constrained Baseline", "Main", "", "High"}, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, effect,
                errorWhileStreaming);
}

inline Control h264Level(std::int64_t byDefault, V4l2Effect effect, int errorWhileStreaming = 0) {
    return menu(V4L2_CID_MPEG_VIDEO_H264_LEVEL, "H264 Level",
                {"1", "1b", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "4.1", "4.2", "5", "5.1"},
                byDefault, effect, errorWhileStreaming);
}

inline Control bitrateMode(std::vector<std::string> items, V4l2Effect effect, int errorWhileStreaming = 0) {
    const std::int64_t first = items.front().empty() ? 1 : 0;
    return menu(V4L2_CID_MPEG_VIDEO_BITRATE_MODE, "Video Bitrate Mode", std::move(items), first, effect,
                errorWhileStreaming);
}

}  // namespace smartcodec::personality
