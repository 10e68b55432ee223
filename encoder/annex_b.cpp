#include "encoder/annex_b.h"

#include <array>
#include <cstring>

namespace smartcodec {

namespace {

constexpr std::array kStartCode{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
constexpr std::size_t kShortStartCodeBytes = 3;

enum class NalKind { Slice, KeySlice, Vps, Sps, Pps, Delimiter, Other };

/// ITU-T H.264 table 7-1. Slices of views and layers beside the base one (14, 20, 21) and auxiliary pictures (19) are
/// not the picture.
NalKind h264Kind(std::span<const std::byte> unit) {
    if (unit.size() < 2 || (unit[0] & std::byte{0x80}) != std::byte{0})  // a header alone is nothing
        return NalKind::Other;
    switch (std::to_integer<int>(unit[0]) & 0x1f) {
        case 1:
        case 2:
        case 3:
        case 4:
            return NalKind::Slice;
        case 5:
            return NalKind::KeySlice;
        case 7:
            return NalKind::Sps;
        case 8:
            return NalKind::Pps;
        case 9:
            return NalKind::Delimiter;
        default:
            return NalKind::Other;
    }
}

/// ITU-T H.265 table 7-1. Only the base layer counts.
NalKind hevcKind(std::span<const std::byte> unit) {
    constexpr int kHeaderBytes = 2;
    if (unit.size() < kHeaderBytes)
        return NalKind::Other;
    const int header = std::to_integer<int>(unit[0]) << 8 | std::to_integer<int>(unit[1]);
    const bool forbidden = (header & 0x8000) != 0;
    const int type = header >> 9 & 0x3f;
    const int layer = header >> 3 & 0x3f;
    const int temporalIdPlus1 = header & 7;
    if (forbidden || layer != 0 || temporalIdPlus1 == 0)
        return NalKind::Other;
    if (type <= 9)
        return NalKind::Slice;
    if (type >= 16 && type <= 21)
        return NalKind::KeySlice;
    switch (type) {
        case 32:
            return NalKind::Vps;
        case 33:
            return NalKind::Sps;
        case 34:
            return NalKind::Pps;
        case 35:
            return NalKind::Delimiter;
        default:
            return NalKind::Other;
    }
}

/// Offset of the next 00 00 01 at or behind `from`; the end of `data` if there is none.
std::size_t findStartCode(std::span<const std::byte> data, std::size_t from) {
    // Looks for the one and then behind it: a zero is more frequent in what is coded, and the library's search is
    // quick.
    for (std::size_t at = from + kShortStartCodeBytes - 1; at < data.size(); ++at) {
        const void* const one = std::memchr(data.data() + at, 1, data.size() - at);
        if (one == nullptr)
            break;
        at = static_cast<std::size_t>(static_cast<const std::byte*>(one) - data.data());
        if (data[at - 1] == std::byte{0} && data[at - 2] == std::byte{0})
            return at - 2;
    }
    return data.size();
}

bool isSlice(NalKind kind) {
    return kind == NalKind::Slice || kind == NalKind::KeySlice;
}

bool isParameterSet(NalKind kind) {
    return kind == NalKind::Vps || kind == NalKind::Sps || kind == NalKind::Pps;
}

/// The unit that `rest` begins with. One never ends with a zero byte: those are trailing_zero_8bits, or the first of a
/// four-byte start code.
std::span<const std::byte> unitAt(std::span<const std::byte> rest) {
    std::size_t end = findStartCode(rest, 0);
    while (end > 0 && rest[end - 1] == std::byte{0})
        --end;
    return rest.first(end);
}

NalKind kindOf(Codec codec, std::span<const std::byte> unit) {
    return codec == Codec::H264 ? h264Kind(unit) : hevcKind(unit);
}

std::size_t headerBytesOf(Codec codec) {
    return codec == Codec::H264 ? 1 : 2;
}

/// Calls `take(kind, unit)` for the parameter sets before the first slice and for that slice, whose `unit` reaches to
/// the end of `data`: where it ends need not be known.
template <typename Take>
void walk(Codec codec, std::span<const std::byte> data, Take&& take) {
    if (codec == Codec::Fwht)
        return;
    const std::size_t headerBytes = headerBytesOf(codec);
    for (std::size_t at = findStartCode(data, 0); at < data.size();) {
        const std::span<const std::byte> rest = data.subspan(at + kShortStartCodeBytes);
        const NalKind kind = kindOf(codec, rest);
        if (isSlice(kind)) {
            take(kind, rest);
            return;
        }
        if (isParameterSet(kind)) {
            const std::span<const std::byte> unit = unitAt(rest);
            if (unit.size() > headerBytes)
                take(kind, unit);
        }
        at = findStartCode(data, at + kShortStartCodeBytes);
    }
}

}  // namespace

AnnexBContents inspectAnnexB(Codec codec, std::span<const std::byte> data) {
    AnnexBContents contents;
    bool vps = codec != Codec::Hevc;
    bool sps = false;
    bool pps = false;
    const std::size_t headerBytes = headerBytesOf(codec);
    walk(codec, data, [&](NalKind kind, std::span<const std::byte> unit) {
        contents.picture |= isSlice(kind);
        // first_mb_in_slice as ue(v), which is one set bit for 0; first_slice_segment_in_pic_flag
        contents.firstSlice |=
            isSlice(kind) && (unit.size() <= headerBytes || (unit[headerBytes] & std::byte{0x80}) != std::byte{0});
        contents.keyFrame |= kind == NalKind::KeySlice;
        contents.anyParameterSet |= isParameterSet(kind);
        vps |= kind == NalKind::Vps;
        sps |= kind == NalKind::Sps;
        pps |= kind == NalKind::Pps;
    });
    contents.parameterSets = vps && sps && pps;
    return contents;
}

void extractParameterSets(Codec codec, std::span<const std::byte> data, std::vector<std::byte>& sets) {
    sets.clear();
    walk(codec, data, [&sets](NalKind kind, std::span<const std::byte> unit) {
        if (!isParameterSet(kind))
            return;
        sets.insert(sets.end(), kStartCode.begin(), kStartCode.end());
        sets.insert(sets.end(), unit.begin(), unit.end());
    });
}

std::size_t delimiterBytes(Codec codec, std::span<const std::byte> data) {
    const std::size_t startCode = findStartCode(data, 0);
    if (codec == Codec::Fwht || startCode == data.size())
        return 0;
    const std::size_t begin = startCode + kShortStartCodeBytes;
    const std::span<const std::byte> rest = data.subspan(begin);
    return kindOf(codec, rest) == NalKind::Delimiter ? begin + unitAt(rest).size() : 0;
}

}  // namespace smartcodec
