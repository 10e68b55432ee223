#include "mux/mp4_fragment.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace smartcodec {
namespace {

constexpr std::size_t kBoxBytes = 8;                  // size and type
constexpr std::size_t kRunBytes = 64;                 // traf 8, tfhd 16, tfdt 20, trun 20
constexpr std::size_t kRunSampleBytes = 16;           // duration, size, flags, presentation offset
constexpr std::size_t kFragmentBytes = 24;            // moof 8, mfhd 16
constexpr std::uint32_t kSyncSample = 0x02000000;     // sample_depends_on = 2: on no other
constexpr std::uint32_t kNonSyncSample = 0x01010000;  // sample_depends_on = 1, sample_is_non_sync_sample

/// Writes boxes one behind the other: numbers in big endian.
class Boxes {
  public:
    [[nodiscard]] std::size_t begin(std::string_view type) {
        const std::size_t at = bytes_.size();
        u32(0);
        for (const char letter : type)
            bytes_.push_back(static_cast<std::byte>(letter));
        return at;
    }
    void end(std::size_t at) { put(at, static_cast<std::uint32_t>(bytes_.size() - at)); }
    void u32(std::uint64_t value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            bytes_.push_back(static_cast<std::byte>(value >> shift & 0xff));
    }
    void u64(std::uint64_t value) {
        u32(value >> 32);
        u32(value);
    }
    void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

  private:
    void put(std::size_t at, std::uint32_t value) {
        for (int i = 0; i < 4; ++i)
            bytes_[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xff);
    }
    std::vector<std::byte> bytes_;
};

struct Box {
    std::string_view type;
    std::span<const std::byte> bytes;  // all of it
    [[nodiscard]] std::span<const std::byte> content() const { return bytes.subspan(kBoxBytes); }
};

std::vector<Box> boxesIn(std::span<const std::byte> bytes) {
    std::vector<Box> boxes;
    while (!bytes.empty()) {
        std::size_t size = 0;
        if (bytes.size() >= kBoxBytes)
            for (std::size_t i = 0; i < 4; ++i)
                size = size << 8 | std::to_integer<std::size_t>(bytes[i]);
        if (size < kBoxBytes || size > bytes.size())
            throw std::runtime_error("the MP4 muxer made a head that is none");
        boxes.push_back({{reinterpret_cast<const char*>(bytes.data()) + 4, 4}, bytes.first(size)});
        bytes = bytes.subspan(size);
    }
    return boxes;
}

/// ISO/IEC 14496-12, 8.6.6. A duration of zero: to the end, however many fragments will follow.
void writeEditList(Boxes& out, std::int64_t mediaTime) {
    const std::size_t edts = out.begin("edts");
    const std::size_t elst = out.begin("elst");
    out.u32(1u << 24);  // version 1: 64-bit times
    out.u32(1);
    out.u64(0);
    out.u64(static_cast<std::uint64_t>(mediaTime));
    out.u32(1u << 16);  // at normal speed
    out.end(elst);
    out.end(edts);
}

void writeTrack(Boxes& out, const Box& track, std::int64_t shift) {
    const std::size_t trak = out.begin("trak");
    for (const Box& part : boxesIn(track.content())) {
        out.append(part.bytes);
        if (part.type == "tkhd" && shift > 0)
            writeEditList(out, shift);
    }
    out.end(trak);
}

bool mentioned(const FragmentRun& run, const FragmentSample& sample) {
    return sample.bytes > 0 && sample.decode + run.shift >= 0;
}

void writeRun(Boxes& out, const FragmentRun& run) {
    const auto isMentioned = [&run](const FragmentSample& sample) { return mentioned(run, sample); };
    // Those before zero are the first ones.
    const auto first = std::find_if(run.samples.begin(), run.samples.end(), isMentioned);
    std::uint64_t offset = run.offsetBytes;
    for (auto skipped = run.samples.begin(); skipped != first; ++skipped)
        offset += skipped->bytes;

    const std::size_t traf = out.begin("traf");
    const std::size_t tfhd = out.begin("tfhd");
    out.u32(0x020000);  // offsets count from the fragment's beginning
    out.u32(run.trackId);
    out.end(tfhd);
    const std::size_t tfdt = out.begin("tfdt");
    out.u32(1u << 24);
    out.u64(first == run.samples.end() ? 0 : static_cast<std::uint64_t>(first->decode + run.shift));
    out.end(tfdt);
    const std::size_t trun = out.begin("trun");
    out.u32(0x000f01);  // offset of the data; of each sample duration, size, flags and presentation offset
    out.u32(static_cast<std::uint64_t>(std::count_if(first, run.samples.end(), isMentioned)));
    out.u32(offset);
    for (auto sample = first; sample != run.samples.end(); ++sample) {
        if (!mentioned(run, *sample))
            continue;
        const auto next = sample + 1;
        out.u32(static_cast<std::uint64_t>(next == run.samples.end() ? sample->step : next->decode - sample->decode));
        out.u32(sample->bytes);
        out.u32(sample->keyFrame ? kSyncSample : kNonSyncSample);
        out.u32(static_cast<std::uint64_t>(sample->presentation - sample->decode));
    }
    out.end(trun);
    out.end(traf);
}

}  // namespace

