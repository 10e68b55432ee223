#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mux/file_writer.h"

namespace smartcodec {

class OutputFile;

/// One MP4 file. Times are capture times minus that of the first video frame; nothing is re-timed. Video packets are
/// held back until the next one's time is known, so that every duration is right. Thread-bound.
///
/// Copied tracks keep their offset to the video. Of what lies wholly before the first video frame only as much is kept
/// as the decoder needs to sound right from there (AAC: one packet; Opus: 80 ms); an edit list hides it from players.
///
/// While it is written the file is a fragmented MP4 that plays as far as it goes. `close` makes an ordinary one of it
/// in place, with an index at its end: the fragments become the media data of that.
///
/// Room on the disk is reserved ahead of the recording, enough for the index that is written last: a full disk is
/// noticed while the file can still be finished.
class Mp4Writer final : public FileWriter {
  public:
    /// Creates the file, with the errors of `createFile`.
    explicit Mp4Writer(const FileConfig& config);
    /// Writes into `file` instead; `config.path` and `config.overwrite` do not count.
    Mp4Writer(const FileConfig& config, std::unique_ptr<OutputFile> file);
    ~Mp4Writer() override;
    Mp4Writer(Mp4Writer&&) noexcept;
    Mp4Writer& operator=(Mp4Writer&&) noexcept;

    Status write(Packet packet) override;
    Status flush() override;
    [[nodiscard]] UniqueFd toSync() const override;
    /// Never: what the file says of its video holds for all of it.
    [[nodiscard]] bool goOnWith(std::span<const std::byte> parameterSets) override;
    Status end(CaptureTime end, CopiedTail tail) override;
    Status endBefore(CaptureTime next, std::vector<Packet>& following) override;
    Status close() override;

    [[nodiscard]] bool isWhole() const override;
    [[nodiscard]] std::uint64_t bytesWritten() const override;
    [[nodiscard]] std::uint64_t videoPackets() const override;
    [[nodiscard]] std::uint64_t videoBytes() const override;
    [[nodiscard]] const std::vector<std::string>& leftOut() const override;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
