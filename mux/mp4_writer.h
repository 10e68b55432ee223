#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/packet.h"
#include "capture/picture.h"
#include "capture/source.h"
#include "capture/status.h"
#include "encoder/codec.h"

namespace smartcodec {

struct Mp4Config {
    std::string path;
    Codec codec = Codec::H264;
    Size size;
    FrameRate frameRate;  ///< nominal, a hint for players
    Color color;
    Ratio sampleAspect;
    int rotation = 0;                              ///< degrees clockwise for the player
    std::span<const std::byte> parameterSets;      ///< Annex B, borrowed for the constructor
    std::span<const CopiedTrack> copiedTracks;     ///< borrowed for the constructor; packet streams 1..
    bool overwrite = false;
};

/// One MP4 file. Times are capture times minus that of the first video frame; nothing is re-timed. Video packets are
/// held back until the next one's time is known, so that every duration is right. Thread-bound.
class Mp4Writer {
  public:
    /// Creates the file. Throws std::system_error or std::runtime_error: an existing file without `overwrite`, a
    /// missing or unwritable folder, an impossible track.
    explicit Mp4Writer(const Mp4Config& config);
    ~Mp4Writer();  ///< finishes the file as well as it can if `finish` was not called
    Mp4Writer(Mp4Writer&&) noexcept;
    Mp4Writer& operator=(Mp4Writer&&) noexcept;

    /// Packets of one stream in decoding order. After a failure (a full disk) `finish` still makes what was written
    /// playable.
    Status write(Packet packet);

    /// Ends the file: the last picture shown stands until `end`.
    Status finish(CaptureTime end);

    [[nodiscard]] std::uint64_t bytesWritten() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
