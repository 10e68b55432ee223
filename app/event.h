#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/decision.h"
#include "capture/clock.h"

namespace smartcodec {

/// What made an event: one of these at least.
struct EventCause {
    Level activity = Level::Static;  ///< the most there was; Static: none
    bool signal = false;             ///< somebody asked for it
    bool unwatched = false;          ///< nobody can look at the pictures any more, so that all are recorded
};

/// Both causes together.
[[nodiscard]] EventCause operator|(const EventCause& a, const EventCause& b);

/// "activity: high", "signal", "signal, activity: low", "not looked at".
[[nodiscard]] std::string reasonOf(const EventCause& cause);

/// Something happened: what is from `from` until `until` is wanted, and the pre-roll before it. Pictures' time.
struct EventMark {
    CaptureTime from{};
    CaptureTime until{};  ///< the post-roll is over
    EventCause cause = {};
};

/// Both together; either may be none.
[[nodiscard]] std::optional<EventMark> joined(const std::optional<EventMark>& a, const std::optional<EventMark>& b);

/// The event that a file is of.
struct EventNote {
    std::uint64_t number = 0;  ///< from 1 on, and through later recordings into the same folder
    EventCause cause = {};     ///< as far as it is known
};

}  // namespace smartcodec