std::size_t fragmentHeaderBytes(std::size_t runs, std::size_t samples) {
    return kFragmentBytes + runs * kRunBytes + samples * kRunSampleBytes + kBoxBytes;
}

void writeFragmentHeader(std::uint32_t number, std::span<const FragmentRun> runs, std::span<std::byte> fragment) {
    std::size_t samples = 0;
    for (const FragmentRun& run : runs)
        samples += run.samples.size();
    const std::size_t headerBytes = fragmentHeaderBytes(runs.size(), samples);

    Boxes out;
    const std::size_t moof = out.begin("moof");
    const std::size_t mfhd = out.begin("mfhd");
    out.u32(0);
    out.u32(number);
    out.end(mfhd);
    for (const FragmentRun& run : runs)
        writeRun(out, run);
    out.end(moof);
    // The room of the samples that are not mentioned.
    if (const std::size_t left = headerBytes - kBoxBytes - out.size(); left > 0) {
        const std::size_t gap = out.begin("free");
        out.bytes().resize(gap + left);
        out.end(gap);
    }
    assert(out.size() + kBoxBytes == headerBytes);
    Boxes media;
    (void)media.begin("mdat");
    const auto mediaBytes = static_cast<std::uint64_t>(fragment.size() - headerBytes + kBoxBytes);
    for (int shift = 24; shift >= 0; shift -= 8)
        media.bytes()[static_cast<std::size_t>(24 - shift) / 8] = static_cast<std::byte>(mediaBytes >> shift & 0xff);
    out.append(media.bytes());
    std::memcpy(fragment.data(), out.bytes().data(), headerBytes);
}

std::vector<std::byte> completeHead(std::span<const std::byte> head, std::span<const std::int64_t> shifts) {
    Boxes out;
    std::size_t track = 0;
    for (const Box& box : boxesIn(head)) {
        if (box.type == "ftyp") {
            out.append(box.bytes);
            const std::size_t placeholder = out.begin("free");
            out.u64(0);
            out.end(placeholder);
        } else if (box.type == "moov") {
            const std::size_t moov = out.begin("moov");
            for (const Box& part : boxesIn(box.content())) {
                if (part.type == "trak" && track < shifts.size())
                    writeTrack(out, part, shifts[track++]);
                else
                    out.append(part.bytes);
            }
            out.end(moov);
        } else {
            out.append(box.bytes);
        }
    }
    if (track != shifts.size() || placeholderOffset(out.bytes()) == 0)
        throw std::runtime_error("the MP4 muxer made a head without its tracks");
    return std::move(out.bytes());
}

std::uint64_t placeholderOffset(std::span<const std::byte> completedHead) {
    const std::vector<Box> boxes = boxesIn(completedHead);
    return !boxes.empty() && boxes[0].type == "ftyp" ? boxes[0].bytes.size() : 0;
}

std::vector<std::byte> mediaDataHeader(std::uint64_t bytes) {
    Boxes out;
    (void)out.begin("mdat");
    out.u64(bytes);
    out.bytes()[3] = std::byte{1};  // the size follows in 64 bits
    return std::move(out.bytes());
}

}  // namespace smartcodec
