#pragma once

#include <chrono>

namespace smartcodec {

/// CLOCK_BOOTTIME as a std::chrono clock: what libcamera's sensor timestamps are, and the one clock that neither jumps
/// with the wall clock nor stops in suspend. Files and the scene map their own times onto it, starting at zero.
struct CaptureClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<CaptureClock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept;
};

using CaptureTime = CaptureClock::time_point;

}  // namespace smartcodec
