#include "app/values.h"

#include <doctest/doctest.h>

#include "encoder/encoder.h"

using namespace smartcodec;

TEST_SUITE("unit") {
    TEST_CASE("bit rates take decimal suffixes") {
        CHECK(parseBitrate({"--max-bitrate", "800k"}).bitsPerSecond == 800'000);
        CHECK(parseBitrate({"--max-bitrate", "2.5M"}).bitsPerSecond == 2'500'000);
        CHECK(parseBitrate({"--max-bitrate", "123456"}).bitsPerSecond == 123'456);
        CHECK(parseBitrate({"--max-bitrate", "16k"}) == kMinBitrate);
        CHECK(parseBitrate({"--max-bitrate", "1000M"}) == kMaxBitrate);
        for (const char* value : {"", "k", "6X", "0", "-1M", "6 M", "1e99M", "nan", "inf", "6Mb", "15.9k", "1001M"}) {
            CAPTURE(value);
            CHECK_THROWS_AS((void)parseBitrate({"--max-bitrate", value}), UsageError);
        }
    }

    TEST_CASE("frame rates are ratios of whole numbers") {
        CHECK(parseFrameRate({"--fps", "25"}) == FrameRate{25, 1});
        CHECK(parseFrameRate({"--fps", "12.5"}) == FrameRate{25, 2});
        CHECK(parseFrameRate({"--fps", "29.97"}) == FrameRate{30000, 1001});
        CHECK(parseFrameRate({"--fps", "23.976"}) == FrameRate{24000, 1001});
        CHECK(parseFrameRate({"--fps", "30000/1001"}) == FrameRate{30000, 1001});
        for (const char* value : {"", "0", "-25", "1/0", "0/1", "25/", "1000", "abc"}) {
            CAPTURE(value);
            CHECK_THROWS_AS((void)parseFrameRate({"--fps", value}), UsageError);
        }
    }

    TEST_CASE("numbers are read whole and within their range") {
        CHECK(parseWhole({"--quality", "1"}, {1, 51}) == 1);
        CHECK(parseWhole({"--quality", "51"}, {1, 51}) == 51);
        CHECK(parseSeconds({"--max-gop", "0.5"}, {0.1, 10, "seconds"}) == std::chrono::milliseconds(500));
        for (const char* value : {"0", "52", "2.5", "2x", " 2", "", "99999999999999999999"}) {
            CAPTURE(value);
            CHECK_THROWS_AS((void)parseWhole({"--quality", value}, {1, 51}), UsageError);
        }
    }
}
