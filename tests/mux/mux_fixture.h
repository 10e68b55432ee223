#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "capture/source.h"
#include "mux/mp4_writer.h"
#include "mux/output_file.h"

namespace smartcodec::test {

/// Pictures of 64x48 encoded for the muxer. Packets can be taken as often as wanted.
struct Clip {
    struct Coded {
        std::vector<std::byte> bytes;
        CaptureTime presentation;
        CaptureTime decode;
        bool keyFrame = false;
    };
    Codec codec = Codec::H264;
    std::vector<std::byte> parameterSets;
    std::vector<Coded> packets;  ///< in decoding order

    [[nodiscard]] Packet packet(std::size_t index) const;
};

struct ClipRecipe {
    Codec codec = Codec::H264;
    int bFrames = 0;
    int keyFrameEvery = 250;  ///< frames
    bool noisy = false;       ///< large packets
    std::vector<CaptureTime> times;
};

/// Encodes one picture per time; the encoder sees evenly spaced frames, as the recorder's own does.
[[nodiscard]] Clip encode(const ClipRecipe& recipe);

/// `count` times `interval` apart, the first at 100 s: capture times seldom begin at zero.
[[nodiscard]] std::vector<CaptureTime> evenTimes(int count, std::chrono::nanoseconds interval);
constexpr CaptureTime kStart{std::chrono::seconds(100)};

/// A sound track as a source would hand it on.
struct Sound {
    struct Coded {
        std::vector<std::byte> bytes;
        std::chrono::nanoseconds time;  ///< since the track's first sample, the encoder's priming before it
        std::chrono::nanoseconds duration;
    };
    std::vector<CopiedTrack> tracks;  ///< one
    std::vector<Coded> packets;

    /// With the track's first sample captured at `begin`.
    [[nodiscard]] Packet packet(std::size_t index, CaptureTime begin) const;
};
[[nodiscard]] Sound encodeSound(std::chrono::nanoseconds duration, const std::string& encoder = "aac");

[[nodiscard]] FileConfig configFor(const Clip& clip, const std::string& path);
void writeAll(FileWriter& writer, const Clip& clip);

/// Whether this libavformat reads packet durations from files with B-frames; before 6.0 it guesses them.
extern const bool kReadsReorderedDurations;

/// What a player reads in a file, times in seconds.
struct ReadBack {
    struct Packet {
        double pts = 0;
        double dts = 0;
        double duration = 0;
        bool keyFrame = false;
        bool discard = false;
        std::size_t bytes = 0;
    };
    struct Stream {
        std::string tag;
        double start = 0;
        double duration = 0;
        std::vector<Packet> packets;
        std::string language;
        int width = 0;
        int height = 0;
        Color color;  ///< what the container says, like all that follows; decoders may know better
        Ratio sampleAspect;
        int rotation = 0;
        int extradataVersion = -1;                ///< first byte: 1 for avcC and hvcC
        std::vector<double> shown;                ///< presentation times of decoded pictures
        [[nodiscard]] double packetsEnd() const;  ///< largest pts + duration of what is not discarded
    };
    double start = 0;
    double duration = 0;
    std::vector<Stream> streams;
};
[[nodiscard]] ReadBack readBack(const std::string& path);

/// An output file whose disk has room for `capacityBytes`.
class SmallDisk final : public OutputFile {
  public:
    SmallDisk(std::string path, std::uint64_t capacityBytes, bool reserves = true)
        : file_(createOutputFile(path, false)), capacity_(capacityBytes), reserves_(reserves) {}

    [[nodiscard]] const std::string& path() const override { return file_->path(); }
    [[nodiscard]] std::error_code reserve(std::uint64_t endBytes) override {
        if (!reserves_)
            return {};
        return endBytes > capacity_ ? full() : std::error_code();
    }
    [[nodiscard]] std::error_code writeAt(std::uint64_t offsetBytes, std::span<const std::byte> data) override {
        if (offsetBytes + data.size() > capacity_)
            return full();
        return file_->writeAt(offsetBytes, data);
    }
    [[nodiscard]] std::uint64_t sizeBytes() const override { return file_->sizeBytes(); }
    [[nodiscard]] std::error_code close() override { return file_->close(); }

  private:
    static std::error_code full() { return {ENOSPC, std::generic_category()}; }

    std::unique_ptr<OutputFile> file_;
    std::uint64_t capacity_;
    bool reserves_;
};

}  // namespace smartcodec::test
