#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "capture/clock.h"
#include "capture/picture.h"

namespace smartcodec {

/// Hands capture times back to packets. An encoder counts frames (0, 1, 2, ...), so that its rate control sees them
/// evenly spaced whatever was dropped in between; its packets carry those counts as presentation and decoding order.
/// Times are kept only while a packet can still ask for them. Thread-bound.
class FrameTimeline {
  public:
    struct PacketTimes {
        CaptureTime presentation;
        CaptureTime decode;
    };

    /// `nominal` must be known.
    explicit FrameTimeline(FrameRate nominal);

    /// The number of the next frame, captured at `time`. Empty if `time` is not after that of the frame before: such a
    /// frame has no place in a file.
    [[nodiscard]] std::optional<std::int64_t> add(CaptureTime time);

    /// Times of a packet that the encoder labelled with frame numbers, asked for in decoding order. Decoding number
    /// d >= 0 is the time of frame d, which is never after the packet's presentation and rises with d; d < 0, before
    /// the first frame, continues at the nominal interval. Empty if the encoder named a frame that it was never given.
    [[nodiscard]] std::optional<PacketTimes> packetTimes(std::int64_t presentation, std::int64_t decode);

    /// How closely the last second's worth of frames followed each other, as a share of the nominal interval: 1 at the
    /// nominal rate or below it, less in a burst.
    [[nodiscard]] double spacing() const;

    /// Number of times held: about as many as frames are inside the encoder, and at least a second's worth.
    [[nodiscard]] std::size_t held() const { return times_.size(); }

  private:
    void forget(std::int64_t before);
    [[nodiscard]] CaptureTime at(std::int64_t frame) const { return times_[static_cast<std::size_t>(frame - oldest_)]; }

    std::chrono::nanoseconds interval_;
    std::int64_t framesPerSecond_;
    CaptureTime first_{};
    std::int64_t oldest_ = 0;  // number of times_.front()
    std::int64_t next_ = 0;
    std::deque<CaptureTime> times_;
};

}  // namespace smartcodec
