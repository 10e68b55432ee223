#include "encoder/v4l2_survey.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/emulated_v4l2.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec {
namespace {

V4l2Survey survey(const std::string& name, Codec codec = Codec::H264) {
    EmulatedV4l2 system(v4l2Personality(name), EmulatedV4l2::Coding::Fake);
    const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
    REQUIRE(nodes.size() == 1);
    V4l2Survey result = surveyEncoder(system, nodes[0], codec);
    CHECK(system.openDescriptors() == 0);
    return result;
}

TEST_SUITE("unit") {
    TEST_CASE("video nodes are those of the kernel by number and then those of plug-ins") {
        const test::TemporaryFolder folder;
        for (const char* name : {"video10", "video2", "video-enc0", "video-dec0", "video", "video1x", "v4l-subdev0"})
            std::ofstream(folder / name) << "rkmpp";
        const std::string root = folder.path().string();
        CHECK(videoNodes(root) == std::vector<std::string>{root + "/video2", root + "/video10", root + "/video-enc0"});
        CHECK(videoNodes(root + "/none").empty());
    }

    TEST_CASE("each driver's regions are those of its interface and codec") {
        CHECK(survey("iris").regionDescription == "QP map of 16x16 blocks, -31..30");
        CHECK(survey("iris", Codec::Hevc).regionDescription == "QP map of 32x32 blocks, -31..30");
        CHECK(survey("vsi").regionDescription == "8 rectangles of 16x16 blocks, -51..51");
        CHECK(survey("vsi", Codec::Hevc).regionDescription == "8 rectangles of 64x64 blocks, -51..51");
        for (const char* name : {"bcm2835-codec", "venus", "mtk-vcodec", "coda", "s5p-mfc", "amphion", "wave5"}) {
            CAPTURE(name);
            CHECK(survey(name).regionDescription == "");
            CHECK(survey(name).regions.effect == ControlEffect::Absent);
        }
    }

    TEST_CASE("the controls that code are listed with their values") {
        const V4l2Survey result = survey("bcm2835-codec");
        CHECK(result.driverVersion.find('.') != std::string::npos);
        const auto bitrate = std::ranges::find_if(result.controls, [](const ListedControl& control) {
            return control.query.id == V4L2_CID_MPEG_VIDEO_BITRATE;
        });
        REQUIRE(bitrate != result.controls.end());
        CHECK(bitrate->query.minimum == 25'000);
        CHECK(bitrate->value == 10'000'000);
        const auto button = std::ranges::find_if(
            result.controls, [](const ListedControl& control) { return control.query.type == V4L2_CTRL_TYPE_BUTTON; });
        REQUIRE(button != result.controls.end());
        CHECK_FALSE(button->value);
    }

    TEST_CASE("what the source is known to do comes before what the driver says") {
        CHECK(survey("s5p-mfc").keyFrame.effect == ControlEffect::Absent);
        CHECK(survey("s5p-mfc").keyFrame.known);
        CHECK(survey("iris").keyFrame.effect == ControlEffect::Absent);
        CHECK_FALSE(survey("iris").keyFrame.known);
        CHECK(survey("vsi").bitrate.effect == ControlEffect::Live);
        CHECK_FALSE(survey("vsi").bitrate.known);
    }

    TEST_CASE("a node that went away is named") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
        REQUIRE(nodes.size() == 1);
        system.failCall(system.calls().size(), ENODEV);
        CHECK_THROWS_WITH_AS((void)surveyEncoder(system, nodes[0], Codec::H264), doctest::Contains("/dev/video0"),
                             std::system_error);
    }
}

}  // namespace
}  // namespace smartcodec
