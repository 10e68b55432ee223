#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "capture/camera.h"

namespace smartcodec {

/// Brings the pictures of a camera down to a frame rate: of one that cannot be told it, or heeds not what it is told.
/// Bound to one thread.
class CameraThinner {
  public:
    /// `told`: the camera says that it keeps to the rate. It is believed, and all of its pictures are wanted, unless
    /// they come more than a tenth too fast: clocks differ by less.
    CameraThinner(FrameRate rate, bool told);

    /// Of each picture in its turn: its number among those that are wanted, or nothing where it is to be left out. What
    /// is left out is no loss, and has no number; of pictures that are lost between, as many have one as were wanted.
    [[nodiscard]] std::optional<std::uint64_t> number(const CapturedPicture& picture);

  private:
    [[nodiscard]] bool isDue(CaptureTime time);
    void measure(const CapturedPicture& picture);

    const std::chrono::nanoseconds spacing_;
    bool thins_;
    std::chrono::nanoseconds measured_;  // between two pictures of the camera, the mean over some
    std::optional<CapturedPicture> before_;
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
