#pragma once

#include <cstdint>
#include <string>

struct AVCodecContext;

namespace smartcodec {

/// Sets a private option of the context's encoder. Throws std::runtime_error naming it if that is refused.
void setOption(AVCodecContext& context, const char* option, const std::string& value);

/// `bits` as the int that libav's rate fields are, at most what fits.
[[nodiscard]] int clampToInt(std::int64_t bits);

}  // namespace smartcodec
