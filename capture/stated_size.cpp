#include "capture/stated_size.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <string_view>

#include "capture/unique_fd.h"

namespace smartcodec {
namespace {

/// A file's bytes by their place.
class Bytes {
  public:
    explicit Bytes(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        struct stat status {};
        if (file_ && fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode))
            size_ = static_cast<std::uint64_t>(status.st_size);
    }

    [[nodiscard]] std::uint64_t size() const { return size_; }

    /// Nothing where the file ends before.
    template <std::size_t kCount>
    [[nodiscard]] std::optional<std::array<unsigned char, kCount>> at(std::uint64_t offset) const {
        std::array<unsigned char, kCount> bytes{};
        if (offset > size_ || size_ - offset < kCount ||
            pread(file_.get(), bytes.data(), kCount, static_cast<off_t>(offset)) != static_cast<ssize_t>(kCount))
            return {};
        return bytes;
    }

  private:
    UniqueFd file_;
    std::uint64_t size_ = 0;
};

template <std::size_t kCount>
std::uint64_t bigEndian(const std::array<unsigned char, kCount>& bytes, std::size_t first, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = first; i < first + count; ++i)
        value = value << 8 | bytes[i];
    return value;
}

template <std::size_t kCount>
std::uint64_t littleEndian32(const std::array<unsigned char, kCount>& bytes, std::size_t first) {
    std::uint64_t value = 0;
    for (std::size_t i = first + 4; i > first; --i)
        value = value << 8 | bytes[i - 1];
    return value;
}

template <std::size_t kCount>
std::string_view name(const std::array<unsigned char, kCount>& bytes, std::size_t first) {
    return {reinterpret_cast<const char*>(bytes.data()) + first, 4};
}

