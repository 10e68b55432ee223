#pragma once

#include <sys/types.h>

#include <cstdint>

namespace smartcodec::test {

/// What a process takes of the system at one moment.
struct ProcessSample {
    double wallSeconds = 0;  ///< since the recording began
    std::uint64_t residentKilobytes = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t threads = 0;
    double processorSeconds = 0;
};

/// All but `wallSeconds`; all zero once the process has gone.
[[nodiscard]] ProcessSample sampleProcess(pid_t process);

}  // namespace smartcodec::test
