#pragma once

#include <chrono>
#include <optional>

#include "app/raw_options.h"
#include "app/settings.h"

namespace smartcodec {

/// How the recording is to be cut into files, and what becomes of them; empty: it is not. `raw.output` is given. Throws
/// UsageError.
[[nodiscard]] std::optional<SegmentSettings> readSegments(const RawOptions& raw);

/// What of events is to be recorded; empty: everything is, at any time. Throws UsageError.
[[nodiscard]] std::optional<EventSettings> readEvents(const RawOptions& raw);

/// The longest time between key frames where one of `maxGop` would do: the ring that the pre-roll comes from begins
/// with a key frame, and is to be little longer than that.
[[nodiscard]] std::chrono::nanoseconds longestGop(std::chrono::nanoseconds maxGop, const EventSettings& events);

}  // namespace smartcodec
