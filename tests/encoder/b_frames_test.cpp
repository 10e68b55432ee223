#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "encoder/software_encoder.h"
#include "tests/encoder/encoder_fixture.h"

namespace smartcodec::test {
namespace {

constexpr int kFrames = 80;
constexpr Bitrate kNoLimit{50'000'000};  // so that nothing but the pictures decides

/// Nothing moves, and there is next to no noise.
Input still(int number) {
    Input in = calm(number);
    in.recipe.noise = 0.5;
    return in;
}

/// Every picture is another one than the picture before and the next.
Input unrelated(int number) {
    Input in = calm(number);
    in.recipe.noise = 60;
    in.recipe.seed = static_cast<std::uint32_t>(number);
    return in;
}

/// Share of the pictures that are B pictures.
double bShare(const EncoderConfig& config, const std::function<Input(int)>& input) {
    const auto encoder = openSoftwareEncoder(config);
    const auto packets = encodeRun(*encoder, config, kFrames, input);
    const auto pictures = decodeAll(config.codec, encoder->parameterSets(), packets);
    REQUIRE(pictures.size() == kFrames);
    const auto count =
        std::ranges::count_if(pictures, [](const DecodedPicture& picture) { return picture.bidirectional; });
    return static_cast<double>(count) / kFrames;
}

TEST_SUITE("integration") {
    // libx265's preset has a fixed pattern of them: x265_options.cpp says why it stays.
    TEST_CASE("libx264 gives B-frames where pictures resemble each other and not where they do not") {
        for (const bool fixedRate : {false, true}) {
            CAPTURE(fixedRate);
            EncoderConfig config = smallConfig();
            config.maxBitrate = kNoLimit;
            if (fixedRate)
                config.constantBitrate = kNoLimit;
            CHECK(bShare(config, still) > 0.6);
            CHECK(bShare(config, unrelated) < 0.05);
        }
    }

    TEST_CASE("libx265 gives B-frames where pictures resemble each other") {
        CHECK(bShare(smallConfig(Codec::Hevc), still) > 0.6);
    }

    TEST_CASE("without look-ahead there are no B-frames even where they would help") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            CAPTURE(name(codec));
            EncoderConfig config = smallConfig(codec);
            config.lookaheadFrames = 0;
            CHECK(bShare(config, still) == 0);
        }
    }
}

}  // namespace
}  // namespace smartcodec::test
