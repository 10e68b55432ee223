// `smartcodec devices` on the kernel's devices.

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "app/devices.h"
#include "encoder/v4l2_system.h"
#include "tests/app/program.h"
#include "tests/device/kernel_devices.h"

namespace smartcodec::test {
namespace {

using Json = nlohmann::json;

constexpr int kLongestGop = 16;
constexpr int kHighestQp = 31;

/// Without a look at cameras: in whatever process libcamera starts, it takes the virtual camera's links apart, also
/// those that another test records through.
Json listed(DeviceListing listing) {
    listing.json = true;
    return Json::parse(listDevices(listing, v4l2System(), nullptr));
}

Json entry(const Json& list, const std::string& key, const Json& value) {
    const auto found =
        std::ranges::find_if(list, [&](const Json& each) { return each.contains(key) && each[key] == value; });
    REQUIRE_MESSAGE(found != list.end(), "nothing with " << key << " " << value.dump() << " in " << list.dump(2));
    return *found;
}

void checkControl(const Json& controls, const std::string& name, int lowest, int highest) {
    CAPTURE(name);
    const Json control = entry(controls, "name", name);
    CHECK(control["minimum"] == lowest);
    CHECK(control["maximum"] == highest);
}

TEST_SUITE("camera") {
    TEST_CASE("devices as text names every node once") {
        const Vicodec vicodec({});
        const ProgramResult result = runProgram({"devices"});
        CHECK(result.exitStatus == 0);
        CHECK(result.errors.empty());
        for (const std::string& path :
             {vicodec.node(), videoNode("stateful-decoder"), videoNode("vivid-000-vid-cap")}) {
            const std::size_t at = result.output.find("  " + path + " ");
            CHECK_MESSAGE(at != std::string::npos, path << " is missing in\n" << result.output);
            CHECK(result.output.find(path, at + 3) == std::string::npos);
        }
    }
}

TEST_SUITE("encoder") {
    TEST_CASE("devices lists vicodec with its true formats and controls") {
        for (const bool multiplanar : {false, true}) {
            CAPTURE(multiplanar);
            const Vicodec vicodec(multiplanar);
            const Json report = listed({});
            const Json encoder = entry(report["encoders"], "path", vicodec.node());
            CHECK(encoder["driver"] == "vicodec");
            CHECK(encoder["multiplanar"] == multiplanar);
            const Json format = entry(encoder["formats"], "fourcc", "FWHT");
            CHECK(format["takes"].size() == 28);
            CHECK(format["smallest"] == Json{{"width_px", 640}, {"height_px", 360}});
            CHECK(format["largest"] == Json{{"width_px", 4096}, {"height_px", 2160}});
            const Json codec = entry(encoder["codecs"], "codec", "fwht");
            CHECK(codec["expected"]["bitrate"]["effect"] == "absent");
            CHECK(codec["expected"]["key_frame"]["effect"] == "absent");
            CHECK(codec["expected"]["frame_rate"]["effect"] == "absent");
            CHECK(codec["expected"]["qp_range"]["effect"] == "live");
            checkControl(codec["controls"], "Video GOP Size", 1, kLongestGop);
            checkControl(codec["controls"], "FWHT I-Frame QP Value", 1, kHighestQp);
            checkControl(codec["controls"], "FWHT P-Frame QP Value", 1, kHighestQp);
        }
    }

    TEST_CASE("the probe measures on vicodec what its driver is known to do") {
        const Vicodec vicodec(true);
        const Json report = listed({.probe = true});
        const Json codec = entry(entry(report["encoders"], "path", vicodec.node())["codecs"], "codec", "fwht");
        const Json& measured = codec["measured"];
        CAPTURE(measured.dump(2));
        CHECK(measured["failure"].is_null());
        CHECK(measured["pictures_missing"] == 0);
        CHECK(measured["qp_range"]["effect"] == "live");
        CHECK(measured["bitrate"]["effect"] == "absent");
        CHECK(measured["key_frame"]["effect"] == "absent");
        // pictures that move as a whole leave it nothing to predict
        CHECK(measured["own_key_frame_gap_pictures"] <= kLongestGop);
        CHECK(measured["surprises"].empty());
    }
}

}  // namespace
}  // namespace smartcodec::test
