#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "capture/camera.h"

namespace smartcodec {

/// Brings the pictures of a camera that cannot be told a frame rate down to it. Bound to one thread.
class CameraThinner {
  public:
    explicit CameraThinner(FrameRate rate);

    /// Of each picture in its turn: its number among those that are wanted, or nothing where it is to be left out. What
    /// is left out is no loss, and has no number; of pictures that are lost between, as many have one as were wanted.
    [[nodiscard]] std::optional<std::uint64_t> number(const CapturedPicture& picture);

  private:
    [[nodiscard]] bool isDue(CaptureTime time);

    const std::chrono::nanoseconds spacing_;
    std::optional<CaptureTime> due_;  // of the next
    struct Wanted {
        std::uint64_t number = 0;
        std::uint64_t sequence = 0;
        CaptureTime time{};
    };
    std::optional<Wanted> last_;
    std::uint64_t leftOut_ = 0;  // since then
};

}  // namespace smartcodec
