#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "encoder/codec.h"

namespace smartcodec {

/// What an access unit in Annex B form (start codes) of H.264 (ITU-T H.264 7.3.1, B.1) or HEVC (ITU-T H.265 7.3.1, B.2)
/// holds, as read from its NAL unit types: drivers' key-frame flags are not to be trusted. Whatever stands before the
/// first start code is passed over, and so are units that no decoder would take (forbidden bit set, cut short).
/// FWHT has none: nothing is found in it.
struct AnnexBContents {
    bool picture = false;        ///< a slice of any kind
    bool firstSlice = false;     ///< and the first slice here is the first of its picture
    bool keyFrame = false;       ///< an IDR picture, or of HEVC any intra random access point (types 16..21)
    bool parameterSets = false;  ///< SPS and PPS, of HEVC VPS too
    bool anyParameterSet = false;
};
/// Looks no further than the first slice: parameter sets come before it, and all slices of a picture are of one kind.
[[nodiscard]] AnnexBContents inspectAnnexB(Codec codec, std::span<const std::byte> data);

/// The parameter sets in `data` up to its first slice, each behind a four-byte start code and without trailing zeros,
/// in their order; empty if there are none. `sets` is written over and must not be what `data` points to.
void extractParameterSets(Codec codec, std::span<const std::byte> data, std::vector<std::byte>& sets);

/// Length of the access unit delimiter that `data` begins with, start code included; 0 if it begins with another unit.
/// Parameter sets that are put before a picture belong behind it.
[[nodiscard]] std::size_t delimiterBytes(Codec codec, std::span<const std::byte> data);

}  // namespace smartcodec
