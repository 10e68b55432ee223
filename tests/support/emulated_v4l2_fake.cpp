#include <linux/videodev2.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "tests/support/emulated_v4l2_checksum.h"
#include "tests/support/emulated_v4l2_coder.h"

namespace smartcodec::emulated {
namespace {

/// Bits of a picture at QP 0 per sample: what a lively scene costs libx264; a P picture a sixth of it.
constexpr double kKeyBitsPerSample = 12;
constexpr double kKeyToOther = 6;

/// Writes a raw byte sequence payload bit by bit (H.264 7.2) and its NAL unit.
class BitWriter {
  public:
    BitWriter& u(int bits, std::uint32_t value) {
        for (int i = bits - 1; i >= 0; --i) {
            current_ = static_cast<std::uint8_t>(current_ << 1 | (value >> i & 1));
            if (++count_ % 8 == 0)
                bytes_.push_back(current_);
        }
        return *this;
    }
    BitWriter& ue(std::uint32_t value) {
        int length = 0;
        while ((value + 1) >> (length + 1))
            ++length;
        return u(length, 0).u(length + 1, value + 1);
    }

    /// Appends a NAL unit: start code, header, payload with its stop bit, 3s where it would look like a start code.
    void finish(std::initializer_list<std::uint8_t> header, std::vector<std::byte>& to) {
        u(1, 1);
        while (count_ % 8 != 0)
            u(1, 0);
        for (const int byte : {0, 0, 0, 1})
            to.push_back(static_cast<std::byte>(byte));
        for (const std::uint8_t byte : header)
            to.push_back(static_cast<std::byte>(byte));
        int zeros = 0;
        for (const std::uint8_t byte : bytes_) {
            if (zeros == 2 && byte <= 3) {
                to.push_back(std::byte{3});
                zeros = 0;
            }
            to.push_back(static_cast<std::byte>(byte));
            zeros = byte == 0 ? zeros + 1 : 0;
        }
    }

  private:
    std::vector<std::uint8_t> bytes_;
    std::uint8_t current_ = 0;
    int count_ = 0;
};

// H.264 7.3.2: baseline, poc type 2, one reference
void writeH264Sets(const CoderSetup& setup, std::vector<std::byte>& sets) {
    const auto width = static_cast<std::uint32_t>(setup.size.width);
    const auto height = static_cast<std::uint32_t>(setup.size.height);
    const std::uint32_t columns = (width + 15) / 16;
    const std::uint32_t rows = (height + 15) / 16;
    BitWriter sps;
    sps.u(8, 66).u(8, 0xc0).u(8, 40 + setup.variant % 3).ue(0);  // profile, constraints, level, id
    sps.ue(0).ue(2).ue(1).u(1, 0).ue(columns - 1).ue(rows - 1);  // frame numbers, order, references, size
    sps.u(1, 1).u(1, 1).u(1, 1);                                 // frames only, direct 8x8, cropping:
    sps.ue(0).ue((columns * 16 - width) / 2).ue(0).ue((rows * 16 - height) / 2).u(1, 0);
    sps.finish({0x67}, sets);
    BitWriter pps;
    pps.ue(0).ue(0).u(2, 0).ue(0).ue(0).ue(0).u(3, 0).ue(0).ue(0).ue(0).u(3, 0);
    pps.finish({0x68}, sets);
}

void profileTierLevel(BitWriter& writer, unsigned variant) {
    writer.u(8, 1).u(32, 0x60000000).u(32, 0x90000000).u(16, 0).u(8, 120 + 3 * (variant % 3));  // Main, level 4 and up
}

// H.265 7.3.2: Main, blocks of 8 to 64
void writeHevcSets(const CoderSetup& setup, std::vector<std::byte>& sets) {
    const auto width = static_cast<std::uint32_t>(setup.size.width);
    const auto height = static_cast<std::uint32_t>(setup.size.height);
    const std::uint32_t codedWidth = (width + 7) / 8 * 8;
    const std::uint32_t codedHeight = (height + 7) / 8 * 8;
    BitWriter vps;
    vps.u(4, 0).u(2, 3).u(6, 0).u(3, 0).u(1, 1).u(16, 0xffff);
    profileTierLevel(vps, setup.variant);
    vps.u(1, 1).ue(1).ue(0).ue(0).u(6, 0).ue(0).u(1, 0).u(1, 0);
    vps.finish({0x40, 0x01}, sets);
    BitWriter sps;
    sps.u(4, 0).u(3, 0).u(1, 1);
    profileTierLevel(sps, setup.variant);
    sps.ue(0).ue(1).ue(codedWidth).ue(codedHeight);
    sps.u(1, 1).ue(0).ue((codedWidth - width) / 2).ue(0).ue((codedHeight - height) / 2);
    sps.ue(0).ue(0).ue(4).u(1, 1).ue(1).ue(0).ue(0);    // depths, order counts, buffering
    sps.ue(0).ue(3).ue(0).ue(3).ue(0).ue(0);            // block sizes, transform depths
    sps.u(1, 0).u(1, 0).u(1, 0).u(1, 0).ue(0).u(1, 0);  // lists, partitions, offset, PCM, reference sets
    sps.u(1, 0).u(1, 0).u(1, 0).u(1, 0);                // temporal vectors, smoothing, VUI, extension
    sps.finish({0x42, 0x01}, sets);
    BitWriter pps;
    pps.ue(0).ue(0).u(7, 0).ue(0).ue(0).ue(0).u(2, 0).u(1, 0).ue(0).ue(0);
    pps.u(6, 0).u(1, 0).u(1, 0).u(1, 0).u(1, 0).ue(0).u(1, 0).u(1, 0);
    pps.finish({0x44, 0x01}, sets);
}

class FakeCoder final : public Coder {
  public:
    explicit FakeCoder(const CoderSetup& setup) : setup_(setup) {
        if (setup.fourcc == V4L2_PIX_FMT_H264)
            writeH264Sets(setup, sets_);
        else if (setup.fourcc == V4L2_PIX_FMT_HEVC)
            writeHevcSets(setup, sets_);
    }

