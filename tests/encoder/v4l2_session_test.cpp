#include "encoder/v4l2_session.h"

#include <doctest/doctest.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "encoder/v4l2_trial.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

V4l2EncoderNode describe(V4l2System& system) {
    const V4l2Device device(system, "/dev/video0");
    std::optional<V4l2EncoderNode> node = describeEncoder(device);
    REQUIRE(node);
    return *node;
}

V4l2StreamSettings settingsFor(const V4l2EncoderNode& node) {
    V4l2StreamSettings settings;
    settings.node = node;
    settings.coded = V4L2_PIX_FMT_H264;
    settings.format = kNv12;
    settings.size = kSmall;
    settings.frameRate = {30, 1};
    settings.color = {.primaries = 1, .transfer = 1, .matrix = 1, .fullRange = true};
    settings.bitstreamBytes = 300'000;
    return settings;
}

/// Keeps what was asked for in the calls that set a stream up.
class Listening final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (request == VIDIOC_S_FMT)
            formats.push_back(*static_cast<const v4l2_format*>(argument));
        if (request == VIDIOC_S_PARM)
            rates.push_back(*static_cast<const v4l2_streamparm*>(argument));
        if (request == VIDIOC_S_SELECTION)
            crops.push_back(*static_cast<const v4l2_selection*>(argument));
        if (request == VIDIOC_S_SELECTION && refusesSelection) {
            errno = ENOTTY;
            return -1;
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }

    std::vector<v4l2_format> formats;
    std::vector<v4l2_streamparm> rates;
    std::vector<v4l2_selection> crops;
    bool refusesSelection = false;
};

/// The first picture of a device that was opened takes long, as where firmware is loaded for it.
class SlowFirst final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        const auto now = std::chrono::steady_clock::now();
        if (request == VIDIOC_QBUF && V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type) && !until_)
            until_ = now + quickLimits().holding * 3 / 2;
        if (request == VIDIOC_DQBUF && until_ && now < *until_) {
            errno = EAGAIN;
            return -1;
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        const auto now = std::chrono::steady_clock::now();
        if (!until_ || now >= *until_)
            return ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - now);
        return ForwardingV4l2::poll({}, std::min(static_cast<int>(left.count()), timeoutMilliseconds));
    }

  private:
    std::optional<std::chrono::steady_clock::time_point> until_;
};

V4l2Trial trialOf(V4l2System& system) {
    EncoderConfig config = smallConfig();
    V4l2StreamSettings settings = settingsFor(describe(system));
    settings.format = config.format;
    return tryOut(system, settings, config, {.first = quickLimits().trial, .holding = quickLimits().holding});
}

