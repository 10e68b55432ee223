#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace smartcodec {

/// How much of a recording stays. What is not given does not limit.
struct RetentionLimits {
    std::optional<std::chrono::nanoseconds> age = {};
    std::optional<std::uint64_t> bytes = {};      ///< of all segments, the one under way among them
    std::optional<std::uint64_t> freeBytes = {};  ///< of the disk

    [[nodiscard]] bool any() const { return age || bytes || freeBytes; }
};

/// A segment that may be removed.
struct KeptSegment {
    std::uint64_t bytes = 0;
    std::optional<std::chrono::nanoseconds> age = {};  ///< since its end; empty: unknown, it stays for its age
};

struct RetentionState {
    std::deque<KeptSegment> segments = {};        ///< in the order in which they were recorded
    std::uint64_t openBytes = 0;                  ///< of the segment under way, which stays
    std::optional<std::uint64_t> freeBytes = {};  ///< of the disk; empty: unknown
};

/// How many of the first segments have to go, so that the others are within the limits.
[[nodiscard]] std::size_t countToRemove(const RetentionState& state, const RetentionLimits& limits);

}  // namespace smartcodec
