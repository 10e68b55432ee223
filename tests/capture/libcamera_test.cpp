#include <doctest/doctest.h>
#include <libcamera/control_ids.h>
#include <libcamera/controls.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "capture/libcamera_controls.h"
#include "capture/libcamera_device.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

using libcamera::ControlInfo;
using libcamera::ControlValue;
namespace ids = libcamera::controls;

libcamera::ControlInfoMap someControls() {
    const std::array<ControlValue, 3> modes{ControlValue(0), ControlValue(1), ControlValue(4)};
    return {
        libcamera::ControlInfoMap::Map{
            {&ids::AeEnable, ControlInfo(false, true)},
            {&ids::Brightness, ControlInfo(-1.0F, 1.0F, 0.0F)},
            {&ids::ExposureTime, ControlInfo(100, 66000, 20000)},
            {&ids::AwbMode, ControlInfo(modes, ControlValue(0))},
            {&ids::AfWindows, ControlInfo(libcamera::Rectangle(), libcamera::Rectangle(0, 0, 640, 480))},
            {&ids::ColourGains, ControlInfo(0.0F, 32.0F)},
            {&ids::ScalerCrop, ControlInfo(libcamera::Rectangle(0, 0, 64, 48), libcamera::Rectangle(0, 0, 640, 480))},
        },
        ids::controls};
}

/// What is set, or what was wrong with it.
libcamera::ControlList apply(const std::vector<CameraSetting>& settings) {
    static const libcamera::ControlInfoMap controls = someControls();
    libcamera::ControlList list(controls);
    applySettings(settings, controls, list);
    return list;
}

