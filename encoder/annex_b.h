#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "encoder/codec.h"

namespace smartcodec {

/// What an access unit in Annex B form (start codes) of H.264 (ITU-T H.264 7.3.1, B.1) or HEVC (ITU-T H.265 7.3.1, B.2)
/// holds, as read from its NAL unit types: drivers' key-frame flags are not to be trusted.
struct AnnexBContents {
    bool picture = false;        ///< a slice of any kind
    bool keyFrame = false;       ///< an IDR picture, or of HEVC any intra random access point (types 16..21)
    bool parameterSets = false;  ///< SPS and PPS, of HEVC VPS too
};
[[nodiscard]] AnnexBContents inspectAnnexB(Codec codec, std::span<const std::byte> data);

/// The parameter sets in `data`, each behind a four-byte start code, in their order; empty if there are none.
void extractParameterSets(Codec codec, std::span<const std::byte> data, std::vector<std::byte>& sets);

}  // namespace smartcodec
