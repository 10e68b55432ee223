#pragma once

#include <cstddef>
#include <cstdint>

#include "capture/picture.h"

namespace smartcodec::emulated {

/// Chooses each picture's QP so that a leaky bucket, less than a second of the bit rate deep, neither overflows nor
/// runs dry: what a driver's firmware does, in short. The bit rate may be another for every picture. Thread-bound.
class RateControl {
  public:
    explicit RateControl(Size size);

    struct Limits {
        std::int64_t bitrate = 0;  ///< bits per second
        double seconds = 0;        ///< since the picture before, as rate control is told
        int lowestQp = 0;
        int highestQp = 51;
    };
    [[nodiscard]] int chooseQp(bool keyFrame, const Limits& limits);
    /// What the picture came to, with the QP it was given.
    void add(bool keyFrame, int qp, std::size_t bytes);

  private:
    double keyCost_;  // bits at QP 0, as models of what the next picture of the kind will need
    double otherCost_;
    double fullness_ = 0;  // bits that were spent beyond the bit rate
    int lastQp_ = -1;
};

}  // namespace smartcodec::emulated
