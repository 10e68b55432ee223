#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/packet.h"
#include "capture/picture.h"
#include "capture/source.h"
#include "capture/status.h"
#include "capture/unique_fd.h"
#include "encoder/codec.h"

namespace smartcodec {

struct FileConfig {
    std::string path;
    Codec codec = Codec::H264;
    Size size;
    FrameRate frameRate;  ///< nominal, a hint for players
    Color color;
    Ratio sampleAspect;
    int rotation = 0;                           ///< degrees clockwise for the player
    std::span<const std::byte> parameterSets;   ///< Annex B, borrowed for the constructor; empty for FWHT
    std::span<const CopiedTrack> copiedTracks;  ///< borrowed for the constructor; packet streams 1..
    bool dropsFrames = false;                   ///< frames may be left out, so that pictures are not evenly spaced
    bool overwrite = false;
    /// Asked where the disk is full: makes some room and says so, or false, and the file ends. On the thread that
    /// writes. Empty: nobody makes any.
    std::function<bool()> makeRoom = {};
};

/// What becomes of copied tracks' packets that begin at the end of the recording or later.
enum class CopiedTail {
    Keep,  ///< they stay: the source came to its own end and its sound is longer than its picture
    Cut,   ///< they are left out and the packet before is cut short: the recording was ended
};

/// One file that packets are written to. After a failure (a full disk) what was written before is whole once the file
/// is closed. The destructor ends and closes as well as it can what nobody ended. Thread-bound; may be handed to
/// another thread.
class FileWriter {
  public:
    virtual ~FileWriter() = default;

    /// Packets of one stream in decoding order.
    virtual Status write(Packet packet) = 0;

    /// Hands on to the file what was collected for it: should the program be killed now, a player finds everything that
    /// is not held back.
    virtual Status flush() = 0;

    /// A descriptor of its own for whoever has the time to sync the file (fdatasync): should the power fail then, what
    /// `flush` said holds. Empty where there is nothing to be synced.
    [[nodiscard]] virtual UniqueFd toSync() const = 0;

    /// Goes on with video of other parameter sets (Annex B, borrowed for the call), a key frame first. False, and
    /// nothing is changed, if one file of this format cannot hold both: another one is to be begun then.
    [[nodiscard]] virtual bool goOnWith(std::span<const std::byte> parameterSets) = 0;

    /// Takes no more: the last picture shown stands until `end`. Called once, or `endBefore`; `close` is to follow.
    /// Reports what went wrong in `write` again, if something did.
    virtual Status end(CaptureTime end, CopiedTail tail) = 0;

    /// As `end` where the recording goes on in another file whose first picture is captured at `next`: packets of
    /// copied tracks that begin then or later come back in `following`, for that file. The one that is under way then
    /// stays whole, so that no sound is lost. Without a video packet written before, all of them come back.
    virtual Status endBefore(CaptureTime next, std::vector<Packet>& following) = 0;

    /// Makes the file what it is to be and waits until the disk has it, which may take as long as the disk likes.
    /// Called once, last. Reports what went wrong before again.
    virtual Status close() = 0;

    /// Both at once, for those who have the time.
    Status finish(CaptureTime at, CopiedTail tail = CopiedTail::Keep) {
        (void)end(at, tail);  // `close` says it again
        return close();
    }
    Status finishBefore(CaptureTime next, std::vector<Packet>& following) {
        (void)endBefore(next, following);
        return close();
    }

    /// Valid after `close`: the file has its final form, be it that it ends before something that could not be written.
    [[nodiscard]] virtual bool isWhole() const = 0;

    [[nodiscard]] virtual std::uint64_t bytesWritten() const = 0;

    /// Video packets in the file and their bytes. Those that are held back do not count until they are written, which
    /// after a failure never happens.
    [[nodiscard]] virtual std::uint64_t videoPackets() const = 0;
    [[nodiscard]] virtual std::uint64_t videoBytes() const = 0;

    /// A line for each thing that a file of this format cannot hold and that is therefore left out. Packets of such
    /// tracks may still be written, to no effect.
    [[nodiscard]] virtual const std::vector<std::string>& leftOut() const = 0;
};

/// The codec of the raw stream that a file's name asks for by its extension, in letters of either case: .h264, .264;
/// .hevc, .h265, .265; .fwht. Empty for every other name: that file is an MP4.
[[nodiscard]] std::optional<Codec> rawStreamCodec(const std::string& path);

/// Creates the file in the format that its name asks for. Throws std::system_error or std::runtime_error, and leaves no
/// new file behind then: an existing file without `overwrite`, a missing or unwritable folder, an impossible track, a
/// codec that this format does not hold.
[[nodiscard]] std::unique_ptr<FileWriter> createFile(const FileConfig& config);

}  // namespace smartcodec
