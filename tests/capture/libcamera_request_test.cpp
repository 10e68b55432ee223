#include "capture/libcamera_request.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace smartcodec;

namespace {

using libcamera::ControlInfo;

constexpr CameraOrientation kAsIs{};
constexpr CameraOrientation kHalfTurn{.halfTurn = true};
constexpr CameraOrientation kMirror{.mirror = true};
constexpr CameraOrientation kFlip{.flip = true};
constexpr CameraOrientation kBoth{.mirror = true, .flip = true};

ControlInfo durations(std::int64_t shortest, std::int64_t longest) {
    return ControlInfo(shortest, longest);
}

std::string refusal(const CameraOrientation& wanted, LibcameraOrientation settled) {
    try {
        (void)settleOrientation(wanted, settled);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a camera that turns its pictures as asked leaves nothing to the player") {
        for (const CameraOrientation& wanted : {kAsIs, kHalfTurn, kMirror, kFlip, kBoth}) {
            const SettledOrientation settled = settleOrientation(wanted, libcameraOrientation(wanted));
            CHECK(settled.rotation == 0);
            CHECK(settled.note.empty());
        }
    }

    TEST_CASE("half a turn and both mirrorings are one to libcamera") {
        CHECK(libcameraOrientation(kHalfTurn) == libcameraOrientation(kBoth));
        CHECK(libcameraOrientation({.halfTurn = true, .mirror = true}) == libcameraOrientation(kFlip));
        CHECK(libcameraOrientation({.halfTurn = true, .mirror = true, .flip = true}) == libcameraOrientation(kAsIs));
        CHECK(libcameraOrientation(kMirror) != libcameraOrientation(kFlip));
    }

    TEST_CASE("half a turn that the camera cannot do is left to the player") {
        for (const CameraOrientation& wanted : {kHalfTurn, kBoth}) {
            const SettledOrientation settled = settleOrientation(wanted, libcameraOrientation(kAsIs));
            CHECK(settled.rotation == 180);
            CHECK(settled.note == "cannot turn its pictures: the file tells players to");
        }
    }

    TEST_CASE("a camera mounted upside down that cannot turn has its file say so") {
        CHECK(settleOrientation(kAsIs, libcameraOrientation(kHalfTurn)).rotation == 180);
        CHECK(refusal(kMirror, libcameraOrientation(kHalfTurn)).find("leave out") != std::string::npos);
    }

    TEST_CASE("a mirroring that the camera cannot do is refused") {
        for (const CameraOrientation& wanted : {kMirror, kFlip})
            CHECK(refusal(wanted, libcameraOrientation(kAsIs)) ==
                  "cannot turn its pictures so: leave out --rotate, --hflip and --vflip");
    }

    TEST_CASE("pictures that come mirrored unasked are recorded as they come") {
        const SettledOrientation settled = settleOrientation(kAsIs, libcameraOrientation(kMirror));
        CHECK(settled.rotation == 0);
        CHECK(settled.note.find("recorded as they come") != std::string::npos);
    }

#ifndef SMARTCODEC_LIBCAMERA_TRANSFORM
    TEST_CASE("a quarter of a turn is left to the player by what Exif says of it") {
        using libcamera::Orientation;
        CHECK(settleOrientation(kAsIs, static_cast<Orientation>(6)).rotation == 90);
        CHECK(settleOrientation(kAsIs, static_cast<Orientation>(8)).rotation == 270);
        CHECK(settleOrientation(kHalfTurn, static_cast<Orientation>(6)).rotation == 270);
        CHECK(settleOrientation(kAsIs, static_cast<Orientation>(5)).rotation == 0);
    }
#endif

    TEST_CASE("a frame rate within the camera's limits is told it as both limits") {
        const SettledFrameRate settled = settleFrameRate(FrameRate{25, 1}, durations(8333, 200000));
        REQUIRE(settled.limits);
        CHECK((*settled.limits)[0] == 40000);
        CHECK((*settled.limits)[1] == 40000);
        CHECK(settled.rate == FrameRate{25, 1});
        CHECK(settled.note.empty());
        CHECK(settleFrameRate(FrameRate{30000, 1001}, durations(8333, 200000)).rate == FrameRate{30000, 1001});
    }

    TEST_CASE("a frame rate beyond the camera's limits becomes the nearest and is said") {
        const SettledFrameRate fast = settleFrameRate(FrameRate{120, 1}, durations(20000, 200000));
        CHECK((*fast.limits)[0] == 20000);
        CHECK(fast.rate.value() == doctest::Approx(50));
        CHECK(fast.note.find("beyond its limits") != std::string::npos);
        const SettledFrameRate slow = settleFrameRate(FrameRate{1, 1}, durations(20000, 200000));
        CHECK((*slow.limits)[1] == 200000);
        CHECK(slow.rate.value() == doctest::Approx(5));
        CHECK(slow.note.empty());  // some are left out then
        const SettledFrameRate near = settleFrameRate(FrameRate{30, 1}, durations(33336, 200000));
        CHECK(near.rate == FrameRate{30, 1});
        CHECK(near.note.empty());
    }

    TEST_CASE("without a frame rate asked for the camera is left to itself") {
        const SettledFrameRate usual = settleFrameRate({}, durations(8333, 200000));
        CHECK_FALSE(usual.limits);
        CHECK(usual.rate == FrameRate{30, 1});
        CHECK(usual.note.empty());
        CHECK(settleFrameRate({}, durations(66666, 200000)).rate.value() == doctest::Approx(15).epsilon(0.001));
        const std::int64_t shortest = 8333;
        const std::int64_t longest = 200000;
        const std::int64_t standard = 16667;
        const SettledFrameRate own = settleFrameRate({}, ControlInfo(shortest, longest, standard));
        CHECK_FALSE(own.limits);
        CHECK(own.rate.value() == doctest::Approx(60).epsilon(0.001));
    }

    TEST_CASE("limits that the camera leaves out are none") {
        const SettledFrameRate settled = settleFrameRate(FrameRate{10, 1}, ControlInfo());
        CHECK((*settled.limits)[0] == 100000);
        CHECK(settled.rate == FrameRate{10, 1});
        CHECK(settleFrameRate({}, ControlInfo()).rate == FrameRate{30, 1});
    }

    TEST_CASE("limits that tell nothing leave the rate unknown") {
        CHECK_FALSE(slowestRate(0).known());
        CHECK_FALSE(slowestRate(-1).known());
        CHECK_FALSE(slowestRate(250'000'000'000).known());
        CHECK(slowestRate(50000).value() == doctest::Approx(20));
    }
}
