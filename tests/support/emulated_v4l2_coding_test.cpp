// What the emulated encoders make with real codecs.

#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "capture/libav_handles.h"
#include "tests/support/emulated_v4l2_client.h"
#include "tests/support/v4l2_uapi.h"

using namespace smartcodec;
using test::V4l2Calls;
using Packets = std::vector<V4l2Calls::Dequeued>;

namespace {

constexpr Size kSize{192, 128};
constexpr std::int64_t kStep = 33'333;

/// A drifting pattern with noise on it: every picture costs about the same.
class Pattern {
  public:
    explicit Pattern(const V4l2Calls& calls) : stride_(calls.strideBytes) {}

    void draw(std::span<std::byte*> planes, std::span<const std::uint32_t> lengths, int number) {
        for (std::size_t i = 0; i < planes.size(); ++i)
            std::memset(planes[i], 0x80, lengths[i]);
        for (int y = 0; y < kSize.height; ++y)
            for (int x = 0; x < kSize.width; ++x) {
                seed_ = seed_ * 1664525 + 1013904223;
                const double wave = 50 * std::sin((x + 2 * number) * 0.1) * std::cos(y * 0.12);
                planes[0][static_cast<std::size_t>(y) * stride_ + static_cast<std::size_t>(x)] =
                    static_cast<std::byte>(static_cast<int>(110 + wave) + static_cast<int>(seed_ >> 28));
            }
        luma.resize(static_cast<std::size_t>(kSize.width * kSize.height));
        for (int y = 0; y < kSize.height; ++y)
            std::memcpy(luma.data() + y * kSize.width, planes[0] + static_cast<std::size_t>(y) * stride_, kSize.width);
    }

    std::vector<std::uint8_t> luma;  // of the picture that was drawn last

