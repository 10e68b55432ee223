#include "capture/clock.h"

#include <time.h>

namespace smartcodec {

CaptureClock::time_point CaptureClock::now() noexcept {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME,
                  &now);  // fails only for a clock that the kernel does not have; Linux has it since 2.6.39
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace smartcodec
