#include "encoder/annex_b.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <span>
#include <vector>

#include "encoder/software_encoder.h"
#include "tests/encoder/encoder_fixture.h"

namespace smartcodec {
namespace {

using Data = std::vector<std::byte>;

Data bytes(std::initializer_list<int> values) {
    Data data;
    for (const int value : values)
        data.push_back(static_cast<std::byte>(value));
    return data;
}

Data operator+(Data left, const Data& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

// H.264 units with start codes of both lengths
const Data kDelimiter = bytes({0, 0, 0, 1, 0x09, 0xf0});
const Data kSei = bytes({0, 0, 1, 0x06, 0x05, 0x01, 0x00, 0x80});
const Data kSps = bytes({0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac});
const Data kPps = bytes({0, 0, 1, 0x68, 0xee, 0x3c, 0x80});
const Data kIdr = bytes({0, 0, 1, 0x65, 0x88, 0x84, 0x21});
const Data kPredicted = bytes({0, 0, 0, 1, 0x41, 0x9a, 0x02});

Data sets(Codec codec, const Data& data) {
    Data found = bytes({42});
    extractParameterSets(codec, data, found);
    return found;
}

TEST_SUITE("unit") {
    TEST_CASE("a key frame is an IDR slice wherever it stands among the units") {
        for (const Data& before :
             {Data(), kDelimiter, kDelimiter + kSei, kSps + kPps, kDelimiter + kSps + kPps + kSei}) {
            const AnnexBContents key = inspectAnnexB(Codec::H264, before + kIdr);
            CHECK(key.picture);
            CHECK(key.keyFrame);
            const AnnexBContents other = inspectAnnexB(Codec::H264, before + kPredicted);
            CHECK(other.picture);
            CHECK_FALSE(other.keyFrame);
        }
    }

    TEST_CASE("the first slice of a picture is told from those after it") {
        CHECK(inspectAnnexB(Codec::H264, kDelimiter + kIdr).firstSlice);
        CHECK(inspectAnnexB(Codec::H264, kPredicted).firstSlice);
        CHECK_FALSE(inspectAnnexB(Codec::H264, bytes({0, 0, 1, 0x65, 0x41, 0x84})).firstSlice);
        CHECK_FALSE(inspectAnnexB(Codec::H264, kSps + kPps).firstSlice);
        CHECK(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0x26, 0x01, 0xaf})).firstSlice);
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0x26, 0x01, 0x2f})).firstSlice);
    }

    TEST_CASE("an access unit delimiter ends before the next start code with all its zeros") {
        CHECK(delimiterBytes(Codec::H264, kDelimiter + kIdr) == 6);
        CHECK(delimiterBytes(Codec::H264, kDelimiter + kSps) == 6);  // of four bytes
        CHECK(delimiterBytes(Codec::H264, kDelimiter) == 6);
        CHECK(delimiterBytes(Codec::Hevc, bytes({0, 0, 1, 0x46, 0x01, 0x50, 0, 0, 1, 0x26, 0x01, 0xaf})) == 6);
        CHECK(delimiterBytes(Codec::H264, kSps + kDelimiter) == 0);
        CHECK(delimiterBytes(Codec::H264, {}) == 0);
        CHECK(delimiterBytes(Codec::Fwht, kDelimiter) == 0);
    }

    TEST_CASE("FWHT has no units to find") {
        const AnnexBContents found = inspectAnnexB(Codec::Fwht, kSps + kPps + kIdr);
        CHECK_FALSE(found.picture);
        CHECK_FALSE(found.keyFrame);
        CHECK_FALSE(found.parameterSets);
        CHECK(sets(Codec::Fwht, kSps + kPps + kIdr).empty());
    }

    TEST_CASE("parameter sets are there when none of them is missing") {
        CHECK(inspectAnnexB(Codec::H264, kSps + kPps).parameterSets);
        CHECK_FALSE(inspectAnnexB(Codec::H264, kSps + kPps).picture);
        CHECK(inspectAnnexB(Codec::H264, kSps + kPps + kIdr).parameterSets);
        CHECK_FALSE(inspectAnnexB(Codec::H264, kSps + kIdr).parameterSets);
        CHECK_FALSE(inspectAnnexB(Codec::H264, kPps + kIdr).parameterSets);
        CHECK(inspectAnnexB(Codec::H264, kPps + kIdr).anyParameterSet);
        CHECK_FALSE(inspectAnnexB(Codec::H264, kSei + kIdr).anyParameterSet);

        const Data vps = bytes({0, 0, 0, 1, 0x40, 0x01, 0x0c});
        const Data sps = bytes({0, 0, 1, 0x42, 0x01, 0x01});
        const Data pps = bytes({0, 0, 1, 0x44, 0x01, 0xc1});
        CHECK(inspectAnnexB(Codec::Hevc, vps + sps + pps).parameterSets);
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, sps + pps).parameterSets);
        CHECK(sets(Codec::Hevc, sps + pps) == bytes({0, 0, 0, 1, 0x42, 0x01, 0x01, 0, 0, 0, 1, 0x44, 0x01, 0xc1}));
    }

    TEST_CASE("parameter sets come out behind long start codes and without trailing zeros") {
        const Data expected = bytes({0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80});
        CHECK(sets(Codec::H264, kSps + kPps) == expected);
        const Data zeros = bytes({0, 0, 0, 0, 0});
        CHECK(sets(Codec::H264, zeros + kDelimiter + kSps + zeros + kPps + zeros + kSei + kIdr + zeros) == expected);
        CHECK(sets(Codec::H264, kSps + kPps + zeros) == expected);
        CHECK(sets(Codec::H264, kDelimiter + kSei + kIdr).empty());
        CHECK(sets(Codec::H264, {}).empty());
    }

    TEST_CASE("what stands before the first start code is passed over") {
        const Data junk = bytes({0x65, 0x00, 0x01, 0x67, 0x00, 0x00});
        CHECK_FALSE(inspectAnnexB(Codec::H264, junk).picture);
        CHECK(inspectAnnexB(Codec::H264, junk + kIdr).keyFrame);
        CHECK(sets(Codec::H264, junk + kSps) == bytes({0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac}));
    }

    TEST_CASE("units that no decoder takes are no pictures") {
        CHECK_FALSE(inspectAnnexB(Codec::H264, bytes({0, 0, 1})).picture);
        CHECK_FALSE(inspectAnnexB(Codec::H264, bytes({0, 0, 1, 0x65})).picture);        // a header alone
        CHECK_FALSE(inspectAnnexB(Codec::H264, bytes({0, 0, 1, 0xe5, 0x88})).picture);  // forbidden bit
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0x26})).picture);
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0xa6, 0x01, 0xaf})).picture);  // forbidden bit
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0x26, 0x00, 0xaf})).picture);  // temporal id -1
        CHECK_FALSE(inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, 0x26, 0x09, 0xaf})).picture);  // layer 1
    }

    TEST_CASE("every unit type is told apart as the standards say") {
        for (int type = 0; type < 32; ++type) {
            const AnnexBContents found = inspectAnnexB(Codec::H264, bytes({0, 0, 1, 0x60 | type, 0x88}));
            CHECK(found.picture == (type >= 1 && type <= 5));
            CHECK(found.keyFrame == (type == 5));
        }
        for (int type = 0; type < 64; ++type) {
            const AnnexBContents found = inspectAnnexB(Codec::Hevc, bytes({0, 0, 1, type << 1, 0x01, 0xaf}));
            CHECK(found.picture == (type <= 9 || (type >= 16 && type <= 21)));
            CHECK(found.keyFrame == (type >= 16 && type <= 21));
        }
    }

    TEST_CASE("any bytes are read within their bounds") {
        std::mt19937 random(7);
        for (int round = 0; round < 20000; ++round) {
            // Few values, so that start codes are frequent; a vector of its own size, so that a sanitizer sees its end.
            Data data(random() % 24);
            for (std::byte& value : data)
                value = std::array{std::byte{0},    std::byte{0},    std::byte{1},   std::byte{0x67},
                                   std::byte{0x65}, std::byte{0x42}, std::byte{0x26}}[random() % 7];
            for (const Codec codec : {Codec::H264, Codec::Hevc}) {
                const AnnexBContents found = inspectAnnexB(codec, data);
                const Data first = sets(codec, data);
                CHECK((found.picture || !found.keyFrame));
                CHECK(first.size() <= data.size() + data.size() / 3 + 4);
                // What was found is found again in itself.
                CHECK(sets(codec, first) == first);
                CHECK((inspectAnnexB(codec, first).parameterSets || !found.parameterSets));
            }
        }
    }
}

