#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "capture/clock.h"
#include "mux/segment_name.h"

namespace smartcodec {

/// What the index says of one segment.
struct SegmentRecord {
    enum class State {
        Recording,  ///< it is being written, or was when the recorder ended without having a chance to say so
        Finished,   ///< it was ended properly
        CutOff,     ///< the recorder, the power or the disk went away: what the file has is entered
        Removed,    ///< it is there no more
    };

    std::string file;  ///< relative to the index's folder
    std::uint64_t number = 0;
    State state = State::Recording;
    WallTime start{};
    std::optional<WallTime> end = {};
    std::optional<CaptureTime> sensorStart = {};  ///< as the pictures have it
    std::optional<CaptureTime> sensorEnd = {};
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> frames = {};
    std::optional<std::chrono::nanoseconds> motion = {};  ///< how long something moved; empty: unknown
    std::string boot = {};                                ///< the system start whose clock `bootEnd` is of
    std::optional<CaptureTime> bootEnd = {};              ///< of `end`, by the clock that does not jump
    std::optional<std::uint64_t> event = {};              ///< the number of the event that it is of
    std::string reason = {};                              ///< why there is that event

    friend bool operator==(const SegmentRecord&, const SegmentRecord&) = default;
};

/// One line of the index, its end included. Throws std::runtime_error for a name that is not UTF-8.
[[nodiscard]] std::string toLine(const SegmentRecord& record);
/// Empty for what is no such line, or names nothing inside the folder.
[[nodiscard]] std::optional<SegmentRecord> fromLine(const std::string& line);

/// ISO 8601 in local time with its offset from UTC, to the microsecond.
[[nodiscard]] std::string toText(WallTime time);
[[nodiscard]] std::optional<WallTime> fromText(const std::string& text);

}  // namespace smartcodec
