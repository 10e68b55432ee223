#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "capture/camera.h"

namespace smartcodec {

/// Brings the pictures of a camera down to a frame rate: of one that cannot be told it, or does not heed what it is
/// told. Bound to one thread.
class CameraThinner {
  public:
    /// `told`: the camera says that it keeps to the rate. It is believed, and all of its pictures are wanted, unless
    /// they came more than a tenth too fast for some seconds: clocks differ by less.
    CameraThinner(FrameRate rate, bool told);

    /// Of each picture in its turn: its number among those that are wanted, or nothing where it is to be left out. What
    /// is left out is no loss, and has no number; of pictures that are lost between, as many have one as were wanted.
    /// One that is not later than the one before is passed on, to be judged by whoever records.
    [[nodiscard]] std::optional<std::uint64_t> number(const CapturedPicture& picture);

  private:
    [[nodiscard]] bool isDue(CaptureTime time);
    void judge(const CapturedPicture& picture);

    struct Picture {
        std::uint64_t sequence = 0;
        CaptureTime time{};
    };

    const std::chrono::nanoseconds spacing_;
    const bool told_;
    bool thins_;
    std::optional<Picture> since_;     // its pictures are judged from this one on
    std::optional<CaptureTime> seen_;  // the last one, wanted or not
    std::optional<CaptureTime> due_;   // of the next
    std::optional<Picture> wanted_;    // the last one
    std::uint64_t number_ = 0;         // its number
    std::uint64_t leftOut_ = 0;        // since then
};

}  // namespace smartcodec
