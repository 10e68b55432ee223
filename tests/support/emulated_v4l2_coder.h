#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tests/support/emulated_v4l2_formats.h"

namespace smartcodec::emulated {

/// How one picture is to be coded.
struct CodingOrder {
    std::uint64_t number = 0;  ///< of the picture in its stream, from 0
    bool keyFrame = false;
    int qp = 26;
    std::int64_t bitrate = 0;             ///< in force, for those who tell; 0: none
    std::span<const std::int8_t> deltas;  ///< one per 16x16 block of the picture, in raster order; empty: none
};

/// Pictures to one access unit each, without delay, key frames only where they are ordered. Thread-bound.
class Coder {
  public:
    virtual ~Coder() = default;
    /// Without parameter sets. In memory of the coder, valid until the next call.
    virtual std::span<const std::byte> encode(const RawPicture& picture, const CodingOrder& order) = 0;
    /// With start codes; empty for a codec that has none.
    [[nodiscard]] virtual std::span<const std::byte> parameterSets() const = 0;
};

struct CoderSetup {
    std::uint32_t fourcc = 0;  ///< V4L2_PIX_FMT_H264, _HEVC, _FWHT
    Size size;
    unsigned variant = 0;  ///< another number gives other parameter sets
};

/// Small NAL units that say what went in (fake_bitstream.h), and FWHT headers likewise.
[[nodiscard]] std::unique_ptr<Coder> makeFakeCoder(const CoderSetup& setup);
/// libx264 and libx265. Throws std::runtime_error.
[[nodiscard]] std::unique_ptr<Coder> makeLibavCoder(const CoderSetup& setup);

}  // namespace smartcodec::emulated