TEST_SUITE("unit") {
    TEST_CASE("a picture that comes back wakes who waits for the bit stream") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.latencyFrames = 3;  // its picture comes back and no piece does
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        V4l2StreamSettings settings = settingsFor(describe(system));
        settings.format = config.format;
        V4l2Session session(system, settings);
        session.start();
        FramePool pool(config.format, config.size);
        const Frame frame = pool.make({});
        paint(frame->picture, 0);
        REQUIRE(
            session.submit(session.room(frame->picture).value(), frame->picture, std::chrono::milliseconds(40)).ok());
        V4l2Session::Woken woken;
        REQUIRE(session.wait({.limit = std::chrono::seconds(5)}, woken).ok());
        CHECK(woken.device);
    }

    TEST_CASE("a trial tells pictures that are held back from a first one that is slow") {
        V4l2Personality personality = v4l2Personality("plain");
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        SlowFirst slow(device);
        const V4l2Trial patient = trialOf(slow);
        CHECK(patient.heldBack == 0);
        CHECK(patient.buffersKept == 0);
        CHECK_FALSE(patient.parameterSets.empty());

        personality.latencyFrames = 3;
        EmulatedV4l2 holding(personality, EmulatedV4l2::Coding::Fake);
        const V4l2Trial held = trialOf(holding);
        CHECK(held.heldBack == 3);
        CHECK(held.buffersKept == 0);

        EmulatedV4l2 other(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        KeepsLast keeping(other);
        const V4l2Trial kept = trialOf(keeping);
        CHECK(kept.heldBack == 0);
        CHECK(kept.buffersKept == 1);
    }

    TEST_CASE("a stream is set up in the order that the specification asks for") {
        for (const char* name : {"plain", "plain-single"}) {
            CAPTURE(name);
            EmulatedV4l2 device(v4l2Personality(name), EmulatedV4l2::Coding::Fake);
            Listening system(device);
            const V4l2EncoderNode node = describe(system);
            system.formats.clear();
            const std::size_t before = device.calls().size();
            V4l2Session session(system, settingsFor(node));
            session.start();

            std::vector<std::string> calls = device.calls();
            calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(before));
            const auto place = [&](const std::string& call) {
                const auto found = std::ranges::find(calls, call);
                CHECK_MESSAGE(found != calls.end(), call);
                return found - calls.begin();
            };
            const std::vector<std::string> order{
                "open",
                "ioctl VIDIOC_S_FMT CAPTURE",
                "ioctl VIDIOC_S_FMT OUTPUT",
                "ioctl VIDIOC_S_PARM OUTPUT",
                "ioctl VIDIOC_REQBUFS OUTPUT",
                "ioctl VIDIOC_REQBUFS CAPTURE",
                "ioctl VIDIOC_QBUF CAPTURE",
                "ioctl VIDIOC_STREAMON OUTPUT",
                "ioctl VIDIOC_STREAMON CAPTURE",
            };
            for (std::size_t i = 1; i < order.size(); ++i) {
                CAPTURE(order[i]);
                CHECK(place(order[i - 1]) < place(order[i]));
            }
            CHECK(std::ranges::count(calls, "ioctl VIDIOC_QBUF CAPTURE") >= 4);

            REQUIRE(system.formats.size() == 2);
            REQUIRE(system.rates.size() == 1);
            CHECK(system.rates[0].parm.output.timeperframe.numerator == 1);
            CHECK(system.rates[0].parm.output.timeperframe.denominator == 30);
            if (node.multiplanar) {
                CHECK(+system.formats[0].fmt.pix_mp.plane_fmt[0].sizeimage == 300'000);
                CHECK(+system.formats[1].fmt.pix_mp.colorspace == V4L2_COLORSPACE_REC709);
                CHECK(+system.formats[1].fmt.pix_mp.quantization == V4L2_QUANTIZATION_FULL_RANGE);
            } else {
                CHECK(system.formats[0].fmt.pix.sizeimage == 300'000);
                CHECK(system.formats[1].fmt.pix.colorspace == V4L2_COLORSPACE_REC709);
                CHECK(system.formats[1].fmt.pix.priv == V4L2_PIX_FMT_PRIV_MAGIC);
            }
        }
    }

    TEST_CASE("a driver that forgets how large a buffer of the bit stream is to be is told again") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.frameFormatResetsRoom = true;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        V4l2Session session(system, settingsFor(describe(system)));
        session.start();
        v4l2_format format{};
        format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
        REQUIRE(session.device().ioctl(VIDIOC_G_FMT, format) == 0);
        CHECK(+format.fmt.pix_mp.plane_fmt[0].sizeimage >= 300'000);
    }

    TEST_CASE("the coded frame rate is set where the driver wants it") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.captureFrameRate = true;
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        Listening system(device);
        const V4l2Session session(system, settingsFor(describe(system)));
        REQUIRE(system.rates.size() == 2);
        CHECK(system.rates[1].type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE);
        CHECK(system.rates[1].parm.capture.timeperframe.denominator == 30);
    }

    TEST_CASE("a picture that the driver rounds up is cropped to its size or refused") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.alignment = {128, 64};
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        Listening system(device);
        const V4l2EncoderNode node = describe(system);
        V4l2StreamSettings settings = settingsFor(node);
        settings.size = {300, 180};
        {
            const V4l2Session session(system, settings);
            CHECK(session.frameFormat().size == Size{384, 192});
            REQUIRE(system.crops.size() == 1);
            CHECK(system.crops[0].type == V4L2_BUF_TYPE_VIDEO_OUTPUT);
            CHECK(system.crops[0].r.width == 300);
            CHECK(system.crops[0].r.height == 180);
        }
        personality.crops = false;
        EmulatedV4l2 whole(personality, EmulatedV4l2::Coding::Fake);
        Listening other(whole);
        other.refusesSelection = true;
        CHECK_THROWS_WITH_AS(V4l2Session(other, settings), doctest::Contains("384x192 instead of 300x180"),
                             std::runtime_error);
        settings.size = {384, 192};  // needs no crop
        CHECK_NOTHROW(V4l2Session(other, settings));
        CHECK(whole.openDescriptors() == 0);
    }

    TEST_CASE("sizes and formats that are not granted are refused with what is") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const V4l2EncoderNode node = describe(system);
        V4l2StreamSettings settings = settingsFor(node);
        settings.size = {8000, 4000};
        CHECK_THROWS_WITH_AS(V4l2Session(system, settings),
                             doctest::Contains("/dev/video0 (plain) does not take pictures of 8000x4000"),
                             std::runtime_error);
        settings = settingsFor(node);
        settings.node.formats[0].rawFormats = {V4L2_PIX_FMT_RGB24};
        CHECK_THROWS_WITH_AS(V4l2Session(system, settings), doctest::Contains("NV12"), std::runtime_error);
        CHECK(system.openDescriptors() == 0);
    }

    TEST_CASE("nodes are found by asking and those that cannot be asked are told") {
        std::vector<V4l2Personality> nodes{v4l2Personality("plain"), v4l2Personality("vicodec"),
                                           v4l2Personality("coda")};
        V4l2Personality stills = v4l2Personality("plain");
        stills.codedFormats = {V4L2_PIX_FMT_JPEG};
        nodes.push_back(stills);
        EmulatedV4l2 system(nodes, EmulatedV4l2::Coding::Fake);
        std::vector<std::string> skipped;
        const std::vector<V4l2EncoderNode> found = findEncoders(system, &skipped);
        REQUIRE(found.size() == 3);
        CHECK(found[0].path == "/dev/video0");
        CHECK(found[0].multiplanar);
        CHECK(found[0].find(V4L2_PIX_FMT_HEVC));
        CHECK(found[0].find(V4L2_PIX_FMT_H264)->largest == Size{4096, 2304});
        CHECK(found[1].find(V4L2_PIX_FMT_FWHT));
        CHECK_FALSE(found[1].find(V4L2_PIX_FMT_H264));
        CHECK_FALSE(found[2].multiplanar);
        CHECK(skipped.empty());
        system.failCall(system.calls().size(), EBUSY);
        CHECK(findEncoders(system, &skipped).size() == 2);
        REQUIRE(skipped.size() == 1);
        CHECK(skipped[0] == "opening /dev/video0: Device or resource busy");
        CHECK(system.openDescriptors() == 0);
    }
}

}  // namespace
}  // namespace smartcodec::test
