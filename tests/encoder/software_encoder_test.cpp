#include "encoder/software_encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/encoder/encoder_fixture.h"

namespace smartcodec::test {
namespace {

using namespace std::chrono_literals;

constexpr Bitrate kMax{1'000'000};
constexpr Size kTiny{160, 96};  // for the long runs: a quarter of the picture at a quarter of the rate
constexpr Bitrate kTinyMax{250'000};

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

double meanQp(const std::vector<DecodedPicture>& pictures) {
    double sum = 0;
    for (const DecodedPicture& picture : pictures)
        sum += picture.meanQp;
    return sum / static_cast<double>(pictures.size());
}

double meanError(const DecodedPicture& picture, const Picture& truth, int column, int row) {
    double sum = 0;
    for (int y = row * 16; y < row * 16 + 16; ++y)
        for (int x = column * 16; x < column * 16 + 16; ++x) {
            const int wanted = static_cast<int>(
                truth.planes[0]
                    .data[static_cast<std::size_t>(y) * truth.planes[0].strideBytes + static_cast<std::size_t>(x)]);
            sum += std::abs(wanted - picture.luma[static_cast<std::size_t>(y * picture.size.width + x)]);
        }
    return sum / 256;
}

Input calm(int number) {
    Input in;
    in.time = at(number);
    in.parameters.bitrate = kMax;
    return in;
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

    TEST_CASE("quality does not depend on how far apart frames were captured") {
        const EncoderConfig config = smallConfig();
        double qp[2];
        for (const int sparse : {0, 1}) {
            const double rate = sparse ? 1 : 25;
            const auto encoder = openSoftwareEncoder(config);
            std::vector<CaptureTime> captured;
            const auto packets = encodeRun(*encoder, config, 100, [&](int number) {
                Input in = calm(number);
                in.time = at(number, rate);
                in.recipe.noise = 4;
                captured.push_back(in.time);
                return in;
            });
            checkTimes(packets, captured);
            qp[sparse] = meanQp(decodeAll(Codec::H264, encoder->parameterSets(), packets));
        }
        CHECK(qp[0] > 10);
        CHECK(std::abs(qp[0] - qp[1]) <= 1.0);
    }

    TEST_CASE("with B-frames and irregular gaps times stay exact and drain gives everything") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const int count : {1, 2, 3, 120}) {
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
                CHECK(reordered == (count > 2));
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

    TEST_CASE("a cap that is halved and doubled in mid-run is obeyed") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            EncoderConfig config = smallConfig(codec);
            config.maxBitrate = kTinyMax;
            config.size = kTiny;
            config.lookaheadFrames = 0;
            const auto encoder = openSoftwareEncoder(config);
            CHECK(encoder->capabilities().bitrateWhileRunning == (codec == Codec::H264));
            // x264 follows within a second; libx265 through the offset on the QP map, which takes its time to settle.
            const int low = codec == Codec::H264 ? 150 : 300;
            const auto packets = encodeRun(*encoder, config, 250 + low + 125, [&](int number) {
                Input in = calm(number);
                in.recipe.noise = 12;
                in.parameters.bitrate = number >= 250 && number < 250 + low ? Bitrate{125'000} : kTinyMax;
                return in;
            });
            CHECK(bitrateBetween(packets, at(100), at(250)) == doctest::Approx(2.5e5).epsilon(0.1));
            CHECK(bitrateBetween(packets, at(250 + low - 75), at(250 + low)) == doctest::Approx(1.25e5).epsilon(0.2));
            CHECK(bitrateBetween(packets, at(250 + low + 50), at(250 + low + 125)) ==
                  doctest::Approx(2.5e5).epsilon(0.15));
        }
    }

    TEST_CASE("a movement after a quiet time stays within the promise over any ten seconds") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const std::optional<int> lookahead : {std::optional<int>(), std::optional<int>(0)}) {
                CAPTURE(name(codec));
                CAPTURE(lookahead.has_value());
                EncoderConfig config = smallConfig(codec);
                config.maxBitrate = kTinyMax;
                config.size = kTiny;
                config.lookaheadFrames = lookahead;
                const auto encoder = openSoftwareEncoder(config);
                const auto packets = encodeRun(*encoder, config, 425, [&](int number) {
                    Input in = calm(number);
                    in.parameters.bitrate = kTinyMax;
                    in.recipe.noise = number < 125 ? 0.5 : 25;
                    return in;
                });
                CHECK(peakBitrate(packets, 10s) < 2.75e5);
                CHECK(bitrateBetween(packets, at(125), at(150)) > 2.5e5);  // the first second is not starved
            }
    }

    TEST_CASE("frames that come in a burst share the cap of the time they take") {
        EncoderConfig config = smallConfig();
        config.maxBitrate = kMax;
        const auto encoder = openSoftwareEncoder(config);
        const auto packets = encodeRun(*encoder, config, 600, [&](int number) {
            Input in = calm(number);
            in.time = at(number, 75);
            in.recipe.noise = 12;
            return in;
        });
        CHECK(bitrateBetween(packets, at(225, 75), at(600, 75)) == doctest::Approx(1e6).epsilon(0.15));
    }

