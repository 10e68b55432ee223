#include <doctest/doctest.h>
#include <linux/v4l2-controls.h>

#include <algorithm>
#include <string>
#include <vector>

#include "encoder/annex_b.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/playable_file.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

constexpr int kFrames = 125;
constexpr Bitrate kHigh{1'200'000};
constexpr Bitrate kLow{240'000};
constexpr int kStep = 60;  // the frame from which on the low cap holds

/// Every driver that codes what is recorded, with a real codec behind it.
std::vector<V4l2Personality> recorders() {
    std::vector<V4l2Personality> all;
    for (const V4l2Personality& personality : v4l2Personalities())
        if (personality.name != "vicodec")  // FWHT
            all.push_back(personality);
    return all;
}

TEST_SUITE("integration") {
    TEST_CASE("with each driver a recording decodes and key frames and bit rate are as decided or said not to be") {
        for (const V4l2Personality& personality : recorders()) {
            CAPTURE(personality.name);
            EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Real);
            EncoderConfig config = smallConfig();
            config.maxBitrate = kHigh;
            config.quality = 12;  // finer than the cap allows, so that rate control decides
            const auto encoder = openV4l2Encoder(config, {}, system);
            const V4l2Recording recording = record(*encoder, config, kFrames, [](int number, EncodeParameters& frame) {
                frame.keyFrame = number == 30 || number == kStep || number == 110;
                frame.bitrate = number < kStep ? kHigh : kLow;
            });
            CHECK_MESSAGE(recording.failure == "", recording.failure);
            checkStream(recording);
            REQUIRE(recording.packets.size() == kFrames);
            const auto pictures = decodeAll(config.codec, encoder->parameterSets(), recording.packets);
            CHECK(pictures.size() == kFrames);
            for (const DecodedPicture& picture : pictures)
                CHECK(picture.size == config.size);

            // A driver whose request does nothing is found out with the first one, a few frames late.
            int late = 0;
            for (const int wanted : {0, 30, kStep, 110}) {
                const auto found = std::ranges::find_if(recording.packets, [&](const Packet& packet) {
                    return packet.keyFrame && packet.presentation >= at(wanted);
                });
                REQUIRE(found != recording.packets.end());
                late += found->presentation > at(wanted) ? 1 : 0;
                CHECK(found->presentation <= at(wanted + 8));
            }
            CHECK(late <= 1);
            const double before = bitrateBetween(recording.packets, at(25), at(kStep - 5));
            const double after = bitrateBetween(recording.packets, at(kStep + 25), at(kFrames));
            CAPTURE(before);
            CAPTURE(after);
            CHECK(before > 2.0 * static_cast<double>(kLow.bitsPerSecond));
            const bool governed = encoder->capabilities().regions == RegionSupport::QpMap;
            if (encoder->capabilities().bitrateWhileRunning || !governed)
                CHECK(after < 1.25 * static_cast<double>(kLow.bitsPerSecond));
            CHECK_FALSE(encoder->capabilities().regionNote.empty());
        }
    }

    TEST_CASE("parameter sets that come each in a buffer of its own make a file that plays") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const bool repeated : {false, true}) {
                CAPTURE(name(codec));
                CAPTURE(repeated);
                V4l2Personality personality = v4l2Personality("plain");
                personality.splitsParameterSets = true;
                personality.repeatsParameterSets = repeated;
                std::erase_if(personality.controls, [](const V4l2PersonalityControl& each) {
                    return each.id == V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR;
                });
                EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Real);
                const EncoderConfig config = smallConfig(codec);
                const auto encoder = openV4l2Encoder(config, {}, system);
                const V4l2Recording recording = record(
                    *encoder, config, 20, [](int number, EncodeParameters& frame) { frame.keyFrame = number == 10; });
                CHECK_MESSAGE(recording.failure == "", recording.failure);
                REQUIRE(recording.packets.size() == 20);
                CHECK(inspectAnnexB(codec, encoder->parameterSets()).parameterSets);
                for (const std::size_t number : {std::size_t{0}, std::size_t{10}}) {
                    const Packet& packet = recording.packets[number];
                    CHECK(packet.keyFrame);
                    CHECK_FALSE(packet.newStream);
                    CHECK(inspectAnnexB(codec, packet.data).parameterSets);
                }
                const std::span<const std::byte> sets = encoder->parameterSets();
                CHECK(decodeAll(codec, sets, recording.packets).size() == 20);
                checkPlayable(config, {{sets.begin(), sets.end()}}, recording);
            }
    }

    TEST_CASE("a QP map makes blocks finer and coarser than the quality aimed at and only on its own frames") {
        EmulatedV4l2 system(v4l2Personality("iris"), EmulatedV4l2::Coding::Real);
        EncoderConfig config = smallConfig();
        config.quality = 28;
        config.maxBitrate = {20'000'000};  // never binds
        const auto encoder = openV4l2Encoder(config, {}, system);
        CHECK(encoder->capabilities().regions == RegionSupport::QpMap);
        QpMap map{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, 0)};
        for (std::size_t i = 0; i < map.delta.size(); ++i)
            map.delta[i] = i % 20 < 7 ? -4 : i % 20 < 14 ? 0 : 6;
        const V4l2Recording recording = record(*encoder, config, 30, [&](int number, EncodeParameters& frame) {
            frame.qpMap = number % 10 >= 5 ? &map : nullptr;
            frame.keyFrame = number % 10 == 5;  // whose blocks are all coded: one that is skipped shows another's QP
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        const auto pictures = decodeAll(config.codec, encoder->parameterSets(), recording.packets);
        REQUIRE(pictures.size() == 30);
        const auto meanQp = [](const DecodedPicture& picture, std::size_t from, std::size_t to) {
            double sum = 0;
            int count = 0;
            for (std::size_t i = 0; i < picture.blockQp.size(); ++i)
                if (i % 20 >= from && i % 20 < to) {
                    sum += picture.blockQp[i];
                    ++count;
                }
            return sum / count;
        };
        for (std::size_t i = 1; i < pictures.size(); ++i) {
            CAPTURE(i);
            const bool mapped = i % 10 == 5;
            if (i % 10 > 5)
                continue;
            CHECK(meanQp(pictures[i], 0, 6) == doctest::Approx(mapped ? 24 : 28).epsilon(0.05));
            CHECK(meanQp(pictures[i], 8, 13) == doctest::Approx(28).epsilon(0.05));
            CHECK(meanQp(pictures[i], 15, 20) == doctest::Approx(mapped ? 34 : 28).epsilon(0.05));
        }
    }
}

}  // namespace
}  // namespace smartcodec::test