bool isBoxName(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::uint64_t> sizeOfBoxes(const Bytes& file) {
    std::uint64_t offset = 0;
    while (offset < file.size()) {
        const auto header = file.at<8>(offset);
        if (!header)
            return offset + 8;
        if (!isBoxName(name(*header, 4)))
            return offset;  // what follows the last box, if that is what it is, is no part of the video
        std::uint64_t length = bigEndian(*header, 0, 4);
        if (length == 0)
            return file.size();  // goes on to the end, wherever that is
        if (length == 1) {
            const auto extended = file.at<8>(offset + 8);
            if (!extended)
                return offset + 16;
            length = bigEndian(*extended, 0, 8);
        }
        if (length < 8 || length > UINT64_MAX / 2)
            return {};
        if (offset + length > file.size() && name(*header, 4) == "mfra")
            return offset;  // the index of a fragmented file
        offset += length;
    }
    return offset;
}

constexpr std::uint64_t kEbmlHeader = 0x1A45DFA3;
constexpr std::uint64_t kSegment = 0x18538067;
constexpr std::uint64_t kCluster = 0x1F43B675;
/// Elements on the level of a cluster: seek head, info, tracks, cues, tags, chapters, attachments, void, checksum.
constexpr std::array<std::uint64_t, 9> kBesideClusters{0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367,
                                                       0x1043A770, 0x1941A469, 0xEC,       0xBF};
/// Elements in a cluster: timestamp, position, size of the one before, simple block, block group.
constexpr std::array<std::uint64_t, 5> kInCluster{0xE7, 0xA7, 0xAB, 0xA3, 0xA0};

struct Element {
    std::uint64_t id = 0;
    std::optional<std::uint64_t> length;  // nothing: unknown, until the next one on its level
    std::uint64_t contents = 0;           // where they begin
};

/// Nothing where the file ends in it, or where there is none.
std::optional<Element> elementAt(const Bytes& file, std::uint64_t offset) {
    const auto idStart = file.at<1>(offset);
    if (!idStart)
        return {};
    const auto idBytes = static_cast<std::uint64_t>(std::countl_zero((*idStart)[0])) + 1;
    const auto lengthStart = file.at<1>(offset + idBytes);
    if (idBytes > 4 || !lengthStart)
        return {};
    const auto lengthBytes = static_cast<std::uint64_t>(std::countl_zero((*lengthStart)[0])) + 1;
    if (lengthBytes > 8)
        return {};
    Element element{.id = 0, .length = 0, .contents = offset + idBytes + lengthBytes};
    std::uint64_t length = 0;
    for (std::uint64_t i = offset; i < element.contents; ++i) {
        const auto byte = file.at<1>(i);
        if (!byte)
            return {};
        std::uint64_t& value = i < offset + idBytes ? element.id : length;
        value = value << 8 | (*byte)[0];
    }
    const std::uint64_t unknown = (std::uint64_t{1} << 7 * lengthBytes) - 1;
    length &= unknown;  // without the bit that tells how many bytes it has
    if (length == unknown)
        element.length.reset();
    else
        element.length = length;
    return element;
}

std::optional<std::uint64_t> sizeOfElements(const Bytes& file) {
    std::optional<std::uint64_t> segmentEnd;
    std::uint64_t offset = 0;
    while (offset < file.size()) {
        const std::optional<Element> element = elementAt(file, offset);
        if (!element)
            return segmentEnd;
        const bool media = element->id == kCluster || std::ranges::find(kInCluster, element->id) != kInCluster.end();
        const bool beside = std::ranges::find(kBesideClusters, element->id) != kBesideClusters.end();
        if (!media && !beside && element->id != kEbmlHeader && element->id != kSegment)
            return segmentEnd;  // damage: what it says is not to be relied on
        if (element->id == kSegment && element->length)
            segmentEnd = element->contents + *element->length;
        if (element->id == kSegment || !element->length) {
            offset = element->contents;  // go on inside
            continue;
        }
        const std::uint64_t end = element->contents + *element->length;
        if (end > segmentEnd.value_or(end))
            return segmentEnd;  // damage
        if (end > file.size())
            return media ? end : offset;
        offset = end;
    }
    return std::max(offset, segmentEnd.value_or(offset));
}

/// Where the pictures and sound of one RIFF chunk end, whose contents are from `offset` to `end`.
std::uint64_t mediaEnd(const Bytes& file, std::uint64_t offset, std::uint64_t end) {
    while (offset < file.size()) {
        const auto header = file.at<12>(offset);
        if (!header)
            return end;
        const std::uint64_t chunkEnd = offset + 8 + littleEndian32(*header, 4);
        if (chunkEnd > end)
            return end;  // damage
        if (chunkEnd > file.size())
            return name(*header, 8) == "movi" ? chunkEnd : name(*header, 0) == "idx1" ? offset : end;
        offset = chunkEnd + chunkEnd % 2;
    }
    return end;
}

std::optional<std::uint64_t> sizeOfChunks(const Bytes& file) {
    std::uint64_t end = 0;
    for (std::uint64_t offset = 0; offset < file.size(); offset = end + end % 2) {
        const auto header = file.at<12>(offset);
        if (!header || name(*header, 0) != "RIFF" || !name(*header, 8).starts_with("AVI"))
            break;  // OpenDML has several of them; anything else behind is no part of the video
        const std::uint64_t length = littleEndian32(*header, 4);
        if (length == 0)
            return {};  // never filled in
        end = offset + 8 + length;
        if (end > file.size())
            return mediaEnd(file, offset + 12, end);
    }
    return end > 0 ? std::optional(end) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> statedSizeBytes(const std::string& path) {
    const Bytes file(path);
    const auto start = file.at<12>(0);
    if (!start)
        return {};
    if (name(*start, 4) == "ftyp" || name(*start, 4) == "moov")
        return sizeOfBoxes(file);
    if (bigEndian(*start, 0, 4) == kEbmlHeader)
        return sizeOfElements(file);
    if (name(*start, 0) == "RIFF")
        return sizeOfChunks(file);
    constexpr std::uint64_t kTransportPacket = 188;
    constexpr unsigned char kSync = 0x47;
    const auto second = file.at<1>(kTransportPacket);
    const auto third = file.at<1>(2 * kTransportPacket);
    if ((*start)[0] == kSync && second && (*second)[0] == kSync && third && (*third)[0] == kSync)
        return (file.size() + kTransportPacket - 1) / kTransportPacket * kTransportPacket;
    return {};
}

}  // namespace smartcodec
