#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace smartcodec {

/// What a recording holds.
struct ProbedRecording {
    std::uint64_t pictures = 0;
    std::optional<std::chrono::nanoseconds> duration = {};  ///< of its video; empty: a raw stream has no times
};

/// Looks through a recording, whole or cut off anywhere; decodes nothing. Empty if there is no picture in it, or it
/// cannot be read.
[[nodiscard]] std::optional<ProbedRecording> probeRecording(const std::string& path);

}  // namespace smartcodec
