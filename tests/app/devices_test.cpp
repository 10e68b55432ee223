#include "app/devices.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/device_report.h"
#include "tests/support/emulated_camera.h"
#include "tests/support/emulated_v4l2.h"

namespace smartcodec {
namespace {

using Json = nlohmann::json;
using Effect = ProbedControl::Effect;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// The first line with `part`; empty: there is none.
std::string lineWith(const std::string& text, const std::string& part) {
    const auto at = text.find(part);
    if (at == std::string::npos)
        return "";
    const auto begin = text.rfind('\n', at) + 1;
    return text.substr(begin, text.find('\n', at) - begin);
}

EmulatedV4l2 emulated(const std::string& name) {
    return EmulatedV4l2(v4l2Personality(name), EmulatedV4l2::Coding::Fake);
}

Json listed(V4l2System& system, bool probe = false) {
    return Json::parse(listDevices({.probe = probe, .json = true}, system, nullptr));
}

/// A machine with nodes that are no encoders, and none that is one.
class OtherNodes final : public V4l2System {
  public:
    std::vector<std::string> nodes() override { return {"/dev/video0", "/dev/video1", "/dev/video2"}; }
    int open(const char* path) override { return path[10] - '0' + 100; }
    int close(int) override { return 0; }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        errno = EINVAL;
        if (request != VIDIOC_QUERYCAP)
            return -1;
        auto& capability = *static_cast<v4l2_capability*>(argument);
        capability = {};
        capability.capabilities = V4L2_CAP_DEVICE_CAPS;
        const auto name = [&](const char* driver, const char* card, std::uint32_t caps) {
            std::snprintf(reinterpret_cast<char*>(capability.driver), sizeof(capability.driver), "%s", driver);
            std::snprintf(reinterpret_cast<char*>(capability.card), sizeof(capability.card), "%s", card);
            capability.device_caps = caps | V4L2_CAP_STREAMING;
            return 0;
        };
        if (descriptor == 100)
            return name("uvcvideo", "Webcam", V4L2_CAP_VIDEO_CAPTURE);
        if (descriptor == 101)
            return name("bcm2835-codec", "bcm2835-codec-decode", V4L2_CAP_VIDEO_M2M_MPLANE);
        errno = EIO;
        return -1;
    }
    void* map(int, std::size_t, std::int64_t) override { return nullptr; }
    int unmap(void*, std::size_t) override { return 0; }
    std::int64_t length(int) override { return 0; }
    int poll(std::span<pollfd>, int) override { return 0; }
};

/// As `smartcodec devices --probe` has it, but without the software encoders and in less time.
struct ProbedNode {
    V4l2Survey survey;
    V4l2Probe probe;
};
ProbedNode probed(const std::string& name) {
    EmulatedV4l2 system(v4l2Personality(name));
    const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
    REQUIRE(nodes.size() == 1);
    return {surveyEncoder(system, nodes[0], Codec::H264),
            probeEncoder(system, nodes[0], Codec::H264, {.size = {320, 192}, .limits = {}})};
}

TEST_SUITE("unit") {
    TEST_CASE("a machine without video devices has the software encoders") {
        EmulatedV4l2 none{std::span<const V4l2Personality>{}};
        const std::string text = listDevices({}, none, nullptr);
        CHECK(text.starts_with("smartcodec "));
        CHECK(has(lineWith(text, "smartcodec "), " on Linux "));
        CHECK(has(text, "software  h264 (libx264)"));
        CHECK(has(text, "software  hevc (libx265)"));
        CHECK_FALSE(has(text, "skipped"));
        const Json json = listed(none);
        REQUIRE(json["encoders"].size() == 2);
        CHECK(json["encoders"][0]["kind"] == "software");
        CHECK(json["encoders"][0]["name"] == "libx264");
        CHECK(json["encoders"][1]["bitrate"] == "static");
        CHECK(json["cameras"].empty());
    }

    TEST_CASE("an encoder is listed with its driver and formats and what each control does") {
        EmulatedV4l2 system = emulated("bcm2835-codec");
        const std::string text = listDevices({}, system, nullptr);
        CHECK(has(text, "/dev/video0  bcm2835-codec-encode"));
        CHECK(has(lineWith(text, "    driver"), "bcm2835-codec 6."));
        CHECK(has(lineWith(text, "    H264"), "32x32 to 1920x1920, takes YU12"));
        CHECK(has(lineWith(text, "      bit rate"), "live    known of this driver"));
        CHECK(has(lineWith(text, "      regions"), "absent"));
        CHECK(has(lineWith(text, "dropped frames"), "closed firmware"));
        CHECK(has(lineWith(text, "0x009909cf"), "25000..25000000 step 25000, default 10000000, now 10000000"));
        CHECK_FALSE(has(text, "measured"));
        CHECK(system.openDescriptors() == 0);

        const Json encoder = listed(system)["encoders"][0];
        CHECK(encoder["kind"] == "v4l2");
        CHECK(encoder["path"] == "/dev/video0");
        CHECK(encoder["driver"] == "bcm2835-codec");
        CHECK(encoder["formats"][0]["largest"]["width_px"] == 1920);
        const Json& codec = encoder["codecs"][0];
        CHECK(codec["codec"] == "h264");
        CHECK(codec["expected"]["qp_range"]["effect"] == "live");
        CHECK(codec["measured"].is_null());
        CHECK(codec["controls"].size() > 5);
    }

    TEST_CASE("what is expected of a control is what is known of the driver before what it says") {
        struct Expectation {
            const char* name;
            const char* bitrate;
            const char* keyFrame;
            const char* qpRange;
            const char* regions;
        };
        constexpr Expectation kExpectations[]{
            {"venus", "live", "live", "static", "absent"},       {"iris", "live", "absent", "static", "live"},
            {"s5p-mfc", "static", "absent", "static", "absent"}, {"wave5", "static", "absent", "static", "absent"},
            {"amphion", "live", "live", "absent", "absent"},     {"vsi", "live", "live", "live", "live"},
        };
        for (const Expectation& expectation : kExpectations) {
            CAPTURE(expectation.name);
            EmulatedV4l2 system = emulated(expectation.name);
            const Json expected = listed(system)["encoders"][0]["codecs"][0]["expected"];
            CHECK(expected["bitrate"]["effect"] == expectation.bitrate);
            CHECK(expected["key_frame"]["effect"] == expectation.keyFrame);
            CHECK(expected["qp_range"]["effect"] == expectation.qpRange);
            CHECK(expected["regions"]["effect"] == expectation.regions);
        }
        EmulatedV4l2 inert = emulated("s5p-mfc");
        CHECK(has(lineWith(listDevices({}, inert, nullptr), "      key frame"),
                  "there is a control, which does nothing"));
        EmulatedV4l2 vsi = emulated("vsi");
        CHECK(has(lineWith(listDevices({}, vsi, nullptr), "      regions"), "by the driver's word: 8 rectangles"));
    }

    TEST_CASE("each control that matters is listed as absent or static or live with the reason") {
        struct Expectation {
            const char* device;
            const char* control;
            const char* effect;
            const char* source;
        };
        constexpr Expectation kExpectations[]{
            {"venus", "bit rate", "live", "known of this driver"},
            {"venus", "peak bit rate", "absent", "driver"},
            {"venus", "bit rate mode", "static", "set before the start"},
            {"venus", "key frame request", "live", "known of this driver"},
            {"venus", "GOP length", "static", "set before the start"},
            {"venus", "lowest QP", "static", "known of this driver"},
            {"venus", "I frame QP", "static", "set before the start"},
            {"venus", "frame rate", "static", "known of this driver"},
            {"venus", "header mode", "static", "set before the start"},
            {"venus", "frame skipping", "absent", "driver"},
            {"venus", "QP map", "absent", "driver"},
            {"iris", "QP map", "live", "driver"},
            {"iris", "rectangles", "absent", "driver"},
            {"iris", "headers with keys", "static", "set before the start"},
            {"vsi", "rectangles", "live", "driver"},
            {"vsi", "QP map", "absent", "driver"},
            {"mtk-vcodec", "lowest QP", "absent", "driver"},
            {"mtk-vcodec", "highest QP", "static", "known of this driver"},
            {"s5p-mfc", "key frame request", "absent", "known of this driver"},
            {"bcm2835-codec", "repeated headers", "static", "set before the start"},
        };
        for (const Expectation& expectation : kExpectations) {
            CAPTURE(expectation.device);
            CAPTURE(expectation.control);
            EmulatedV4l2 system = emulated(expectation.device);
            const Json steering = listed(system)["encoders"][0]["codecs"][0]["steering"];
            const auto found = std::ranges::find_if(
                steering, [&](const Json& control) { return control["name"] == expectation.control; });
            REQUIRE(found != steering.end());
            CHECK((*found)["effect"] == expectation.effect);
            CHECK((*found)["source"] == expectation.source);
            CHECK((*found)["measured"].is_null());
        }
        EmulatedV4l2 wave5 = emulated("wave5");
        const Json hevc = listed(wave5)["encoders"][0]["codecs"][1]["steering"];
        for (const Json& control : hevc) {
            CHECK(control["name"] != "I period");
            if (control["name"] == "lowest QP")
                CHECK(control["id"] == V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP);
        }
        EmulatedV4l2 inert = emulated("s5p-mfc");
        const std::string text = listDevices({}, inert, nullptr);
        CHECK(has(text, "        bit rate           static  known of this driver\n"));
        CHECK(has(text, "        key frame request  absent  there is one, which does nothing\n"));
        CHECK(has(text, "        rectangles         absent\n"));
    }

    TEST_CASE("the virtual encoder has a QP and no rate control") {
        EmulatedV4l2 system = emulated("vicodec");
        CHECK(has(listDevices({}, system, nullptr), "FWHT"));
        const Json encoder = listed(system)["encoders"][0];
        REQUIRE(encoder["codecs"].size() == 1);
        CHECK(encoder["codecs"][0]["codec"] == "fwht");
        const Json& expected = encoder["codecs"][0]["expected"];
        CHECK(expected["bitrate"]["effect"] == "absent");
        CHECK(expected["key_frame"]["effect"] == "absent");
        CHECK(expected["qp_range"]["effect"] == "live");
    }

    TEST_CASE("a node that cannot be opened is skipped with the reason and the remedy") {
        for (const auto& [error, remedy] : {std::pair(EACCES, "group"), std::pair(EBUSY, "another program")}) {
            EmulatedV4l2 system = emulated("plain");
            system.failCall(0, error);
            const std::string text = listDevices({}, system, nullptr);
            CHECK(has(text, "\nskipped\n"));
            CHECK(has(lineWith(text, "opening /dev/video0"), remedy));
            CHECK(system.openDescriptors() == 0);
        }
    }

    TEST_CASE("cameras and other nodes are named and what is broken is skipped") {
        OtherNodes system;
        const std::string text = listDevices({}, system, nullptr);
        CHECK(has(lineWith(text, "/dev/video0"), "Webcam (uvcvideo)"));
        CHECK(has(lineWith(text, "/dev/video1"), "bcm2835-codec-decode"));
        CHECK(has(text, "neither camera nor video encoder"));
        CHECK(has(lineWith(text, "/dev/video2"), "Input/output error"));
        const Json json = listed(system);
        CHECK(json["capture_nodes"][0]["card"] == "Webcam");
        CHECK(json["others"][0]["path"] == "/dev/video1");
        CHECK(json["skipped"][0]["remedy"].is_null());
    }

    TEST_CASE("cameras are listed by their numbers with formats sizes and controls") {
        EmulatedV4l2 none{std::span<const V4l2Personality>{}};
        test::EmulatedCameraSystem cameras;
        cameras.add({.id = "/base/i2c/imx477@1a", .model = "imx477"});
        cameras.add({.id = "usb-1", .model = "", .formats = {{kYuv420, {}}, {{0x47504a4d}, {{640, 480}}}}});
        const std::string text = listDevices({}, none, &cameras);
        CHECK(has(lineWith(text, "imx477"), "0  imx477"));
        CHECK(has(text, "/base/i2c/imx477@1a"));
        CHECK(has(lineWith(text, "format "), "NV12  320x240 640x360 1280x720"));
        CHECK(has(text, "Brightness"));
        CHECK(has(text, "1  camera"));
        CHECK(has(text, "MJPG  640x480"));
        const Json json = Json::parse(listDevices({.json = true}, none, &cameras));
        CHECK(json["cameras"][0]["model"] == "imx477");
        CHECK(json["cameras"][0]["formats"][0]["sizes"][2]["width"] == 1280);
        CHECK(json["cameras"][0]["controls"][0]["name"] == "Brightness");
        CHECK(json["cameras"][1]["model"].is_null());
        CHECK(json["cameras_failure"].is_null());
    }

    TEST_CASE("where cameras cannot be asked for the rest is listed all the same") {
        class Broken final : public CameraSystem {
          public:
            [[nodiscard]] std::vector<CameraDescription> cameras(bool /*details*/) override {
                throw std::runtime_error("starting libcamera: No such device");
            }
            [[nodiscard]] std::unique_ptr<CameraDevice> open(const std::string&) override { return nullptr; }
        };
        EmulatedV4l2 none{std::span<const V4l2Personality>{}};
        Broken broken;
        const std::string text = listDevices({}, none, &broken);
        CHECK(has(text, "not known: starting libcamera: No such device"));
        CHECK(has(text, "software  h264"));
    }

    TEST_CASE("a device that fails while it is asked is a line in its place") {
        EmulatedV4l2 counting = emulated("plain");
        static_cast<void>(listDevices({}, counting, nullptr));
        for (std::size_t call = 0; call < counting.calls().size(); ++call) {
            CAPTURE(call);
            EmulatedV4l2 system = emulated("plain");
            system.failCall(call, EIO);
            CHECK(has(listDevices({}, system, nullptr), "software  h264"));
            CHECK(system.openDescriptors() == 0);
        }
    }

    TEST_CASE("a probe of a device that gives nothing says so") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.swallowEvery = 1;
        personality.codedFormats = {V4L2_PIX_FMT_H264};
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        CHECK(has(lineWith(listDevices({.probe = true}, system, nullptr), "failed"), "gave nothing back"));
    }

