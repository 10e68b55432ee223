#include "capture/limits.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace smartcodec;

TEST_SUITE("unit") {
    TEST_CASE("a size is recordable within the sides and the area of the highest level") {
        for (const Size size : {Size{16, 16}, Size{8192, 16}, Size{16, 8192}, Size{8192, 4352}, Size{5970, 5970}}) {
            CAPTURE(size.width);
            CHECK(recordable(size));
            CHECK_NOTHROW(checkSize("it", size));
        }
        for (const Size size : {Size{}, Size{14, 640}, Size{640, 14}, Size{8194, 16}, Size{16, 8194}, Size{8192, 4354},
                                Size{2'000'000'000, 2'000'000'000}, Size{-64, -64}}) {
            CAPTURE(size.width);
            CHECK_FALSE(recordable(size));
            CHECK_THROWS_AS(checkSize("it", size), std::runtime_error);
        }
    }

    TEST_CASE("a refused size is named with what is wrong and what is allowed") {
        const auto refusal = [](Size size) -> std::string {
            try {
                checkSize("the picture", size);
            } catch (const std::runtime_error& error) {
                return error.what();
            }
            return "accepted";
        };
        CHECK(refusal({640, 8}).starts_with("the picture is 640x8, too small"));
        CHECK(refusal({8192, 8192}).starts_with("the picture is 8192x8192, too large"));
        CHECK(refusal({8192, 8192}).find("sides from 16 to 8192 and at most 35651584 pixels") != std::string::npos);
    }
}
