// FWHT, the kernel's virtual encoder's own codec: no parameter sets, no rate control, no requests for key frames.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "encoder/bitstream.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

/// struct fwht_cframe_hdr with `bytes` behind it.
std::vector<std::byte> fwht(bool keyFrame, std::size_t bytes) {
    std::vector<std::byte> data;
    const auto put = [&](unsigned value) {
        for (int shift = 24; shift >= 0; shift -= 8)
            data.push_back(static_cast<std::byte>(value >> shift));
    };
    for (const unsigned value : {0x4f4f4f4fu, 0xffffffffu, 3u, 640u, 360u, keyFrame ? 1u << 10 : 0x80u, 0u, 0u, 0u, 0u})
        put(value);
    put(static_cast<unsigned>(bytes));
    data.resize(data.size() + bytes, std::byte{0x65});
    return data;
}

EncoderConfig fwhtConfig() {
    EncoderConfig config = smallConfig(Codec::Fwht);
    config.size = {640, 360};
    config.quality = 20;
    return config;
}

struct Opened {
    EmulatedV4l2 system{v4l2Personality("vicodec"), EmulatedV4l2::Coding::Fake};
    EncoderConfig config = fwhtConfig();
    std::unique_ptr<Encoder> encoder;

    explicit Opened(Bitrate maxBitrate = {100'000'000}) {
        config.maxBitrate = maxBitrate;
        encoder = openV4l2Encoder(config, "/dev/video0", system, quickLimits());
    }
};

TEST_SUITE("unit") {
    TEST_CASE("a picture of FWHT is what has a whole header and all that it announces") {
        for (const bool keyFrame : {false, true}) {
            const std::vector<std::byte> data = fwht(keyFrame, 100);
            const AnnexBContents found = inspectBitstream(Codec::Fwht, data);
            CHECK(found.picture);
            CHECK(found.keyFrame == keyFrame);
            CHECK_FALSE(found.parameterSets);
            for (std::size_t size = 0; size < data.size(); ++size)
                CHECK_FALSE(inspectBitstream(Codec::Fwht, std::span(data).first(size)).picture);
        }
        std::vector<std::byte> other = fwht(true, 100);
        other[7] = std::byte{0};
        CHECK_FALSE(inspectBitstream(Codec::Fwht, other).picture);
    }

    TEST_CASE("an encoder of FWHT makes key frames where they are asked for and after sixteen frames") {
        Opened opened;
        CHECK(opened.encoder->parameterSets().empty());
        CHECK_FALSE(opened.encoder->capabilities().keyFrameOnRequest);
        const std::set<int> wanted{0, 5, 30};
        const V4l2Recording recording =
            record(*opened.encoder, opened.config, 40,
                   [&](int number, EncodeParameters& parameters) { parameters.keyFrame = wanted.contains(number); });
        CHECK_MESSAGE(recording.failure.empty(), recording.failure);
        REQUIRE(recording.packets.size() == 40);
        const std::set<int> expected{0, 5, 21, 30};
        for (int number = 0; number < 40; ++number) {
            CAPTURE(number);
            CHECK(recording.packets[static_cast<std::size_t>(number)].keyFrame == expected.contains(number));
        }
    }

    TEST_CASE("the QP of FWHT is the quality asked for and coarser where all of a frame may be") {
        Opened opened;
        CHECK(opened.encoder->capabilities().regions == RegionSupport::QpRange);
        QpMap coarse;
        coarse.columns = 40;
        coarse.rows = 23;
        coarse.delta.assign(40 * 23, 6);
        const V4l2Recording recording =
            record(*opened.encoder, opened.config, 20, [&](int number, EncodeParameters& parameters) {
                if (number >= 10)
                    parameters.qpMap = &coarse;
            });
        REQUIRE(recording.pictures.size() == 20);
        CHECK(recording.pictures.front().qp == 20);
        CHECK(recording.pictures.back().qp == 26);
    }

    TEST_CASE("without rate control the QP rises until the cap is kept") {
        Opened opened({300'000});
        const auto& notes = opened.encoder->capabilities().notes;
        CHECK(std::ranges::any_of(notes, [](const auto& note) { return note.find("no rate control") != note.npos; }));
        const V4l2Recording recording = record(*opened.encoder, opened.config, 200);
        REQUIRE(recording.pictures.size() == 200);
        CHECK(recording.pictures.front().qp == 20);
        CHECK(recording.pictures.back().qp > 24);
        // and it is not opened again for that
        CHECK(std::ranges::none_of(recording.packets, [](const Packet& packet) { return packet.newStream; }));
    }
}

}  // namespace
}  // namespace smartcodec::test
