#pragma once

namespace smartcodec {

enum class Codec { H264, Hevc };

[[nodiscard]] constexpr const char* name(Codec codec) {
    return codec == Codec::H264 ? "h264" : "hevc";
}

}  // namespace smartcodec
