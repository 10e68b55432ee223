#include "encoder/v4l2_controls.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <limits>
#include <vector>

#include "tests/encoder/control_fake.h"

namespace smartcodec {
namespace {

using test::ControlFake;

constexpr std::uint32_t kBitrate = V4L2_CID_MPEG_VIDEO_BITRATE;
constexpr std::uint32_t kGop = V4L2_CID_MPEG_VIDEO_GOP_SIZE;
constexpr std::uint32_t kKeyFrame = V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME;
constexpr std::uint32_t kMinQp = V4L2_CID_MPEG_VIDEO_H264_MIN_QP;

struct Fixture {
    Fixture() {
        fake.add({.id = V4L2_CID_CODEC_CLASS, .type = V4L2_CTRL_TYPE_CTRL_CLASS, .name = "Codec Controls"});
        fake.add({.id = kBitrate,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "Video Bitrate",
                  .minimum = 25000,
                  .maximum = 25'020'000,
                  .step = 25000,
                  .standard = 10'000'000});
        fake.add({.id = kGop, .type = V4L2_CTRL_TYPE_INTEGER, .name = "GOP", .maximum = 1000, .standard = 60});
        fake.add({.id = kKeyFrame, .type = V4L2_CTRL_TYPE_BUTTON, .name = "Force Key Frame"});
        fake.add({.id = kMinQp, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Min QP", .maximum = 51, .standard = 20});
    }

    ControlFake fake;
    V4l2Device device{fake, "/dev/video0"};
    V4l2Controls controls{device};
};

TEST_SUITE("unit") {
    TEST_CASE_FIXTURE(Fixture, "a value goes to the nearest step within the range and is read back") {
        const auto set = [this](std::int64_t value) {
            const V4l2Controls::Result result = controls.set(kBitrate, value);
            CHECK(result.error == 0);
            CHECK(result.value == fake.value(kBitrate));
            return result.value;
        };
        CHECK(set(1'000'000) == 1'000'000);
        CHECK(set(1'012'499) == 1'000'000);
        CHECK(set(1'012'500) == 1'025'000);
        CHECK(set(0) == 25'000);
        CHECK(set(-5) == 25'000);
        CHECK(set(99'000'000) == 25'000'000);  // the last step that fits into the range
        CHECK(controls.get(kBitrate) == 25'000'000);
    }

    TEST_CASE_FIXTURE(Fixture, "a value that stands already costs no call") {
        CHECK(controls.set(kMinQp, 18).value == 18);
        const std::size_t before = fake.calls;
        for (int i = 0; i < 5; ++i) {
            const V4l2Controls::Result result = controls.set(kMinQp, 18);
            CHECK(result.error == 0);
            CHECK(result.value == 18);
        }
        CHECK(fake.calls == before);
        CHECK(controls.set(kMinQp, 19).value == 19);
        CHECK(fake.calls > before);
    }

    TEST_CASE_FIXTURE(Fixture, "what the driver makes of a value is told and asking for either again costs nothing") {
        fake.granularity[kMinQp] = 4;
        CHECK(controls.set(kMinQp, 19).value == 16);
        const std::size_t before = fake.calls;
        CHECK(controls.set(kMinQp, 19).value == 16);
        CHECK(controls.set(kMinQp, 16).value == 16);
        CHECK(fake.calls == before);
        CHECK(fake.told.size() == 1);
    }

    TEST_CASE_FIXTURE(Fixture, "a button is pushed each time") {
        for (int i = 0; i < 3; ++i)
            CHECK(controls.set(kKeyFrame, 1).error == 0);
        CHECK(fake.told.size() == 3);
        CHECK_FALSE(controls.get(kKeyFrame));
    }

    TEST_CASE_FIXTURE(Fixture, "an absent control is told from a failing one and asked for once") {
        CHECK(controls.query(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK) == nullptr);
        const std::size_t before = fake.calls;
        CHECK(controls.set(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, 5).error == ENOENT);
        CHECK_FALSE(controls.get(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK));
        CHECK(fake.calls == before);
    }

    TEST_CASE_FIXTURE(Fixture, "the driver's refusal is returned with what stands and tried again") {
        CHECK(controls.set(kMinQp, 18).error == 0);
        fake.failing[kMinQp] = EBUSY;
        const V4l2Controls::Result refused = controls.set(kMinQp, 24);
        CHECK(refused.error == EBUSY);
        CHECK(refused.value == 18);
        fake.failing.clear();
        // It is not taken for granted that the old value stands.
        const std::size_t before = fake.calls;
        CHECK(controls.set(kMinQp, 18).error == 0);
        CHECK(fake.calls > before);
        CHECK(controls.set(kMinQp, 24).error == 0);
        CHECK(fake.value(kMinQp) == 24);
    }

    TEST_CASE_FIXTURE(Fixture, "disabled controls are absent and read-only ones refused") {
        fake.add({.id = V4L2_CID_MPEG_VIDEO_B_FRAMES,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "B Frames",
                  .maximum = 4,
                  .flags = V4L2_CTRL_FLAG_DISABLED});
        fake.add({.id = V4L2_CID_MIN_BUFFERS_FOR_OUTPUT,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "Min Number of Output Buffers",
                  .minimum = 1,
                  .maximum = 32,
                  .standard = 6,
                  .flags = V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_VOLATILE});
        CHECK(controls.query(V4L2_CID_MPEG_VIDEO_B_FRAMES) == nullptr);
        CHECK(controls.get(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT) == 6);
        CHECK(controls.set(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, 2).error == EACCES);
    }

    TEST_CASE_FIXTURE(Fixture, "what cannot be read stands as it was set") {
        fake.add({.id = V4L2_CID_MPEG_VIDEO_H264_MAX_QP,
                  .type = V4L2_CTRL_TYPE_INTEGER,
                  .name = "Max QP",
                  .maximum = 51,
                  .flags = V4L2_CTRL_FLAG_WRITE_ONLY});
        CHECK(controls.set(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 40).value == 40);
        CHECK_FALSE(controls.get(V4L2_CID_MPEG_VIDEO_H264_MAX_QP));
        const std::size_t before = fake.calls;
        CHECK(controls.set(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 40).value == 40);
        CHECK(fake.calls == before);
    }

    TEST_CASE_FIXTURE(Fixture, "values of 64 bits keep all of them") {
        constexpr std::uint32_t kWide = V4L2_CID_MPEG_VIDEO_DEC_PTS;
        constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
        constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
        fake.add({.id = kWide,
                  .type = V4L2_CTRL_TYPE_INTEGER64,
                  .name = "PTS",
                  .minimum = kLowest,
                  .maximum = kHighest,
                  .step = 3});
        CHECK(controls.set(kWide, kLowest + 7).value == kLowest + 6);
        CHECK(controls.set(kWide, 0x1'0000'0000).error == 0);
        CHECK(std::abs(controls.get(kWide).value() - 0x1'0000'0000) <= 1);
        CHECK(controls.set(kWide, kHighest).value == kHighest);  // the range is a multiple of 3
    }

    TEST_CASE_FIXTURE(Fixture, "yes or no is 1 or 0 and bit masks are whole") {
        fake.add({.id = V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE,
                  .type = V4L2_CTRL_TYPE_BOOLEAN,
                  .name = "Rate Control",
                  .maximum = 1});
        CHECK(controls.set(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 7).value == 1);
        fake.add(
            {.id = V4L2_CID_DETECT_MD_MODE, .type = V4L2_CTRL_TYPE_BITMASK, .name = "Mask", .maximum = 0xffffffff});
        CHECK(controls.set(V4L2_CID_DETECT_MD_MODE, 0x80000001).value == 0x80000001);
    }

    TEST_CASE_FIXTURE(Fixture, "old drivers are served with the old calls") {
        fake.unknown = {VIDIOC_QUERY_EXT_CTRL, VIDIOC_S_EXT_CTRLS, VIDIOC_G_EXT_CTRLS};
        for (const int error : {ENOTTY, EINVAL}) {
            fake.unknownError = error;
            V4l2Controls anew(device);
            const v4l2_query_ext_ctrl* const bitrate = anew.query(kBitrate);
            REQUIRE(bitrate != nullptr);
            CHECK(bitrate->minimum == 25'000);
            CHECK(bitrate->step == 25'000);
        }
        fake.unknownError = ENOTTY;
        CHECK(controls.set(kBitrate, 2'010'000).value == 2'000'000);
        CHECK(controls.get(kBitrate) == 2'000'000);
        CHECK(controls.set(kKeyFrame, 1).error == 0);
        CHECK(controls.all().size() == 4);
    }

    TEST_CASE_FIXTURE(Fixture, "a listing has every control but the titles") {
        constexpr std::uint32_t kCompound = V4L2_CTRL_COMPOUND_TYPES + 0x77;
        fake.add({.id = kGop + 0x500, .type = kCompound, .name = "Regions", .elementBytes = 272});
        const std::vector<v4l2_query_ext_ctrl> all = controls.all();
        REQUIRE(all.size() == 5);
        CHECK(all.back().elem_size == 272);
        CHECK(controls.set(kGop + 0x500, 1).error == EINVAL);  // not of one value
        CHECK_FALSE(controls.get(kGop + 0x500));
    }
}

}  // namespace
}  // namespace smartcodec
