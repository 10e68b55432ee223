#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

#include "analysis/bitrate.h"
#include "capture/clock.h"

namespace smartcodec {

/// Keeps an encoder that cannot change its bit rate while running under a cap that does change, by an offset on the QP
/// of whole frames. It looks at what really comes out: as long as the cap does not bind, the offset is 0 and constant
/// quality is untouched.
///
/// Like a rate buffer it fills with packets and drains at the cap. Up to half full it does nothing, so that a key frame
/// is spared even under a low cap. Beyond that the offset rises or falls by 6 steps (about half or twice the bits) per
/// halving that the last two seconds' rate is away from the cap, spread over a time that is long against the encoder's
/// delay, so that it does not swing. A cap that rises takes its share of the offset back at once. Times are capture
/// times. Thread-bound.
class CapGovernor {
  public:
    explicit CapGovernor(Bitrate maxBitrate);

    /// Offset for the next frame, in QP steps, 0 or more. To be asked once per frame.
    [[nodiscard]] int offset(Bitrate cap, CaptureTime now);

    /// A packet that came out.
    void packet(std::size_t bytes, CaptureTime presentation);

  private:
    struct Sent {
        CaptureTime time;
        double bits = 0;
    };

    [[nodiscard]] double sentRate() const;

    double bufferBits_;
    double fillBits_ = 0;
    double offset_ = 0;
    double capBits_ = 0;  // per second, of the frame before; 0 before the first
    CaptureTime before_{};
    std::deque<Sent> sent_;
};

}  // namespace smartcodec