    std::span<const std::byte> encode(const RawPicture& picture, const CodingOrder& order) override {
        const auto [lowest, highest] = std::ranges::minmax_element(order.deltas);
        char line[256];
        const int length = std::snprintf(
            line, sizeof line, "picture=%llu key=%d qp=%d bitrate=%lld checksum=%x deltas=%d..%d map=%x\n",
            static_cast<unsigned long long>(order.number), order.keyFrame ? 1 : 0, order.qp,
            static_cast<long long>(order.bitrate), checksum(picture), order.deltas.empty() ? 0 : *lowest,
            order.deltas.empty() ? 0 : *highest, checksum(order.deltas));
        data_.clear();
        begin(order.keyFrame);
        for (const char c : std::string_view(line, static_cast<std::size_t>(length)))
            data_.push_back(static_cast<std::byte>(c));
        data_.resize(std::max(data_.size(), bytesOf(order)), std::byte{'x'});
        if (setup_.fourcc == V4L2_PIX_FMT_FWHT)
            putBe32(kFwhtSizeAt, static_cast<std::uint32_t>(data_.size() - kFwhtHeaderBytes));
        return data_;
    }

    [[nodiscard]] std::span<const std::byte> parameterSets() const override { return sets_; }

  private:
    // struct fwht_cframe_hdr, big endian (drivers/media/test-drivers/vicodec/codec-fwht.h)
    static constexpr std::size_t kFwhtSizeAt = 40;
    static constexpr std::size_t kFwhtHeaderBytes = 44;

    void begin(bool keyFrame) {
        const auto put = [&](std::initializer_list<int> bytes) {
            for (const int byte : bytes)
                data_.push_back(static_cast<std::byte>(byte));
        };
        if (setup_.fourcc == V4L2_PIX_FMT_H264) {
            put({0, 0, 0, 1, keyFrame ? 0x65 : 0x41, 0xc0});  // from the first macroblock on, P
        } else if (setup_.fourcc == V4L2_PIX_FMT_HEVC) {
            put({0, 0, 0, 1, keyFrame ? 0x26 : 0x02, 0x01, 0x80});
        } else {
            data_.resize(kFwhtHeaderBytes);
            const std::uint32_t fields[] = {0x4f4f4f4f,
                                            0xffffffff,
                                            3,
                                            static_cast<std::uint32_t>(setup_.size.width),
                                            static_cast<std::uint32_t>(setup_.size.height),
                                            keyFrame ? 1u << 10 : 0u};
            for (std::size_t i = 0; i < std::size(fields); ++i)
                putBe32(4 * i, fields[i]);
        }
    }

    void putBe32(std::size_t at, std::uint32_t value) {
        for (std::size_t i = 0; i < 4; ++i)
            data_[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
    }

    [[nodiscard]] std::size_t bytesOf(const CodingOrder& order) const {
        double scale = 1;
        if (!order.deltas.empty()) {
            double sum = 0;
            for (const std::int8_t delta : order.deltas)
                sum += std::exp2(-delta / 6.0);
            scale = sum / static_cast<double>(order.deltas.size());
        }
        const double samples = 1.0 * setup_.size.width * setup_.size.height;
        const double bits =
            samples * kKeyBitsPerSample / (order.keyFrame ? 1 : kKeyToOther) * std::exp2(-order.qp / 6.0) * scale;
        return static_cast<std::size_t>(bits / 8);
    }

    CoderSetup setup_;
    std::vector<std::byte> sets_;
    std::vector<std::byte> data_;
};

}  // namespace

std::unique_ptr<Coder> makeFakeCoder(const CoderSetup& setup) {
    return std::make_unique<FakeCoder>(setup);
}

}  // namespace smartcodec::emulated
