#include "mux/retention.h"

#include <algorithm>

namespace smartcodec {

std::size_t countToRemove(const RetentionState& state, const RetentionLimits& limits) {
    std::uint64_t total = state.openBytes;
    for (const KeptSegment& segment : state.segments)
        total += segment.bytes;
    std::uint64_t freed = 0;
    std::size_t count = 0;
    for (const KeptSegment& segment : state.segments) {
        const bool old = limits.age && segment.age && *segment.age > *limits.age;
        const bool tooMuch = limits.bytes && total > *limits.bytes;
        const bool lack = limits.freeBytes && state.freeBytes && *state.freeBytes + freed < *limits.freeBytes;
        if (!old && !tooMuch && !lack)
            return count;
        total -= segment.bytes;
        freed += segment.bytes;
        ++count;
    }
    return count;
}

}  // namespace smartcodec
