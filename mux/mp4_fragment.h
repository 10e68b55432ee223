#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace smartcodec {

// What of a fragmented MP4 libavformat is not asked for (ISO/IEC 14496-12, section 8.8): its fragments must be laid out
// before the index that is written last knows where each sample lies.

/// One packet in a fragment. Times in ticks of the track.
struct FragmentSample {
    std::int64_t decode = 0;
    std::int64_t presentation = 0;
    std::int64_t step = 0;    ///< to the decode time of the track's next packet
    std::uint32_t bytes = 0;  ///< 0: it is left out
    bool keyFrame = false;
};

/// The samples of one track, which lie one behind the other.
struct FragmentRun {
    std::uint32_t trackId = 0;
    std::uint64_t offsetBytes = 0;  ///< of the first sample, from the fragment's beginning
    std::int64_t shift = 0;         ///< what the track's edit list takes off again
    std::vector<FragmentSample> samples;
};

/// Of what stands before the samples of a fragment: movie fragment box ("moof") and the header of the media data.
[[nodiscard]] std::size_t fragmentHeaderBytes(std::size_t runs, std::size_t samples);

/// Writes that into the beginning of `fragment`, where there is room for `fragmentHeaderBytes` of the same runs; the
/// samples stand behind it. Samples that are left out, or whose time is before zero, are not mentioned.
void writeFragmentHeader(std::uint32_t number, std::span<const FragmentRun> runs, std::span<std::byte> fragment);

/// `head` as of a file ("ftyp", "moov") with two things put in: behind "ftyp" a "free" box that can become the header
/// of one media data box, and into each track an edit list that takes off what its times are shifted by, if they are.
/// `shifts` in the order of the tracks. Throws std::runtime_error if `head` is not of that kind.
[[nodiscard]] std::vector<std::byte> completeHead(std::span<const std::byte> head,
                                                  std::span<const std::int64_t> shifts);

/// Where that "free" box stands in what `completeHead` gave.
[[nodiscard]] std::uint64_t placeholderOffset(std::span<const std::byte> completedHead);

constexpr std::size_t kPlaceholderBytes = 16;
/// What makes one media data box of everything from the placeholder on, `bytes` in all.
[[nodiscard]] std::vector<std::byte> mediaDataHeader(std::uint64_t bytes);

}  // namespace smartcodec
