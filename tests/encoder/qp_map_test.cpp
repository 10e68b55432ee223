#include <doctest/doctest.h>

#include <algorithm>

#include "encoder/software_encoder.h"
#include "tests/encoder/encoder_fixture.h"

namespace smartcodec::test {
namespace {

TEST_SUITE("integration") {
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
}

}  // namespace
}  // namespace smartcodec::test
