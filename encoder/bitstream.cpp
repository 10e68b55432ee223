#include "encoder/bitstream.h"

#include <cstdint>

namespace smartcodec {

namespace {

// Its fields are 32 bits each, the most significant byte first.
constexpr std::uint32_t kFwhtMagic[] = {0x4f4f4f4f, 0xffffffff};
constexpr std::size_t kFwhtFlags = 5;  // after magic, version, width, height
constexpr std::size_t kFwhtSize = 10;  // of what follows the header, in bytes
constexpr std::size_t kFwhtHeaderBytes = 44;
constexpr std::uint32_t kFwhtIntra = 1U << 10;  // V4L2_FWHT_FL_I_FRAME

std::uint32_t field(std::span<const std::byte> header, std::size_t index) {
    std::uint32_t value = 0;
    for (const std::byte byte : header.subspan(index * sizeof(value), sizeof(value)))
        value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
}

AnnexBContents inspectFwht(std::span<const std::byte> data) {
    AnnexBContents contents;
    if (data.size() < kFwhtHeaderBytes || field(data, 0) != kFwhtMagic[0] || field(data, 1) != kFwhtMagic[1])
        return contents;
    contents.picture = data.size() - kFwhtHeaderBytes >= field(data, kFwhtSize);
    contents.firstSlice = contents.picture;
    contents.keyFrame = contents.picture && (field(data, kFwhtFlags) & kFwhtIntra) != 0;
    return contents;
}

}  // namespace

AnnexBContents inspectBitstream(Codec codec, std::span<const std::byte> data) {
    return codec == Codec::Fwht ? inspectFwht(data) : inspectAnnexB(codec, data);
}

}  // namespace smartcodec
