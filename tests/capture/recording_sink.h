#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <vector>

#include "capture/file_source.h"

namespace smartcodec::test {

/// What one frame looked like when it was delivered.
struct SeenFrame {
    std::chrono::nanoseconds time{};
    std::chrono::nanoseconds duration{};
    std::uint64_t sequence = 0;
    PixelFormat format;
    Size size;
    double luma = 0;  ///< means of the planes
    double cb = 0;
    double cr = 0;
    std::vector<int> topRow;      ///< luma of the first row
    std::vector<int> leftColumn;  ///< luma of the first column
    const std::byte* memory = nullptr;
};

struct SeenPacket {
    int stream = 0;
    std::chrono::nanoseconds time{};
    std::chrono::nanoseconds duration{};
    std::size_t bytes = 0;
    std::size_t framesBefore = 0;  ///< delivered before it
};

/// Keeps notes of everything and the last frames themselves.
class RecordingSink final : public SourceSink {
  public:
    bool deliver(Frame frame) override;
    bool deliver(Packet packet) override;
    void offer(Frame frame) override;

    std::vector<SeenFrame> frames;
    std::vector<SeenPacket> packets;
    std::size_t wanted = static_cast<std::size_t>(-1);  ///< frames after which it has had enough
    std::stop_source stop;
    std::size_t stopAfter = static_cast<std::size_t>(-1);  ///< frames after which the source is asked to stop
    std::vector<Frame> kept;                               ///< the frames, if `keep`
    bool keep = false;
};

/// A file read from end to end.
struct SeenFile {
    std::unique_ptr<Source> source;
    RecordingSink sink;
    Status status;

    [[nodiscard]] const SourceInfo& info() const { return source->info(); }
    [[nodiscard]] std::vector<std::chrono::nanoseconds> times() const;
};

[[nodiscard]] SeenFile readFile(const FileSourceConfig& config);

}  // namespace smartcodec::test
