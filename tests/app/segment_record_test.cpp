#include "app/segment_record.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace smartcodec;

namespace {

/// A line of the index that is whole but for one value.
std::string lineWith(const std::string& key, const std::string& value) {
    nlohmann::ordered_json line{
        {"file", "a.mp4"}, {"number", 1}, {"state", "finished"}, {"start", "2026-11-23T10:20:00.012345+01:00"}};
    line[key] = nlohmann::ordered_json::parse(value);
    return line.dump();
}

bool isRead(const std::string& key, const std::string& value) {
    return fromLine(lineWith(key, value)).has_value();
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("an index line with times that no clock says is none") {
        CHECK(isRead("end", "\"2099-12-31T23:59:60.999999-12:00\""));
        CHECK(isRead("sensor_end_ns", "2207520000000000000"));
        CHECK_FALSE(isRead("sensor_end_ns", "2207520000000000001"));
        CHECK_FALSE(isRead("boot_end_ns", "-9223372036854775808"));
        CHECK_FALSE(isRead("boot_end_ns", "9223372036854775808"));
        CHECK(isRead("start", "\"1970-01-01T00:00:00.000000+00:00\""));
        for (const char* time : {"2147483647-01-01T00:00:00.000000+00:00", "-2147483648-01-01T00:00:00.000000+00:00",
                                 "2101-01-01T00:00:00.000000+00:00", "2026-13-01T00:00:00.000000+00:00",
                                 "2026-01-01T2147483647:00:00.000000+00:00", "2026-01-01T00:00:00.-00001+00:00",
                                 "2026-01-01T00:00:00.000000+-1:00", "2026-01-01T00:00:00.000000+00:00 "}) {
            CAPTURE(time);
            CHECK_FALSE(isRead("start", nlohmann::json(time).dump()));
        }
    }

    TEST_CASE("an index line with numbers that count nothing is none") {
        CHECK(isRead("bytes", "18446744073709551615"));
        CHECK(isRead("motion_s", "0.25"));
        for (const char* value : {"-1", "1e300", "0.5", "\"1\""}) {
            CAPTURE(value);
            CHECK_FALSE(isRead("bytes", value));
            CHECK_FALSE(isRead("frames", value));
            CHECK_FALSE(isRead("number", value));
        }
        for (const char* value : {"-1", "1e300", "\"1\""}) {
            CAPTURE(value);
            CHECK_FALSE(isRead("motion_s", value));
        }
        CHECK_FALSE(isRead("sensor_start_ns", "1e300"));
    }
}