TEST_SUITE("integration") {
    TEST_CASE("packets and parameter sets of real encoders are read right") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            const EncoderConfig config = test::smallConfig(codec);
            const auto encoder = openSoftwareEncoder(config);
            const std::vector<Packet> packets = test::encodeRun(*encoder, config, 12, [](int number) {
                test::Input input = test::calm(number);
                input.parameters.keyFrame = number % 5 == 0;
                return input;
            });
            REQUIRE(packets.size() == 12);
            const std::span<const std::byte> known = encoder->parameterSets();
            const AnnexBContents header = inspectAnnexB(codec, known);
            CHECK(header.parameterSets);
            CHECK_FALSE(header.picture);
            const Data knownSets = sets(codec, Data(known.begin(), known.end()));
            CHECK(inspectAnnexB(codec, knownSets).parameterSets);
            int keyFrames = 0;
            for (const Packet& packet : packets) {
                const AnnexBContents found = inspectAnnexB(codec, packet.data);
                CHECK(found.picture);
                CHECK(found.keyFrame == packet.keyFrame);
                keyFrames += found.keyFrame ? 1 : 0;
                // As a driver that repeats them would give it.
                const Data joined = Data(known.begin(), known.end()) + Data(packet.data.begin(), packet.data.end());
                CHECK(inspectAnnexB(codec, joined).parameterSets);
                CHECK(inspectAnnexB(codec, joined).keyFrame == packet.keyFrame);
                CHECK(sets(codec, joined) == knownSets);
            }
            CHECK(keyFrames == 3);
        }
    }
}

}  // namespace
}  // namespace smartcodec