    TEST_CASE("what a probe finds otherwise than expected is a surprise") {
        V4l2Survey survey;
        survey.bitrate = {.effect = ControlEffect::Live, .known = true};
        survey.keyFrame = {.effect = ControlEffect::Absent, .known = true};
        survey.frameRate = {.effect = ControlEffect::Static, .known = true};
        V4l2Probe probe;
        CHECK(surprises(survey, probe).empty());  // nothing was measured
        probe.bitrate.effect = Effect::Live;
        probe.keyFrame.effect = Effect::None;
        probe.frameRateControl.effect = Effect::Opening;
        CHECK(surprises(survey, probe).empty());
        probe.bitrate.effect = Effect::None;
        REQUIRE(surprises(survey, probe).size() == 1);
        CHECK(surprises(survey, probe)[0] == "bit rate: expected live (known of this driver), measured none");
        probe.frameRateControl.effect = Effect::None;
        CHECK(surprises(survey, probe).size() == 2);
        probe.sparsePictures = 3.9;  // there is nothing for the frame rate to act on
        CHECK(surprises(survey, probe).size() == 1);
    }
}

TEST_SUITE("integration") {
    TEST_CASE("drivers do what is known of them") {
        for (const char* name :
             {"bcm2835-codec", "venus", "iris", "mtk-vcodec", "coda", "s5p-mfc", "amphion", "wave5", "vsi"}) {
            CAPTURE(name);
            const ProbedNode node = probed(name);
            CHECK(node.probe.failure == "");
            const std::vector<std::string> found = surprises(node.survey, node.probe);
            CHECK_MESSAGE(found.empty(), (found.empty() ? "" : found[0]));
        }
    }

    TEST_CASE("a probe is listed with what was asked for and what came of it") {
        V4l2Personality personality = v4l2Personality("s5p-mfc");
        personality.codedFormats = {V4L2_PIX_FMT_H264};
        EmulatedV4l2 system(personality);
        const DeviceReport report = reportDevices({.probe = true}, system, nullptr);
        const std::string text = toText(report);
        const std::string measured = text.substr(text.find("      measured"));
        CHECK(has(lineWith(measured, "measured"), "at 640x360, 30 pictures a second"));
        CHECK(has(lineWith(measured, "bit rate"), "at opening: 1036800 to 172800 bit/s gave "));
        CHECK(has(lineWith(measured, "key frame"), "no effect"));
        CHECK(has(lineWith(measured, "QP range"), "at opening: a lowest QP of 1 to 45 gave "));
        CHECK(has(lineWith(measured, "frame rate"), "at opening: 30 to 10 pictures a second gave "));
        CHECK(has(lineWith(measured, "regions"), "absent"));
        CHECK(has(lineWith(measured, "gaps"), "counts pictures"));
        CHECK_FALSE(has(text, "surprise"));
        CHECK(has(text, "        bit rate           static  known of this driver; measured: at opening\n"));
        CHECK(has(text, "        highest QP         static  known of this driver\n"));

        const Json whole = Json::parse(toJson(report))["encoders"][0]["codecs"][0];
        for (const Json& control : whole["steering"]) {
            if (control["name"] == "key frame request")
                CHECK(control["measured"] == "none");
            if (control["name"] == "GOP length")
                CHECK(control["measured"].is_null());
        }
        const Json json = Json::parse(toJson(report))["encoders"][0]["codecs"][0]["measured"];
        CHECK(json["failure"].is_null());
        CHECK(json["bitrate"]["effect"] == "opening");
        CHECK(json["bitrate"]["asked_to_bps"] == 172800);
        CHECK(json["bitrate"]["measured_to_bytes_per_picture"] < json["bitrate"]["measured_from_bytes_per_picture"]);
        CHECK(json["key_frame"]["effect"] == "none");
        CHECK(json["regions"]["effect"] == "absent");
        CHECK(json["surprises"].empty());
    }
}

}  // namespace
}  // namespace smartcodec
