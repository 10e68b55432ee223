#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/status.h"
#include "mux/file_writer.h"
#include "mux/mp4_fragment.h"
#include "mux/output_file.h"
#include "mux/video_timeline.h"

namespace smartcodec {

/// The MP4 muxer of libavformat over an OutputFile: tracks and bytes. Which packet goes in when, and with what times,
/// is Mp4Writer's affair.
///
/// Packets are collected into fragments of half a second. libavformat's ordinary muxer puts their samples into form and
/// keeps the index, as if they followed each other in one media data box; what it writes around them goes nowhere. The
/// fragments are ours, since that muxer has to be told where its samples lie: behind a head which only their number
/// tells the size of. In the end its index is appended, and 16 bytes at the front are changed, which hide the
/// fragments' heads in one media data box. Before that a reader finds fragments, after that an ordinary MP4, and never
/// neither. Thread-bound.
class Mp4Container {
  public:
    struct Copied {
        int stream = 0;  ///< of Packet
        std::int64_t ticksPerSecond = 0;
        std::int64_t prerollTicks = 0;
    };

    /// Lays out the tracks; touches no file. Throws std::runtime_error if MP4 cannot hold the video.
    explicit Mp4Container(const FileConfig& config);
    ~Mp4Container();
    Mp4Container(const Mp4Container&) = delete;
    Mp4Container& operator=(const Mp4Container&) = delete;

    /// Makes sure of room for the file's head, which is written with the first fragment. Throws std::runtime_error.
    void start(std::unique_ptr<OutputFile> file);

    [[nodiscard]] const std::vector<Copied>& copied() const { return copied_; }
    [[nodiscard]] const std::vector<std::string>& leftOut() const { return leftOut_; }

    /// What a packet of a copied track lasts by its codec's own count; 0 if that does not say.
    [[nodiscard]] std::int64_t codecTicks(const Packet& packet) const;

    /// Packets of each stream in decoding order; between streams in order of time. Does nothing but fail after a
    /// failure.
    Status write(TimedPacket timed);

    /// Ends the fragment: what was written is in the file. One that could not be stored is tried once more.
    Status flush();

    /// Writes the index and closes the file. Called once, also after a failure.
    Status finish();

    /// Valid after `finish`: the index is there.
    [[nodiscard]] bool isWhole() const { return whole_; }

    [[nodiscard]] UniqueFd toSync() const { return file_ ? file_->duplicate() : UniqueFd(); }

    /// What went into the file of the video track; a packet that failed is not counted.
    [[nodiscard]] std::uint64_t videoPackets() const { return videoPackets_; }
    [[nodiscard]] std::uint64_t videoBytes() const { return videoBytes_; }

    [[nodiscard]] std::uint64_t bytesWritten() const { return file_ ? file_->sizeBytes() : size_; }

  private:
    struct Libav;
    struct Figures {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        void add(std::size_t packetBytes) {
            ++packets;
            bytes += packetBytes;
        }
    };

    [[nodiscard]] std::uint64_t indexBytes() const;
    [[nodiscard]] std::size_t trackOf(const Packet& packet) const;
    [[nodiscard]] std::uint64_t position() const;
    void placeHead();
    void makeFragment(std::vector<FragmentRun>& runs);
    Status storeFragment();
    [[nodiscard]] FragmentSample shape(TimedPacket& timed);
    void appendIndex();
    [[nodiscard]] std::uint64_t neededBytes(std::size_t packetBytes) const;
    Status reserve(std::size_t packetBytes);
    Status fail(const std::string& message, const std::error_code& error = {});

    std::string path_;
    std::unique_ptr<OutputFile> file_;
    std::unique_ptr<Libav> libav_;
    std::vector<Copied> copied_;
    std::vector<std::string> leftOut_;
    std::vector<TimedPacket> pending_;  // of the fragment under way
    std::uint64_t pendingBytes_ = 0;
    double pendingSince_ = 0;  // seconds since the first video frame
    std::vector<std::byte> head_;
    std::vector<std::byte> fragment_;
    Figures fragmentVideo_;  // what is in it
    std::uint32_t fragments_ = 0;
    std::vector<std::int64_t> shifts_;  // of each track's times in fragments, which know none before zero
    std::uint64_t end_ = 0;             // of the fragments in the file
    std::uint64_t placeholder_ = 0;     // where it lies
    bool broken_ = false;               // the index knows of a fragment that is not in the file: `fragment_`
    bool whole_ = false;
    std::uint64_t packets_ = 0;
    std::uint64_t videoPackets_ = 0;
    std::uint64_t videoBytes_ = 0;
    std::uint64_t size_ = 0;
    Status status_;
};

}  // namespace smartcodec