std::string refusal(const std::string& name, const std::string& value) {
    try {
        (void)apply({{name, value}});
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("settings are set in the control's own type") {
        const libcamera::ControlList list = apply({{"AeEnable", "off"},
                                                   {"Brightness", "-0.5"},
                                                   {"ExposureTime", "8000"},
                                                   {"AwbMode", "4"},
                                                   {"ColourGains", "1.5,2"},
                                                   {"ScalerCrop", "10,20,300,200"}});
        CHECK(list.get(ids::AeEnable) == false);
        CHECK(list.get(ids::Brightness) == -0.5F);
        CHECK(list.get(ids::ExposureTime) == 8000);
        CHECK(list.get(ids::AwbMode) == 4);
        CHECK(list.get(ids::ScalerCrop) == libcamera::Rectangle(10, 20, 300, 200));
        const auto gains = list.get(ids::ColourGains);
        REQUIRE(gains);
        CHECK((*gains)[0] == 1.5F);
        CHECK((*gains)[1] == 2.0F);
    }

    TEST_CASE("limits themselves are allowed") {
        for (const std::string value : {"100", "66000"})
            CHECK(refusal("ExposureTime", value).empty());
        for (const std::string value : {"-1", "1"})
            CHECK(refusal("Brightness", value).empty());
    }

    TEST_CASE("a value beyond its limits is refused with them") {
        for (const std::string value : {"99", "66001", "99999999999"}) {
            CHECK(refusal("ExposureTime", value) ==
                  "--camera-control ExposureTime=" + value + ": give a value of type int32, 100 to 66000");
        }
        CHECK(refusal("Brightness", "1.01").find("-1.000000 to 1.000000") != std::string::npos);
        CHECK(refusal("ColourGains", "1,33").find("type float, 0.000000 to 32.000000") != std::string::npos);
        CHECK(refusal("AwbMode", "2").find("one of 0 1 4") != std::string::npos);
    }

    TEST_CASE("a value of another type is refused") {
        for (const std::string value : {"", "yes", "2", "true "})
            CHECK(refusal("AeEnable", value).find("type bool") != std::string::npos);
        for (const std::string value : {"", "8000.5", "8 ms", "8000,", ",8000"})
            CHECK(refusal("ExposureTime", value).find("type int32") != std::string::npos);
        for (const std::string value : {"nan", "inf", "-inf", "0,5x"})
            CHECK(refusal("Brightness", value).find("type float") != std::string::npos);
        for (const std::string value : {"1,2,3", "1,2,-3,4", "1,2,3,4,5"})
            CHECK(refusal("ScalerCrop", value).find("(x,y,width,height)") != std::string::npos);
    }

    TEST_CASE("as many numbers as the control has are taken") {
        for (const std::string value : {"1", "1,2,3"})
            CHECK(refusal("ColourGains", value).find("2 values") != std::string::npos);
        CHECK(refusal("ExposureTime", "100,200").find("type int32") != std::string::npos);
        CHECK(refusal("ScalerCrop", "0,0,8,8,0,0,8,8").find("(x,y,width,height)") != std::string::npos);
        CHECK(apply({{"AfWindows", "0,0,8,8,1,2,3,4"}}).get(libcamera::controls::AfWindows)->size() == 2);
        CHECK(apply({{"AfWindows", "1,2,3,4"}}).get(libcamera::controls::AfWindows)->size() == 1);
    }

    TEST_CASE("an unknown control is refused with those that there are") {
        CHECK(refusal("Contrast", "1") ==
              "--camera-control Contrast=1: the camera has no such control: it has AeEnable, AfWindows, AwbMode, "
              "Brightness, "
              "ColourGains, ExposureTime, ScalerCrop");
    }

    TEST_CASE("controls are described by name with their limits") {
        const std::vector<CameraControl> described = describeControls(someControls());
        REQUIRE(described.size() == 7);
        CHECK(described[0].name == "AeEnable");
        CHECK(described[0].type == "bool");
        CHECK(described[2].values == std::vector<std::string>{"0", "1", "4"});
        CHECK(described[5].name == "ExposureTime");
        CHECK(described[5].minimum == "100");
        CHECK(described[5].maximum == "66000");
        CHECK(described[5].standard == "20000");
    }

    TEST_CASE("capture times of either clock come out as boot times") {
        struct Row {
            std::chrono::nanoseconds stamp;
            std::chrono::nanoseconds monotonic;
            std::chrono::nanoseconds boot;
            std::chrono::nanoseconds expected;
        };
        const Row rows[] = {
            {99'970ms, 100s, 100s, 99'970ms},      // never suspended: one clock as good as the other
            {99'970ms, 100s, 3700s, 3'699'970ms},  // monotonic, an hour in suspend
            {3'699'970ms, 100s, 3700s, 3'699'970ms}, {99'970ms, 100s, 102s, 101'970ms},  // two seconds in suspend
            {101'970ms, 100s, 102s, 101'970ms},      {0ms, 100s, 3700s, 3700s},          // the camera does not say: now
        };
        for (const Row& row : rows) {
            CAPTURE(row.stamp.count());
            CHECK(captureTime(row.stamp, row.monotonic, CaptureTime(row.boot)).time_since_epoch() == row.expected);
        }
    }

    TEST_CASE("what libcamera says of a picture comes into it") {
        libcamera::ControlList metadata(ids::controls);
        libcamera::FrameMetadata main{};
        main.sequence = 42;
        main.timestamp = 99'000'000'000;
        CapturedPicture plain;
        readMetadata(main, metadata, 100s, CaptureTime(100s), plain);
        CHECK(plain.sequence == 42);
        CHECK(plain.time == CaptureTime(99s));
        CHECK(plain.duration == 0ns);
        CHECK_FALSE(plain.sensor.gain);
        CHECK_FALSE(plain.sensor.exposure);
        metadata.set(ids::SensorTimestamp, 98'500'000'000);
        metadata.set(ids::ExposureTime, 8000);
        metadata.set(ids::AnalogueGain, 2.5F);
        metadata.set(ids::FrameDuration, 33'333);
        CapturedPicture told;
        readMetadata(main, metadata, 100s, CaptureTime(100s), told);
        CHECK(told.time == CaptureTime(98'500ms));
        CHECK(told.sensor.exposure == 8ms);
        CHECK(told.sensor.gain == 2.5);
        CHECK(told.duration == 33'333us);
        metadata.set(ids::DigitalGain, 2.0F);
        readMetadata(main, metadata, 100s, CaptureTime(100s), told);
        CHECK(told.sensor.gain == 5.0);
    }
}
