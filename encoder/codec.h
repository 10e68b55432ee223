#pragma once

namespace smartcodec {

enum class Codec {
    H264,
    Hevc,
    Fwht,  ///< the Fast Walsh Hadamard Transform of the kernel's virtual encoder; no Annex B, no parameter sets
};

[[nodiscard]] constexpr const char* name(Codec codec) {
    switch (codec) {
        case Codec::H264:
            return "h264";
        case Codec::Hevc:
            return "hevc";
        case Codec::Fwht:
            break;
    }
    return "fwht";
}

}  // namespace smartcodec
