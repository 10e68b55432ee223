#pragma once

#include <cstddef>
#include <span>

#include "encoder/annex_b.h"
#include "encoder/codec.h"

namespace smartcodec {

/// What a piece of any codec's bit stream holds: of H.264 and HEVC as `inspectAnnexB` says, of FWHT as its header does
/// (Linux, drivers/media/test-drivers/vicodec/codec-fwht.h, struct fwht_cframe_hdr). A piece of FWHT that is cut short
/// holds no picture.
[[nodiscard]] AnnexBContents inspectBitstream(Codec codec, std::span<const std::byte> data);

/// False: a decoder needs nothing beside the pictures.
[[nodiscard]] constexpr bool hasParameterSets(Codec codec) {
    return codec != Codec::Fwht;
}

}  // namespace smartcodec