    TEST_CASE("a key frame under a low cap keeps its quality") {
        EncoderConfig config = smallConfig();
        config.maxBitrate = kMax;
        const auto encoder = openSoftwareEncoder(config);
        const auto packets = encodeRun(*encoder, config, 210, [&](int number) {
            Input in = calm(number);
            in.recipe.noise = 1;
            in.parameters.bitrate = number < 25 ? kMax : Bitrate{114'000};
            in.parameters.keyFrame = number == 200;
            return in;
        });
        const auto pictures = decodeAll(Codec::H264, encoder->parameterSets(), packets);
        REQUIRE(pictures.size() == 210);
        CHECK(pictures[200].intra);
        CHECK(pictures[200].meanQp <= pictures[0].meanQp + 2);
    }

    TEST_CASE("the fixed bit rate is held") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            EncoderConfig config = smallConfig(codec);
            config.size = kTiny;
            config.constantBitrate = Bitrate{150'000};
            const auto encoder = openSoftwareEncoder(config);
            const auto packets = encodeRun(*encoder, config, 400, [&](int number) {
                Input in = calm(number);
                in.recipe.noise = number < 200 ? 6 : 20;
                in.parameters.keyFrame = number % 25 == 0;
                return in;
            });
            CHECK(bitrateBetween(packets, at(0), at(400)) == doctest::Approx(1.5e5).epsilon(0.1));
            CHECK(bitrateBetween(packets, at(100), at(200)) == doctest::Approx(1.5e5).epsilon(0.1));
        }
    }

    TEST_CASE("a QP map acts on each macroblock and on its own frame alone") {
        EncoderConfig config = smallConfig();
        config.maxBitrate = Bitrate{50'000'000};
        config.quality = 28;
        const auto encoder = openSoftwareEncoder(config);
        QpMap map{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, 10)};
        for (const std::size_t block : {0u, 25u, 47u, 113u, 114u, 200u, 239u})
            map.delta[block] = -10;
        constexpr int kMapped = 12;
        const auto packets = encodeRun(*encoder, config, 30, [&](int number) {
            Input in = calm(number);
            in.parameters.bitrate = config.maxBitrate;
            in.recipe.noise = 25;
            in.parameters.qpMap = number == kMapped ? &map : nullptr;
            return in;
        });
        const auto pictures = decodeAll(Codec::H264, encoder->parameterSets(), packets);
        REQUIRE(pictures.size() == 30);
        const auto spread = [](const DecodedPicture& picture) {
            const auto [low, high] = std::ranges::minmax(picture.blockQp);
            return high - low;
        };
        const auto& mapped = pictures[kMapped].blockQp;
        REQUIRE(mapped.size() == map.delta.size());
        int highestFine = 0;
        int lowestCoarse = 51;
        for (std::size_t block = 0; block < mapped.size(); ++block)
            if (map.delta[block] < 0)
                highestFine = std::max(highestFine, mapped[block]);
            else
                lowestCoarse = std::min(lowestCoarse, mapped[block]);
        CHECK(lowestCoarse - highestFine >= 14);
        CHECK(spread(pictures[kMapped]) >= 18);
        CHECK(spread(pictures[kMapped + 1]) <= 6);
        CHECK(spread(pictures[kMapped - 1]) <= 6);
    }

    TEST_CASE("HEVC takes a QP map that starts in mid-run and forgets it afterwards") {
        EncoderConfig config = smallConfig(Codec::Hevc);
        config.maxBitrate = Bitrate{50'000'000};
        config.quality = 28;
        config.lookaheadFrames = 0;
        const auto encoder = openSoftwareEncoder(config);
        QpMap map{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, 10)};
        for (int row = 4; row < 8; ++row)
            for (int column = 4; column < 8; ++column)
                map.delta[static_cast<std::size_t>(row * 20 + column)] = -10;
        constexpr int kMapped = 6;
        const auto packets = encodeRun(*encoder, config, 20, [&](int number) {
            Input in = calm(number);
            in.parameters.bitrate = config.maxBitrate;
            in.recipe.noise = 25;
            in.parameters.qpMap = number == kMapped ? &map : nullptr;
            return in;
        });
        const auto pictures = decodeAll(Codec::Hevc, encoder->parameterSets(), packets);
        REQUIRE(pictures.size() == 20);
        FramePool pool(config.format, config.size);
        for (const int number : {kMapped - 1, kMapped, kMapped + 4}) {
            Frame truth = pool.make({});
            paint(truth->picture, number, {.noise = 25});
            const auto& picture = pictures[static_cast<std::size_t>(number)];
            const double fine = meanError(picture, truth->picture, 5, 5);
            const double coarse = meanError(picture, truth->picture, 15, 5);
            CAPTURE(number);
            CHECK((coarse > 2 * fine) == (number == kMapped));
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
        CHECK(refusal(config).find("16x16") != std::string::npos);
        config = smallConfig();
        config.size = {16400, 64};
        CHECK(refusal(config).find("16384x16384") != std::string::npos);
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
        config.size = {2, 2};
        CHECK(refusal(config) == "accepted");
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
