#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace smartcodec {

/// How many bytes a video file must have to hold all its pictures and sound, by the sizes that are written in itself:
/// those of its top-level boxes (MP4, MOV: ISO/IEC 14496-12, 4.2), its segment and clusters (Matroska, WebM: RFC 8794
/// and RFC 9559), its RIFF chunks (AVI), or its packets of 188 bytes (MPEG transport stream: ISO/IEC 13818-1). A file
/// that is shorter has been cut off. An index behind pictures and sound does not count. Nothing where the file is of
/// another kind, does not say, or cannot be read.
[[nodiscard]] std::optional<std::uint64_t> statedSizeBytes(const std::string& path);

}  // namespace smartcodec
