#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mux/file_writer.h"

namespace smartcodec {

class OutputFile;

/// One raw elementary stream: the packets' bytes one after the other, and nothing else. Times, rotation and copied
/// tracks have no place in it.
///
/// H.264 and HEVC are in Annex B form, and every key frame has its parameter sets before it: the stream can be decoded
/// from its first byte and from every key frame, and goes on in the same file where the encoder begins anew with
/// others. Of FWHT each packet has a header of its own.
///
/// A packet is in the file as soon as it is written, and whole or not at all. Thread-bound.
class RawWriter final : public FileWriter {
  public:
    /// Creates the file, with the errors of `createFile`.
    explicit RawWriter(const FileConfig& config);
    /// Writes into `file` instead; `config.path` and `config.overwrite` do not count.
    RawWriter(const FileConfig& config, std::unique_ptr<OutputFile> file);
    ~RawWriter() override;
    RawWriter(const RawWriter&) = delete;
    RawWriter& operator=(const RawWriter&) = delete;

    Status write(Packet packet) override;
    Status flush() override { return status_; }
    [[nodiscard]] UniqueFd toSync() const override;
    [[nodiscard]] bool goOnWith(std::span<const std::byte> parameterSets) override;
    Status end(CaptureTime, CopiedTail) override { return status_; }
    Status endBefore(CaptureTime, std::vector<Packet>&) override { return status_; }
    Status close() override;

    [[nodiscard]] bool isWhole() const override { return whole_; }
    [[nodiscard]] std::uint64_t bytesWritten() const override { return sizeBytes_; }
    [[nodiscard]] std::uint64_t videoPackets() const override { return packets_; }
    /// Parameter sets included.
    [[nodiscard]] std::uint64_t videoBytes() const override { return sizeBytes_; }
    [[nodiscard]] const std::vector<std::string>& leftOut() const override { return leftOut_; }

  private:
    void start(const FileConfig& config, std::unique_ptr<OutputFile> file);
    [[nodiscard]] std::span<const std::byte> withParameterSets(std::span<const std::byte> packet);
    Status fail(const std::string& message, const std::error_code& error);

    const Codec codec_;
    std::string path_;
    std::unique_ptr<OutputFile> file_;  // null: closed
    std::vector<std::byte> parameterSets_;
    std::vector<std::byte> joined_;  // a key frame behind its parameter sets
    std::vector<std::string> leftOut_;
    std::uint64_t packets_ = 0;
    std::uint64_t sizeBytes_ = 0;
    bool whole_ = false;
    Status status_;
};

}  // namespace smartcodec
