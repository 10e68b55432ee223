#include <doctest/doctest.h>
#include <linux/v4l2-controls.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "encoder/v4l2_encoder.h"
#include "encoder/v4l2_region_controls.h"
#include "tests/encoder/v4l2_fixture.h"
#include "tests/support/forwarding_v4l2.h"

namespace smartcodec::test {
namespace {

/// A recording and everything that the device was told.
struct Steered {
    V4l2Recording recording;
    EncoderCapabilities capabilities;
    std::vector<EmulatedV4l2::ControlSet> controls;  ///< since the recording's first frame
    std::vector<EmulatedV4l2::ControlSet> before;    ///< set up
    std::size_t opened = 0;
};

Steered steer(const V4l2Personality& personality, const EncoderConfig& config, int count, const Conduct& conduct) {
    Steered result;
    EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
    const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
    result.before = system.controlsSet();
    const std::size_t trial = system.timestamps().size();
    const std::size_t opened = system.opened();
    result.recording = record(*encoder, config, count, conduct);
    result.capabilities = encoder->capabilities();
    CHECK_MESSAGE(result.recording.failure == "", result.recording.failure);
    checkStream(result.recording);
    result.controls = system.controlsSet();
    result.controls.erase(result.controls.begin(),
                          result.controls.begin() + static_cast<std::ptrdiff_t>(result.before.size()));
    for (EmulatedV4l2::ControlSet& control : result.controls)
        control.framesBefore -= trial;
    result.opened = system.opened() - opened;
    return result;
}

std::vector<std::pair<std::size_t, std::int64_t>> settings(const Steered& steered, std::uint32_t id) {
    std::vector<std::pair<std::size_t, std::int64_t>> all;
    for (const EmulatedV4l2::ControlSet& control : steered.controls)
        if (control.id == id)
            all.emplace_back(control.framesBefore, control.value);
    return all;
}

std::optional<std::int64_t> setUp(const Steered& steered, std::uint32_t id) {
    std::optional<std::int64_t> value;
    for (const EmulatedV4l2::ControlSet& control : steered.before)
        if (control.id == id)
            value = control.value;
    return value;
}

bool notes(const Steered& steered, const std::string& text) {
    return std::ranges::any_of(steered.capabilities.notes,
                               [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

std::vector<int> keyFrames(const V4l2Recording& recording) {
    std::vector<int> all;
    for (const Packet& packet : recording.packets)
        if (packet.keyFrame)
            all.push_back(static_cast<int>(packet.presentation.time_since_epoch() / std::chrono::milliseconds(40)));
    return all;
}

V4l2Personality without(V4l2Personality personality, std::initializer_list<std::uint32_t> ids) {
    std::erase_if(personality.controls, [&](const V4l2PersonalityControl& control) {
        return std::ranges::find(ids, control.id) != ids.end();
    });
    return personality;
}

/// A driver that takes one control and makes something else of it.
class Altering final : public ForwardingV4l2 {
  public:
    Altering(V4l2System& system, std::uint32_t id) : ForwardingV4l2(system), id_(id) {}

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (request != VIDIOC_S_EXT_CTRLS)
            return ForwardingV4l2::ioctl(descriptor, request, argument);
        v4l2_ext_controls& set = *static_cast<v4l2_ext_controls*>(argument);
        const v4l2_ext_control told = set.controls[0];
        if (told.id != id_)
            return ForwardingV4l2::ioctl(descriptor, request, argument);
        std::vector<std::byte> payload(told.size);  // the caller's is not to be written to
        if (told.size > 0) {
            std::memcpy(payload.data(), told.ptr, told.size);
            payload.back() = std::byte{1};
            set.controls[0].ptr = payload.data();
        } else {
            set.controls[0].value = told.value * 3 / 4;
        }
        const int result = ForwardingV4l2::ioctl(descriptor, request, argument);
        set.controls[0] = told;
        return result;
    }

  private:
    std::uint32_t id_;
};

TEST_SUITE("unit") {
    TEST_CASE("what a driver takes and changes is read back and told once") {
        struct Control {
            const char* driver;
            std::uint32_t id;
            const char* said;
        };
        for (const Control& control : {Control{"plain", V4L2_CID_MPEG_VIDEO_BITRATE, "the bit rate (1500000 instead"},
                                       Control{"plain", V4L2_CID_MPEG_VIDEO_H264_MIN_QP, "the lowest QP (18 instead"},
                                       Control{"iris", kRoiMbDeltaQp, "the regions of interest ("}}) {
            CAPTURE(control.said);
            for (const bool alters : {false, true}) {
                CAPTURE(alters);
                EmulatedV4l2 device(v4l2Personality(control.driver), EmulatedV4l2::Coding::Fake);
                Altering system(device, alters ? control.id : 0);
                EncoderConfig config = smallConfig();
                config.quality = 24;
                config.maxBitrate = {2'000'000};
                QpMap map{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, 0)};
                const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                static_cast<void>(record(*encoder, config, 30, [&](int number, EncodeParameters& parameters) {
                    parameters.bitrate = {number < 15 ? 2'000'000 : 1'000'000};
                    map.delta[static_cast<std::size_t>(number)] = -4;
                    parameters.qpMap = &map;
                }));
                const std::vector<std::string> notes = encoder->capabilities().notes;
                CHECK(std::ranges::count_if(notes, [&](const std::string& note) {
                          return note.starts_with(std::string("it changes ") + control.said);
                      }) == (alters ? 1 : 0));
            }
        }
    }

    TEST_CASE("quality becomes the lowest QP and the cap becomes the bit rate") {
        EncoderConfig config = smallConfig();
        config.quality = 27;
        config.maxBitrate = {3'000'000};
        const Steered steered = steer(v4l2Personality("plain"), config, 5, {});
        CHECK(setUp(steered, V4L2_CID_MPEG_VIDEO_H264_MIN_QP) == 27);
        CHECK(setUp(steered, V4L2_CID_MPEG_VIDEO_BITRATE) == 3'000'000);
        CHECK(setUp(steered, V4L2_CID_MPEG_VIDEO_GOP_SIZE) == 65535);
        CHECK(steered.controls.empty());  // nothing changes, nothing is set
        CHECK(std::ranges::all_of(steered.recording.pictures, [](const FakePicture& p) { return p.qp >= 27; }));
    }

    TEST_CASE("a fixed rate is set as one and never touched") {
        EncoderConfig config = smallConfig();
        config.constantBitrate = Bitrate{500'000};
        const Steered steered =
            steer(v4l2Personality("plain"), config, 30,
                  [](int number, EncodeParameters& parameters) { parameters.bitrate = {100'000 + 10'000 * number}; });
        CHECK(setUp(steered, V4L2_CID_MPEG_VIDEO_BITRATE_MODE) == V4L2_MPEG_VIDEO_BITRATE_MODE_CBR);
        CHECK(setUp(steered, V4L2_CID_MPEG_VIDEO_BITRATE) == 500'000);
        CHECK(settings(steered, V4L2_CID_MPEG_VIDEO_BITRATE).empty());
        CHECK_FALSE(steered.capabilities.bitrateWhileRunning);
    }

    TEST_CASE("a bit rate is set once and with the frame that it is meant for") {
        EncoderConfig config = smallConfig();
        config.maxBitrate = {2'000'000};
        const Steered steered =
            steer(v4l2Personality("plain"), config, 60, [](int number, EncodeParameters& parameters) {
                parameters.bitrate = {number < 20 ? 2'000'000 : number < 40 ? 800'000 : 1'600'000};
            });
        CHECK(settings(steered, V4L2_CID_MPEG_VIDEO_BITRATE) ==
              std::vector<std::pair<std::size_t, std::int64_t>>{{20, 800'000}, {40, 1'600'000}});
        CHECK(steered.capabilities.bitrateWhileRunning);
        REQUIRE(steered.recording.pictures.size() == 60);
        CHECK(steered.recording.pictures[15].bitrate == 2'000'000);  // what is inside already may have the new one
        CHECK(steered.recording.pictures[25].bitrate == 800'000);
        CHECK(steered.recording.pictures[45].bitrate == 1'600'000);
    }

    TEST_CASE("steps that no rate control would notice are not sent") {
        EncoderConfig config = smallConfig();
        config.maxBitrate = {2'000'000};
        const Steered steered = steer(
            v4l2Personality("plain"), config, 30,
            [](int number, EncodeParameters& parameters) { parameters.bitrate = {2'000'000 - number % 2 * 1'000}; });
        CHECK(settings(steered, V4L2_CID_MPEG_VIDEO_BITRATE).empty());
    }

    TEST_CASE("key frames come exactly where they are asked for") {
        const std::vector<int> wanted{0, 7, 8, 30, 59};
        const Steered steered =
            steer(v4l2Personality("plain"), smallConfig(), 60, [&](int number, EncodeParameters& parameters) {
                parameters.keyFrame = std::ranges::find(wanted, number) != wanted.end();
            });
        CHECK(keyFrames(steered.recording) == wanted);
        CHECK(settings(steered, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME).size() == 4);  // the first is one by itself
        CHECK(steered.opened == 0);
    }

    TEST_CASE("an encoder without key frames on request is restarted for each and nothing is lost") {
        const std::vector<int> wanted{0, 20, 21, 40};
        const Steered steered = steer(without(v4l2Personality("plain"), {V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME}),
                                      smallConfig(), 60, [&](int number, EncodeParameters& parameters) {
                                          parameters.keyFrame = std::ranges::find(wanted, number) != wanted.end();
                                      });
        CHECK(keyFrames(steered.recording) == wanted);
        CHECK(steered.recording.packets.size() == 60);
        CHECK(steered.opened == 0);
        CHECK(notes(steered, "restarted"));
        CHECK_FALSE(steered.capabilities.keyFrameOnRequest);
    }

    TEST_CASE("a request for a key frame that does nothing is noticed and made good by a restart") {
        V4l2Personality inert = v4l2Personality("plain");
        control(inert, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME).effect = V4l2Effect::None;
        const Steered steered = steer(inert, smallConfig(), 60, [&](int number, EncodeParameters& parameters) {
            parameters.keyFrame = number == 20 || number == 40;
        });
        const std::vector<int> found = keyFrames(steered.recording);
        REQUIRE(found.size() == 3);
        CHECK(found[1] > 20);
        CHECK(found[1] <= 30);  // a few frames late, once
        CHECK(found[2] == 40);
        CHECK(steered.recording.packets.size() == 60);
        CHECK_FALSE(steered.capabilities.keyFrameOnRequest);
        CHECK(notes(steered, "does not heed, requests for key frames"));
    }

    TEST_CASE("an encoder with a bit rate set once takes another with a key frame and for a large rise") {
        for (const auto& [effect, error] : {std::pair{V4l2Effect::Live, EBUSY}, std::pair{V4l2Effect::Live, EINVAL}}) {
            CAPTURE(error);
            V4l2Personality personality = v4l2Personality("plain");
            control(personality, V4L2_CID_MPEG_VIDEO_BITRATE).effect = effect;
            control(personality, V4L2_CID_MPEG_VIDEO_BITRATE).errorWhileStreaming = error;
            EncoderConfig config = smallConfig();
            config.maxBitrate = {2'000'000};
            const Steered steered = steer(personality, config, 80, [](int number, EncodeParameters& parameters) {
                parameters.bitrate = {number < 10 || number >= 60 ? 2'000'000 : 500'000};
                parameters.keyFrame = number == 40;
            });
            REQUIRE(steered.recording.pictures.size() == 80);
            CHECK(steered.recording.pictures[39].bitrate == 2'000'000);
            CHECK(steered.recording.pictures[40].bitrate == 500'000);
            CHECK(steered.recording.pictures[59].bitrate == 500'000);
            CHECK(steered.recording.pictures[60].bitrate == 2'000'000);
            CHECK(keyFrames(steered.recording) == std::vector<int>{0, 40, 60});
            CHECK_FALSE(steered.capabilities.bitrateWhileRunning);
            CHECK(notes(steered, "refuses a new bit rate while it runs"));
        }
    }

    TEST_CASE("a level that climbs in steps opens an encoder with a static bit rate once a second at most") {
        V4l2Personality personality = v4l2Personality("plain");
        control(personality, V4L2_CID_MPEG_VIDEO_BITRATE).errorWhileStreaming = EBUSY;
        EncoderConfig config = smallConfig();
        config.maxBitrate = {2'000'000};
        const Steered steered = steer(personality, config, 120, [](int number, EncodeParameters& parameters) {
            parameters.bitrate = {number < 10 ? 2'000'000 : number < 60 ? 400'000 : number < 62 ? 800'000 : 2'000'000};
            parameters.keyFrame = number == 30 || number == 60 || number == 62;
        });
        REQUIRE(steered.recording.pictures.size() == 120);
        CHECK(steered.recording.pictures[30].bitrate == 400'000);
        CHECK(steered.recording.pictures[60].bitrate == 800'000);
        CHECK(steered.recording.pictures[84].bitrate == 800'000);
        CHECK(steered.recording.pictures[85].bitrate == 2'000'000);
        CHECK(steered.opened == 3);
    }

    TEST_CASE("without regions of interest a frame that may be coarse everywhere raises the lowest QP") {
        EncoderConfig config = smallConfig();
        QpMap coarse{.columns = 20, .rows = 12, .delta = std::vector<std::int8_t>(240, 6)};
        QpMap moving = coarse;
        moving.delta[100] = -4;
        const Steered steered =
            steer(v4l2Personality("plain"), config, 30, [&](int number, EncodeParameters& parameters) {
                parameters.qpMap = number < 10 ? nullptr : number < 20 ? &coarse : &moving;
            });
        CHECK(steered.capabilities.regions == RegionSupport::QpRange);
        CHECK(settings(steered, V4L2_CID_MPEG_VIDEO_H264_MIN_QP) ==
              std::vector<std::pair<std::size_t, std::int64_t>>{{10, 29}, {20, 23}});
        CHECK(steered.capabilities.regionNote.starts_with("regions of interest: none"));
    }

    TEST_CASE("what the encoder lacks is said in its notes") {
        const Steered steered = steer(
            without(v4l2Personality("plain"),
                    {V4L2_CID_MPEG_VIDEO_H264_MIN_QP, V4L2_CID_MPEG_VIDEO_H264_MAX_QP, V4L2_CID_MPEG_VIDEO_BITRATE}),
            smallConfig(), 5, {});
        CHECK(steered.capabilities.regions == RegionSupport::None);
        CHECK_FALSE(steered.capabilities.bitrateWhileRunning);
        CHECK(notes(steered, "takes no lowest QP"));
        CHECK(notes(steered, "bit rate"));
    }
}

}  // namespace
}  // namespace smartcodec::test
