#pragma once

#include <linux/videodev2.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "encoder/codec.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_device.h"
#include "encoder/v4l2_drivers.h"

namespace smartcodec {

/// What setting one thing does, before anything is encoded.
struct SurveyedControl {
    ControlEffect effect = ControlEffect::Absent;
    bool known = false;  ///< from the driver's source; else by the driver's own word: it is there
};

/// One control as the driver lists it.
struct ListedControl {
    v4l2_query_ext_ctrl query{};
    std::optional<std::int64_t> value;  ///< now; empty: it has no one value, or cannot be read
};

/// One control that matters for a recording, whether the device has it or not.
struct SteeringControl {
    enum class Source {
        Driver,   ///< by the driver's own word: it is there, or is not
        Known,    ///< from the driver's source
        SetOnce,  ///< by what it means: it is set before a stream starts and never after
    };
    std::string name;      ///< "lowest QP"
    std::uint32_t id = 0;  ///< V4L2_CID_*; 0: it is no control (VIDIOC_S_PARM), or goes by a number of the driver's own
    ControlEffect effect = ControlEffect::Absent;
    Source source = Source::Driver;
};
[[nodiscard]] const char* name(SteeringControl::Source source);

/// What an encoder says it can do for one codec, and what is known of its driver.
struct V4l2Survey {
    Codec codec = Codec::H264;
    std::string driverVersion;  ///< "6.1.92"
    SurveyedControl bitrate;
    SurveyedControl keyFrame;
    SurveyedControl qpRange;
    SurveyedControl frameRate;
    SurveyedControl regions;
    std::string regionDescription;  ///< empty: there are none
    /// The five above and all others, each by itself: "bit rate", "key frame request", "lowest QP", "frame rate", "QP
    /// map", "rectangles" are what a probe measures.
    std::vector<SteeringControl> steering;
    std::vector<ListedControl> controls;  ///< that have to do with coding
};

/// Opens the node and asks, without encoding. Throws std::system_error that names it.
[[nodiscard]] V4l2Survey surveyEncoder(V4l2System& system, const V4l2EncoderNode& node, Codec codec);

}  // namespace smartcodec