  private:
    std::size_t stride_;
    std::uint32_t seed_ = 1;
};

/// Decodes a whole stream; empty luma where the decoder found an error.
std::vector<std::vector<std::uint8_t>> decode(const Packets& packets, bool hevc) {
    silenceLibav();
    const AVCodec* codec = avcodec_find_decoder(hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    const AvCodecContext context(avAllocated(avcodec_alloc_context3(codec)));
    context->thread_count = 1;
    context->err_recognition = AV_EF_EXPLODE;
    REQUIRE(avcodec_open2(context.get(), codec, nullptr) == 0);
    const AvFrame frame(avAllocated(av_frame_alloc()));
    const AvPacket packet(avAllocated(av_packet_alloc()));
    std::vector<std::vector<std::uint8_t>> pictures;
    const auto receive = [&] {
        while (avcodec_receive_frame(context.get(), frame.get()) == 0) {
            CHECK(frame->width == kSize.width);
            CHECK(frame->height == kSize.height);
            auto& luma = pictures.emplace_back();
            for (int y = 0; y < frame->height; ++y)
                luma.insert(luma.end(), frame->data[0] + y * frame->linesize[0],
                            frame->data[0] + y * frame->linesize[0] + frame->width);
        }
    };
    std::vector<std::byte> pending;  // parameter sets that came apart, and the parts of a picture
    for (std::size_t i = 0; i < packets.size(); ++i) {
        pending.insert(pending.end(), packets[i].data.begin(), packets[i].data.end());
        const bool more = i + 1 < packets.size() && packets[i + 1].microseconds == packets[i].microseconds;
        if (pending.empty() || more)
            continue;
        REQUIRE(av_new_packet(packet.get(), static_cast<int>(pending.size())) == 0);
        std::memcpy(packet->data, pending.data(), pending.size());
        CHECK(avcodec_send_packet(context.get(), packet.get()) == 0);
        av_packet_unref(packet.get());
        pending.clear();
        receive();
    }
    avcodec_send_packet(context.get(), nullptr);
    receive();
    return pictures;
}

double squaredError(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, int left, int right) {
    double sum = 0;
    for (int y = 0; y < kSize.height; ++y)
        for (int x = left; x < right; ++x) {
            const auto at = static_cast<std::size_t>(y * kSize.width + x);
            sum += (a[at] - b[at]) * (a[at] - b[at]);
        }
    return sum / (kSize.height * (right - left));
}

std::size_t bytes(const Packets& packets, std::size_t from, std::size_t to) {
    std::size_t sum = 0;
    for (std::size_t i = from; i < to; ++i)
        sum += packets.at(i).data.size();
    return sum;
}

bool holdsIdr(std::span<const std::byte> data, std::uint32_t coded) {
    for (std::size_t i = 0; i + 3 < data.size(); ++i)
        if (data[i] == std::byte{0} && data[i + 1] == std::byte{0} && data[i + 2] == std::byte{1}) {
            const auto header = static_cast<unsigned>(data[i + 3]);
            const unsigned type = coded == V4L2_PIX_FMT_HEVC ? header >> 1 & 63 : header & 31;
            if (coded == V4L2_PIX_FMT_HEVC ? type == 19 || type == 20 : type == 5)
                return true;
        }
    return false;
}

void setBitrate(V4l2Calls& calls, std::int32_t bitsPerSecond) {
    calls.set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
    CHECK(calls.set(V4L2_CID_MPEG_VIDEO_BITRATE, bitsPerSecond) == 0);
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("what every personality codes decodes to the pictures that went in") {
        for (const V4l2Personality& personality : v4l2Personalities())
            for (const std::uint32_t coded : personality.codedFormats) {
                if (coded == V4L2_PIX_FMT_FWHT)
                    continue;
                CAPTURE(personality.name);
                V4l2Personality adapted = personality;
                adapted.smallest = {64, 64};  // small pictures for all
                V4l2Calls calls(adapted, EmulatedV4l2::Coding::Real);
                setBitrate(calls, 2'000'000);
                calls.begin(coded, personality.rawFormats.front(), kSize);
                Pattern pattern(calls);
                Packets packets;
                std::vector<std::vector<std::uint8_t>> originals;
                for (int i = 0; i < 6; ++i) {
                    calls.encode(kStep * (i + 1), packets, [&](std::span<std::byte*> planes) {
                        pattern.draw(planes, calls.outputs[0].lengths, i);
                    });
                    originals.push_back(pattern.luma);
                }
                REQUIRE(calls.drain(packets));
                const auto decoded = decode(packets, coded == V4L2_PIX_FMT_HEVC);
                REQUIRE(decoded.size() == originals.size());
                for (std::size_t i = 0; i < decoded.size(); ++i)
                    CHECK(squaredError(decoded[i], originals[i], 0, kSize.width) < 60);
            }
    }

    TEST_CASE("a step of the bit rate acts within half a second and a key frame at once") {
        for (const std::uint32_t coded : {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC}) {
            V4l2Calls calls(v4l2Personality("plain"), EmulatedV4l2::Coding::Real);
            setBitrate(calls, 600'000);
            calls.begin(coded, V4L2_PIX_FMT_NV12, kSize);
            Pattern pattern(calls);
            Packets packets;
            for (int i = 0; i < 90; ++i) {
                // nothing may be inside when the rate changes
                while (i == 60 && packets.size() < 60) {
                    REQUIRE(calls.poll(POLLIN) != 0);
                    calls.collect(packets);
                }
                if (i == 60)
                    setBitrate(calls, 150'000);
                if (i == 80)
                    CHECK(calls.set(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1) == 0);
                calls.encode(kStep * (i + 1), packets,
                             [&](std::span<std::byte*> planes) { pattern.draw(planes, calls.outputs[0].lengths, i); });
            }
            REQUIRE(calls.drain(packets));
            const double before = 8.0 * static_cast<double>(bytes(packets, 30, 60));
            // the key frame may overtake what is inside
            const double after = 8.0 * static_cast<double>(bytes(packets, 63, 75)) * 30 / 12;
            CHECK(before > 0.8 * 600'000);
            CHECK(before < 1.2 * 600'000);
            CHECK(after < 1.5 * 150'000);
            const auto keyFrames = std::ranges::count_if(
                packets, [](const auto& packet) { return (packet.flags & V4L2_BUF_FLAG_KEYFRAME) != 0; });
            CHECK(keyFrames == 2);
            for (const auto& packet : packets)
                CHECK(holdsIdr(packet.data, coded) == ((packet.flags & V4L2_BUF_FLAG_KEYFRAME) != 0));
            CHECK(decode(packets, coded == V4L2_PIX_FMT_HEVC).size() == 90);
        }
    }

    TEST_CASE("the lowest QP holds the quality down while the stream runs") {
        V4l2Calls calls(v4l2Personality("plain"), EmulatedV4l2::Coding::Real);
        setBitrate(calls, 4'000'000);
        calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, kSize);
        Pattern pattern(calls);
        Packets packets;
        for (int i = 0; i < 20; ++i) {
            while (i == 10 && packets.size() < 10) {
                REQUIRE(calls.poll(POLLIN) != 0);
                calls.collect(packets);
            }
            if (i == 10)
                CHECK(calls.set(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 40) == 0);
            calls.encode(kStep * (i + 1), packets,
                         [&](std::span<std::byte*> planes) { pattern.draw(planes, calls.outputs[0].lengths, i); });
        }
        REQUIRE(calls.drain(packets));
        CHECK(bytes(packets, 10, 20) * 4 < bytes(packets, 1, 10));
    }

    TEST_CASE("a QP map makes one half better and the other worse") {
        for (const std::uint32_t coded : {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC}) {
            V4l2Calls calls(v4l2Personality("iris"), EmulatedV4l2::Coding::Real);
            setBitrate(calls, 500'000);
            calls.begin(coded, V4L2_PIX_FMT_NV12, kSize);
            const int block = coded == V4L2_PIX_FMT_HEVC ? 32 : 16;
            const int columns = kSize.width / block;
            std::vector<std::int8_t> map(139264);
            for (int i = 0; i < columns * (kSize.height / block); ++i)
                map[static_cast<std::size_t>(i)] = i % columns < columns / 2 ? -12 : 12;
            Pattern pattern(calls);
            Packets packets;
            std::vector<std::vector<std::uint8_t>> originals;
            for (int i = 0; i < 8; ++i) {
                v4l2_ext_control one{};
                one.id = uapi::kCidRoiMbDeltaQp;
                one.size = static_cast<std::uint32_t>(map.size());
                one.ptr = map.data();
                v4l2_ext_controls controls{};
                controls.count = 1;
                controls.controls = &one;
                map.back() = static_cast<std::int8_t>(i % 2);  // only changes reach the driver
                REQUIRE(calls.call(VIDIOC_S_EXT_CTRLS, controls) == 0);
                calls.encode(kStep * (i + 1), packets,
                             [&](std::span<std::byte*> planes) { pattern.draw(planes, calls.outputs[0].lengths, i); });
                originals.push_back(pattern.luma);
            }
            REQUIRE(calls.drain(packets));
            const auto decoded = decode(packets, coded == V4L2_PIX_FMT_HEVC);
            REQUIRE(decoded.size() == 8);
            const double left = squaredError(decoded[7], originals[7], 0, kSize.width / 2);
            const double right = squaredError(decoded[7], originals[7], kSize.width / 2, kSize.width);
            CHECK(left * 2 < right);
        }
    }

    TEST_CASE("rate control by timestamps spends what a gap saved and the other does not") {
        const auto spent = [](bool byTimestamp) {
            V4l2Personality personality = v4l2Personality("plain");
            personality.ratesByTimestamp = byTimestamp;
            V4l2Calls calls(personality, EmulatedV4l2::Coding::Real);
            setBitrate(calls, 300'000);
            calls.begin(V4L2_PIX_FMT_H264, V4L2_PIX_FMT_NV12, kSize);
            Pattern pattern(calls);
            Packets packets;
            for (int i = 0; i < 20; ++i)
                calls.encode(5 * kStep * (i + 1), packets,
                             [&](std::span<std::byte*> planes) { pattern.draw(planes, calls.outputs[0].lengths, i); });
            REQUIRE(calls.drain(packets));
            return bytes(packets, 0, 20);
        };
        CHECK(spent(true) > 2 * spent(false));
    }
}
