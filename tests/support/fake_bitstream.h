#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "capture/picture.h"

namespace smartcodec {

/// What an emulated encoder without a codec (EmulatedV4l2::Coding::Fake) wrote into an access unit about the picture
/// that went in. Its parameter sets are real ones.
struct FakePicture {
    std::uint64_t number = 0;  ///< in its stream, from 0
    bool keyFrame = false;
    bool parameterSets = false;  ///< whether they stand in front
    int qp = 0;
    std::int64_t bitrate = 0;    ///< in force
    std::uint32_t checksum = 0;  ///< as `fakeChecksum`
    int lowestDelta = 0;         ///< of the QP map
    int highestDelta = 0;
    std::uint32_t mapChecksum = 0;  ///< 0: no map
};

/// H.264 and HEVC in Annex B form, and FWHT. Empty if `data` is no such access unit.
[[nodiscard]] std::optional<FakePicture> parseFakePicture(std::span<const std::byte> data);

/// Of the visible samples, whatever the format they are stored in (kNv12, kYuv420); planes must have `data`.
[[nodiscard]] std::uint32_t fakeChecksum(const Picture& picture);
/// Of a map of 16x16 blocks in raster order; never 0 unless it is empty.
[[nodiscard]] std::uint32_t fakeMapChecksum(std::span<const std::int8_t> deltas);

}  // namespace smartcodec
