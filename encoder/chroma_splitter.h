#pragma once

#include <cstdint>
#include <vector>

#include "capture/picture.h"

namespace smartcodec {

/// Two planes of half width and height, valid until the next `split`.
struct SplitChroma {
    std::uint8_t* cb = nullptr;
    std::uint8_t* cr = nullptr;
    int strideBytes = 0;
};

/// Takes NV12's chroma apart for an encoder that wants three planes. Memory is set up once. Thread-bound.
class ChromaSplitter {
  public:
    /// `size` of the luma plane, even.
    explicit ChromaSplitter(Size size);
    [[nodiscard]] SplitChroma split(const Plane& interleaved);

  private:
    int width_;
    int height_;
    std::vector<std::uint8_t> cb_;
    std::vector<std::uint8_t> cr_;
};

}  // namespace smartcodec
