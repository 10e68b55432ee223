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

class OutputFile;

struct Mp4Config {
    std::string path;
    Codec codec = Codec::H264;
    Size size;
    FrameRate frameRate;  ///< nominal, a hint for players
    Color color;
    Ratio sampleAspect;
    int rotation = 0;                           ///< degrees clockwise for the player
    std::span<const std::byte> parameterSets;   ///< Annex B, borrowed for the constructor
    std::span<const CopiedTrack> copiedTracks;  ///< borrowed for the constructor; packet streams 1..
    bool overwrite = false;
};

/// What becomes of copied tracks' packets that begin at the end of the recording or later.
enum class CopiedTail {
    Keep,  ///< they stay: the source came to its own end and its sound is longer than its picture
    Cut,   ///< they are left out and the packet before is cut short: the recording was ended
};

/// One MP4 file. Times are capture times minus that of the first video frame; nothing is re-timed. Video packets are
/// held back until the next one's time is known, so that every duration is right. Thread-bound.
///
/// Copied tracks keep their offset to the video. Of what lies wholly before the first video frame only as much is kept
/// as the decoder needs to sound right from there (AAC: one packet; Opus: 80 ms); an edit list hides it from players.
///
/// Room on the disk is reserved ahead of the recording, enough for the index that is written last: a full disk is
/// noticed while the file can still be finished.
class Mp4Writer {
  public:
    /// Creates the file. Throws std::system_error or std::runtime_error, and leaves no new file behind then: an
    /// existing file without `overwrite`, a missing or unwritable folder, an impossible track.
    explicit Mp4Writer(const Mp4Config& config);
    /// Writes into `file` instead; `config.path` and `config.overwrite` do not count.
    Mp4Writer(const Mp4Config& config, std::unique_ptr<OutputFile> file);
    ~Mp4Writer();  ///< finishes the file as well as it can if `finish` was not called
    Mp4Writer(Mp4Writer&&) noexcept;
    Mp4Writer& operator=(Mp4Writer&&) noexcept;

    /// Packets of one stream in decoding order. After a failure (a full disk) `finish` still makes what was written
    /// playable.
    Status write(Packet packet);

    /// Ends the file: the last picture shown stands until `end`. Called once, or `finishBefore`. Reports what went
    /// wrong in `write` again, if something did.
    Status finish(CaptureTime end, CopiedTail tail = CopiedTail::Keep);

    /// As `finish` where the recording goes on in another file whose first picture is captured at `next`: packets of
    /// copied tracks that begin then or later come back in `following`, for that file. The one that is under way then
    /// stays whole, so that no sound is lost. Without a video packet written before, all of them come back.
    Status finishBefore(CaptureTime next, std::vector<Packet>& following);

    [[nodiscard]] std::uint64_t bytesWritten() const;

    /// Video packets in the file and their bytes. Those that are held back do not count until they are written, which
    /// after a failure never happens.
    [[nodiscard]] std::uint64_t videoPackets() const;
    [[nodiscard]] std::uint64_t videoBytes() const;

    /// A line for each copied track that MP4 cannot hold (uncompressed sound, for example) and that is therefore left
    /// out; its packets may still be written, to no effect.
    [[nodiscard]] const std::vector<std::string>& leftOut() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
