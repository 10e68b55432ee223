#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace smartcodec {

/// What setting a control does.
enum class ControlEffect {
    Absent,  ///< there is none, or it does nothing
    Static,  ///< at the next start of the stream
    Live,    ///< while the stream runs
};
[[nodiscard]] const char* name(ControlEffect effect);

/// What is known of a driver beyond what it says itself, from its source: drivers accept controls that do nothing.
/// What is empty is as the driver says: a control that is there acts while running.
struct V4l2DriverFacts {
    std::string_view driver;  ///< as QUERYCAP names it; empty: the facts of one that nobody has looked at
    std::optional<ControlEffect> bitrate;
    std::optional<ControlEffect> keyFrame;
    std::optional<ControlEffect> qpRange;
    std::optional<ControlEffect> frameRate;  ///< for listings: a recording tells it once
    std::optional<ControlEffect> qpMap;
    /// How its rate control reckons with frames that were dropped before it, in a line for the user; empty: not known.
    std::string_view droppedFrames;
    /// Below this many bits per second it does not work; 0: not known.
    std::int64_t leastBitrate = 0;
    /// It heeds v4l2_plane.data_offset, so that pictures in the middle of a dmabuf can be imported. Most do not.
    bool dataOffset = false;
    /// STREAMOFF and STREAMON begin another stream, as the specification has it; else only opening it again does.
    bool restarts = true;
};

/// Never fails: an unknown driver gets facts that are all empty.
[[nodiscard]] const V4l2DriverFacts& driverFacts(std::string_view driver);

}  // namespace smartcodec
