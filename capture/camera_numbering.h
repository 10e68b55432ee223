#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "capture/camera.h"

namespace smartcodec {

/// Numbers a camera's pictures so that those have one too which it lost for want of a buffer. Most drivers count these;
/// of those that count only what they deliver (the kernel's virtual camera is one), the time between two pictures shows
/// how many are missing. Numbers only rise, whatever a driver counts. Bound to one thread.
class CameraNumbering {
  public:
    /// `frameTime`: between two pictures, until the camera has shown its own.
    explicit CameraNumbering(std::chrono::nanoseconds frameTime) : spacing_(frameTime) {}

    /// Of each picture in its turn, failed ones too. `starved`: since the one before, the camera had no buffer to fill
    /// for a while.
    [[nodiscard]] std::uint64_t number(const CapturedPicture& picture, bool starved);

  private:
    [[nodiscard]] std::uint64_t missing(const CapturedPicture& picture, bool starved);

    struct Good {
        std::uint64_t sequence = 0;
        CaptureTime time{};
        std::uint64_t number = 0;
    };
    std::optional<Good> good_;  // the last picture that did not fail: what one that did says of itself is not trusted
    std::optional<std::uint64_t> last_;  // number given
    bool starved_ = false;               // since `good_`
    std::chrono::nanoseconds spacing_;   // as the camera has shown it where nothing was missing
    bool measured_ = false;
    bool countsLost_ = false;  // the driver has shown that it does
};

}  // namespace smartcodec
