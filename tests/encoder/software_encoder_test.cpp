#include "encoder/software_encoder.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/encoder/encoder_fixture.h"

namespace smartcodec::test {
namespace {

using namespace std::chrono_literals;

/// New memory is full of other things than zeros, as in a program that has run for a while.
class FilledMemory {
  public:
    FilledMemory() { mallopt(M_PERTURB, 0x2d); }
    ~FilledMemory() { mallopt(M_PERTURB, 0); }
    FilledMemory(const FilledMemory&) = delete;
    FilledMemory& operator=(const FilledMemory&) = delete;
};

/// Checks what every muxer relies on, and that the packets' times are exactly those given.
void checkTimes(const std::vector<Packet>& packets, const std::vector<CaptureTime>& captured) {
    std::multiset<CaptureTime> presented;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        CHECK(packets[i].decode <= packets[i].presentation);
        if (i > 0)
            CHECK(packets[i].decode > packets[i - 1].decode);
        presented.insert(packets[i].presentation);
    }
    CHECK(presented == std::multiset<CaptureTime>(captured.begin(), captured.end()));
}

TEST_SUITE("integration") {
    TEST_CASE("key frames come exactly where they are asked for") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            const EncoderConfig config = smallConfig(codec);
            const auto encoder = openSoftwareEncoder(config);
            const std::set<int> wanted{0, 7, 8, 100, 271};
            const auto packets = encodeRun(*encoder, config, 300, [&](int number) {
                Input in = calm(number);
                in.recipe.seed = number < 150 ? 1 : 2;
                in.recipe.noise = number % 60 == 59 ? 60 : 3;  // what a scene-cut detector would fall for
                in.parameters.keyFrame = wanted.contains(number);
                return in;
            });
            REQUIRE(packets.size() == 300);
            std::set<CaptureTime> expected;
            std::set<CaptureTime> found;
            for (const int number : wanted)
                expected.insert(at(number));
            for (const Packet& packet : packets)
                if (packet.keyFrame)
                    found.insert(packet.presentation);
            CHECK(found == expected);
            std::set<CaptureTime> intra;  // an I picture that is no key frame would cost as much
            const auto pictures = decodeAll(codec, encoder->parameterSets(), packets);
            CHECK(pictures.size() == 300);
            for (const DecodedPicture& picture : pictures)
                if (picture.intra)
                    intra.insert(picture.presentation);
            CHECK(intra == expected);
        }
    }

    TEST_CASE("with B-frames and irregular gaps times stay exact and drain gives everything") {
        const FilledMemory filled;
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const int count : {1, 2, 3, 4, 5, 120}) {
                CAPTURE(name(codec));
                CAPTURE(count);
                const EncoderConfig config = smallConfig(codec);
                const auto encoder = openSoftwareEncoder(config);
                std::mt19937 random(5);
                std::vector<CaptureTime> captured;
                CaptureTime now{500ms};
                const auto packets = encodeRun(*encoder, config, count, [&](int number) {
                    Input in = calm(number);
                    now += std::chrono::microseconds(1000 + random() % (number % 10 == 3 ? 5000000 : 50000));
                    in.time = now;
                    in.recipe.noise = 0.5;
                    captured.push_back(now);
                    return in;
                });
                checkTimes(packets, captured);
                const auto pictures = decodeAll(codec, encoder->parameterSets(), packets);
                REQUIRE(pictures.size() == captured.size());
                for (std::size_t i = 0; i < pictures.size(); ++i)
                    CHECK(pictures[i].presentation == captured[i]);
                const bool reordered = std::ranges::any_of(
                    packets, [](const Packet& packet) { return packet.decode != packet.presentation; });
                CHECK((reordered || count <= 2));
            }
    }

    TEST_CASE("every length of look-ahead gives valid times in videos of every length") {
        const FilledMemory filled;
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const int lookahead : {0, 1, 2, 3, 4, 5, 20})
                for (const int count : {1, 2, 3, 30}) {
                    CAPTURE(name(codec));
                    CAPTURE(lookahead);
                    CAPTURE(count);
                    EncoderConfig config = smallConfig(codec);
                    config.lookaheadFrames = lookahead;
                    const auto encoder = openSoftwareEncoder(config);
                    std::vector<CaptureTime> captured;
                    const auto packets = encodeRun(*encoder, config, count, [&](int number) {
                        captured.push_back(at(number));
                        return calm(number);
                    });
                    checkTimes(packets, captured);
                    CHECK(packets.front().decode >= at(-2));
                }
    }

    TEST_CASE("without look-ahead every frame gives its packet at once") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            EncoderConfig config = smallConfig(codec);
            config.lookaheadFrames = 0;
            const auto encoder = openSoftwareEncoder(config);
            FramePool pool(config.format, config.size);
            for (int number = 0; number < 40; ++number) {
                Frame::Description description;
                description.time = at(number);
                Frame frame = pool.make(description);
                paint(frame->picture, number);
                REQUIRE(encoder->encode(std::move(frame), {.bitrate = kMax}).ok());
                const auto packet = encoder->takePacket();
                REQUIRE(packet);
                CHECK(packet->presentation == at(number));
                CHECK(packet->decode == at(number));
                CHECK_FALSE(encoder->takePacket());
            }
        }
    }

    TEST_CASE("NV12 and sizes that are no multiple of 16 come out whole") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const PixelFormat format : {kNv12, kYuv420}) {
                CAPTURE(name(codec));
                CAPTURE(name(format));
                EncoderConfig config = smallConfig(codec);
                config.format = format;
                config.size = {306, 182};
                config.quality = 12;
                const auto encoder = openSoftwareEncoder(config);
                QpMap map{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, -2)};
                const auto packets = encodeRun(*encoder, config, 5, [&](int number) {
                    Input in = calm(number);
                    in.parameters.qpMap = &map;
                    return in;
                });
                const auto pictures = decodeAll(codec, encoder->parameterSets(), packets);
                REQUIRE(pictures.size() == 5);
                CHECK(pictures[0].size == config.size);
                FramePool pool(format, config.size);
                Frame truth = pool.make({});
                paint(truth->picture, 0);
                CHECK(meanError(pictures[0], truth->picture, 18, 10) < 2.5);
                // Cb rises to the right from 100, Cr downwards from 80.
                CHECK(pictures[0].cornerCb == doctest::Approx(100 + 152 / 4).epsilon(0.04));
                CHECK(pictures[0].cornerCr == doctest::Approx(80 + 90 / 4).epsilon(0.04));
            }
    }

    TEST_CASE("colour tags and sample aspect are in the stream") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const bool fullRange : {true, false}) {
                CAPTURE(name(codec));
                EncoderConfig config = smallConfig(codec);
                config.color = {
                    .primaries = 1, .transfer = 13, .matrix = 6, .fullRange = fullRange, .chromaLocation = 3};
                config.sampleAspect = {4, 3};
                const auto encoder = openSoftwareEncoder(config);
                const auto pictures = decodeAll(codec, encoder->parameterSets(), encodeRun(*encoder, config, 3, calm));
                REQUIRE(pictures.size() == 3);
                CHECK(pictures[0].color.primaries == 1);
                CHECK(pictures[0].color.transfer == 13);
                CHECK(pictures[0].color.matrix == 6);
                CHECK(pictures[0].color.fullRange == fullRange);
                CHECK(pictures[0].color.chromaLocation == 3);
                CHECK(pictures[0].sampleAspect == Ratio{4, 3});
            }
    }

    TEST_CASE("parameter sets are Annex B") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            const auto encoder = openSoftwareEncoder(smallConfig(codec));
            const auto sets = encoder->parameterSets();
            REQUIRE(sets.size() > 8);
            CHECK(sets[0] == std::byte{0});
            CHECK(sets[1] == std::byte{0});
            CHECK(sets[2] == std::byte{0});
            CHECK(sets[3] == std::byte{1});
        }
    }

    TEST_CASE("the encoder keeps no frame that it was given") {
        struct CountedBuffer : FrameBuffer {
            bool held = true;
            void recycle() noexcept override { held = false; }
        };
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            EncoderConfig config = smallConfig(codec);
            const auto encoder = openSoftwareEncoder(config);
            FramePool pool(config.format, config.size);
            const Frame pooled = pool.make({});
            paint(pooled->picture, 0);
            for (int number = 0; number < 60; ++number) {
                CountedBuffer buffer;
                Frame::Description description = *pooled;
                description.time = at(number);
                REQUIRE(encoder->encode(Frame(buffer, description), {.bitrate = kMax}).ok());
                REQUIRE_FALSE(buffer.held);
            }
        }
    }

    TEST_CASE("impossible configurations are refused in a clear line") {
        const auto refusal = [](EncoderConfig config) -> std::string {
            try {
                (void)openSoftwareEncoder(config);
            } catch (const std::runtime_error& error) {
                return error.what();
            }
            return "accepted";
        };
        EncoderConfig config = smallConfig(Codec::Hevc);
        config.size = {8, 8};
        CHECK(refusal(config).find("libx265 for 8x8") != std::string::npos);
        CHECK(refusal(config).find("from 16") != std::string::npos);
        config = smallConfig();
        config.size = {8194, 64};
        CHECK(refusal(config).find("8192") != std::string::npos);
        config.size = {321, 192};
        CHECK(refusal(config).find("crop the odd edge") != std::string::npos);
        config = smallConfig();
        config.frameRate = {};
        CHECK(refusal(config).find("frame rate above 0") != std::string::npos);
        config = smallConfig();
        config.quality = 0;
        CHECK(refusal(config).find("outside 1..51") != std::string::npos);
        config = smallConfig();
        config.maxBitrate = {};
        CHECK(refusal(config).find("bit rate of 0") != std::string::npos);
        config = smallConfig();
        config.size = {16, 16};
        CHECK(refusal(config) == "accepted");
        CHECK(refusal(smallConfig(Codec::Fwht)).find("codes h264 and hevc, not fwht") != std::string::npos);
    }

    TEST_CASE("a frame that does not fit is a failure with a reason") {
        const EncoderConfig config = smallConfig();
        const auto encoder = openSoftwareEncoder(config);
        CHECK_FALSE(encoder->encode(Frame(), {}).ok());
        FramePool other(kYuv420, {640, 480});
        const Status size = encoder->encode(other.make({}), {});
        CHECK(size.message().find("640x480") != std::string::npos);
        FramePool pool(config.format, config.size);
        REQUIRE(encoder->encode(pool.make({}), {}).ok());
        const Status time = encoder->encode(pool.make({}), {});
        CHECK(time.message().find("not after") != std::string::npos);
    }
}

}  // namespace
}  // namespace smartcodec::test
