#include "capture/picture.h"

#include <doctest/doctest.h>

#include "capture/clock.h"

using namespace smartcodec;

TEST_SUITE("unit") {
    TEST_CASE("formats have the names that libdrm prints") {
        CHECK(name(kNv12) == "NV12");
        CHECK(name(kYuv420) == "YU12");
        CHECK(name(PixelFormat{}) == "INVALID");
    }

    TEST_CASE("planes of both formats have the sizes that 4 2 0 gives them") {
        const Size size{642, 362};
        REQUIRE(planeCount(kYuv420) == 3);
        CHECK(planeSizeBytes(kYuv420, size, 0) == size);
        CHECK(planeSizeBytes(kYuv420, size, 1) == Size{321, 181});
        CHECK(planeSizeBytes(kYuv420, size, 2) == Size{321, 181});
        REQUIRE(planeCount(kNv12) == 2);
        CHECK(planeSizeBytes(kNv12, size, 0) == size);
        CHECK(planeSizeBytes(kNv12, size, 1) == Size{642, 181});
    }

    TEST_CASE("a format that the program does not look into has no planes") {
        CHECK(planeCount(PixelFormat{}) == 0);
    }

    TEST_CASE("the capture clock runs forward") {
        const CaptureTime first = CaptureClock::now();
        const CaptureTime second = CaptureClock::now();
        CHECK(first.time_since_epoch().count() > 0);
        CHECK(second >= first);
    }
}
