#include "tests/encoder/playable_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "capture/libav_handles.h"
#include "mux/mp4_writer.h"
#include "mux/output_file.h"

namespace smartcodec::test {

namespace {

constexpr std::chrono::milliseconds kLastDuration{40};
constexpr double kTickSeconds = 1.0 / 90'000;
constexpr std::size_t kLengthBytes = 4;  // in front of each NAL unit in MP4

using Bytes = std::vector<std::byte>;

class MemoryFile final : public OutputFile {
  public:
    explicit MemoryFile(Bytes& bytes) : bytes_(bytes) {}

    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] std::error_code reserve(std::uint64_t) override { return {}; }
    [[nodiscard]] std::error_code writeAt(std::uint64_t offsetBytes, std::span<const std::byte> data) override {
        bytes_.resize(std::max(bytes_.size(), static_cast<std::size_t>(offsetBytes) + data.size()));
        std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(offsetBytes));
        return {};
    }
    [[nodiscard]] std::uint64_t sizeBytes() const override { return bytes_.size(); }
    [[nodiscard]] std::error_code close() override { return {}; }

  private:
    std::string path_ = "a file in memory";
    Bytes& bytes_;
};

/// Lends libavformat bytes to read.
class MemoryInput {
  public:
    explicit MemoryInput(const Bytes& bytes) : bytes_(bytes) {
        constexpr int kBufferBytes = 4096;
        auto* buffer = static_cast<unsigned char*>(avAllocated(av_malloc(kBufferBytes)));
        io_ = avAllocated(avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, seek));
    }
    ~MemoryInput() {
        av_freep(&io_->buffer);
        avio_context_free(&io_);
    }
    MemoryInput(const MemoryInput&) = delete;
    MemoryInput& operator=(const MemoryInput&) = delete;

    [[nodiscard]] AVIOContext* io() { return io_; }

  private:
    static int read(void* self, std::uint8_t* to, int size) {
        auto& input = *static_cast<MemoryInput*>(self);
        const std::size_t count = std::min(static_cast<std::size_t>(size), input.bytes_.size() - input.position_);
        if (count == 0)
            return AVERROR_EOF;
        std::memcpy(to, input.bytes_.data() + input.position_, count);
        input.position_ += count;
        return static_cast<int>(count);
    }
    static std::int64_t seek(void* self, std::int64_t offset, int whence) {
        auto& input = *static_cast<MemoryInput*>(self);
        const auto size = static_cast<std::int64_t>(input.bytes_.size());
        if (whence == AVSEEK_SIZE)
            return size;
        if (whence != SEEK_SET || offset < 0 || offset > size)
            return AVERROR(EINVAL);
        input.position_ = static_cast<std::size_t>(offset);
        return offset;
    }

    const Bytes& bytes_;
    std::size_t position_ = 0;
    AVIOContext* io_ = nullptr;
};

/// `packet` for a writer, which takes packets over; the bytes stay where they are.
Packet lent(const Packet& packet) {
    Packet copy;
    copy.data = packet.data;
    copy.presentation = packet.presentation;
    copy.decode = packet.decode;
    copy.keyFrame = packet.keyFrame;
    return copy;
}

bool holdsWholeNals(std::span<const std::uint8_t> sample) {
    while (sample.size() > kLengthBytes) {
        std::size_t length = 0;
        for (const std::uint8_t byte : sample.first(kLengthBytes))
            length = length << 8 | byte;
        if (length == 0 || length > sample.size() - kLengthBytes)
            return false;
        sample = sample.subspan(kLengthBytes + length);
    }
    return sample.empty();
}

/// Whether a key frame brings the parameter sets that its file was told.
bool bringsSets(const Packet& packet, const Bytes& parameterSets) {
    return !packet.keyFrame || !std::ranges::search(packet.data, parameterSets).empty();
}

Bytes written(const EncoderConfig& config, const Bytes& parameterSets, std::span<const Packet> packets) {
    Bytes bytes;
    FileConfig file;
    file.codec = config.codec;
    file.size = config.size;
    file.frameRate = config.frameRate;
    file.parameterSets = parameterSets;
    Mp4Writer writer(file, std::make_unique<MemoryFile>(bytes));
    for (const Packet& packet : packets)
        CHECK(writer.write(lent(packet)).message() == "");
    CHECK(writer.finish(packets.back().presentation + kLastDuration).message() == "");
    return bytes;
}

void checkFile(const Bytes& bytes, std::span<const Packet> packets) {
    MemoryInput input(bytes);
    AVFormatContext* context = avAllocated(avformat_alloc_context());
    context->pb = input.io();
    const int opened = avformat_open_input(&context, nullptr, av_find_input_format("mp4"), nullptr);
    REQUIRE_MESSAGE(opened == 0, libavError(opened));
    const AvInputFormat format(context);
    REQUIRE(format->nb_streams == 1);
    const AVStream& stream = *format->streams[0];
    CHECK(stream.codecpar->extradata_size > 8);
    const AvPacket sample(avAllocated(av_packet_alloc()));
    std::size_t count = 0;
    for (; av_read_frame(format.get(), sample.get()) >= 0; av_packet_unref(sample.get()), ++count) {
        if (count >= packets.size())
            continue;
        const Packet& packet = packets[count];
        const bool keyFrame = (sample->flags & AV_PKT_FLAG_KEY) != 0;
        CHECK(keyFrame == packet.keyFrame);
        CHECK((keyFrame || count > 0));
        CHECK(holdsWholeNals({sample->data, static_cast<std::size_t>(sample->size)}));
        const double time = static_cast<double>(sample->pts) * av_q2d(stream.time_base);
        const std::chrono::duration<double> wanted = packet.presentation - packets.front().presentation;
        CHECK(std::abs(time - wanted.count()) <= kTickSeconds);
    }
    CHECK(count == packets.size());
}

}  // namespace

PacketCollector::PacketCollector(Encoder& encoder, V4l2Recording& recording)
    : encoder_(encoder), recording_(recording) {
    keepSets();
}

void PacketCollector::take() {
    while (std::optional<Packet> packet = encoder_.takePacket()) {
        if (packet->newStream)
            keepSets();
        recording_.packets.push_back(std::move(*packet));
    }
}

void PacketCollector::keepSets() {
    const std::span<const std::byte> sets = encoder_.parameterSets();
    sets_.emplace_back(sets.begin(), sets.end());
}

void checkPlayable(const EncoderConfig& config, const std::vector<std::vector<std::byte>>& parameterSets,
                   const V4l2Recording& recording) {
    std::size_t stream = 0;
    for (std::span<const Packet> rest = recording.packets; !rest.empty(); ++stream) {
        if (rest.front().newStream && stream == 0)  // it began anew before its first packet
            ++stream;
        const auto next = std::find_if(rest.begin() + 1, rest.end(), [](const Packet& each) { return each.newStream; });
        const auto packets = rest.first(static_cast<std::size_t>(next - rest.begin()));
        REQUIRE(stream < parameterSets.size());
        for (const Packet& packet : packets)
            CHECK(bringsSets(packet, parameterSets[stream]));
        checkFile(written(config, parameterSets[stream], packets), packets);
        rest = rest.subspan(packets.size());
    }
}

}  // namespace smartcodec::test
