#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/status.h"
#include "mux/file_writer.h"
#include "mux/output_file.h"
#include "mux/video_timeline.h"

namespace smartcodec {

/// The MP4 muxer of libavformat over an OutputFile: tracks and bytes. Which packet goes in when, and with what times,
/// is Mp4Writer's affair. Thread-bound.
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

    /// Writes the file's head. Throws std::system_error.
    void start(std::unique_ptr<OutputFile> file);

    [[nodiscard]] const std::vector<Copied>& copied() const { return copied_; }
    [[nodiscard]] const std::vector<std::string>& leftOut() const { return leftOut_; }

    /// What a packet of a copied track lasts by its codec's own count; 0 if that does not say.
    [[nodiscard]] std::int64_t codecTicks(const Packet& packet) const;

    /// Packets of each stream in decoding order; between streams in order of time. Does nothing but fail after a
    /// failure.
    Status write(TimedPacket timed);

    /// Writes the index and closes the file. Called once, also after a failure.
    Status finish();

    /// What went into the file of the video track; a packet that failed is not counted.
    [[nodiscard]] std::uint64_t videoPackets() const { return videoPackets_; }
    [[nodiscard]] std::uint64_t videoBytes() const { return videoBytes_; }

    [[nodiscard]] std::uint64_t bytesWritten() const { return file_ ? file_->sizeBytes() : size_; }

  private:
    struct Libav;

    [[nodiscard]] std::uint64_t indexBytes() const;
    Status reserve(std::size_t packetBytes);
    Status checkDisk();
    Status fail(const std::string& message);

    std::string path_;
    std::unique_ptr<OutputFile> file_;
    std::unique_ptr<Libav> libav_;
    std::vector<Copied> copied_;
    std::vector<std::string> leftOut_;
    std::uint64_t packets_ = 0;
    std::uint64_t videoPackets_ = 0;
    std::uint64_t videoBytes_ = 0;
    std::uint64_t size_ = 0;
    Status status_;
};

}  // namespace smartcodec
