#include "encoder/v4l2_probe.h"

#include <doctest/doctest.h>
#include <linux/videodev2.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/emulated_v4l2.h"

namespace smartcodec {
namespace {

using Effect = ProbedControl::Effect;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The device's own limits are for seconds; these leave a slow machine its time.
const V4l2ProbeSettings kSmall{.size = {320, 192},
                               .limits = {.first = seconds(5), .stall = seconds(5), .drain = seconds(2)}};

V4l2Probe probe(EmulatedV4l2& system, Codec codec = Codec::H264, const V4l2ProbeSettings& settings = kSmall) {
    const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
    REQUIRE(nodes.size() == 1);
    V4l2Probe result = probeEncoder(system, nodes[0], codec, settings);
    CHECK(system.openDescriptors() == 0);
    CHECK(system.mappings() == 0);
    return result;
}

V4l2Probe probe(const V4l2Personality& personality, Codec codec = Codec::H264) {
    EmulatedV4l2 system(personality);
    return probe(system, codec);
}

/// An emulated device that stalls with so many pictures.
class Stalling final : public V4l2System {
  public:
    Stalling(const V4l2Personality& personality, std::size_t pictures)
        : emulated_(personality, EmulatedV4l2::Coding::Fake), left_(pictures) {}

    [[nodiscard]] std::vector<std::string> nodes() override { return emulated_.nodes(); }
    int open(const char* path) override { return emulated_.open(path); }
    int close(int descriptor) override { return emulated_.close(descriptor); }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (request == VIDIOC_QBUF && V4L2_TYPE_IS_OUTPUT(static_cast<v4l2_buffer*>(argument)->type) && left_ > 0 &&
            --left_ == 0)
            emulated_.stall();
        return emulated_.ioctl(descriptor, request, argument);
    }
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override {
        return emulated_.map(descriptor, lengthBytes, offset);
    }
    int unmap(void* address, std::size_t lengthBytes) override { return emulated_.unmap(address, lengthBytes); }
    std::int64_t length(int dmabuf) override { return emulated_.length(dmabuf); }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        return emulated_.poll(descriptors, timeoutMilliseconds);
    }

    [[nodiscard]] std::size_t left() const { return emulated_.openDescriptors() + emulated_.mappings(); }

  private:
    EmulatedV4l2 emulated_;
    std::size_t left_;
};

TEST_SUITE("integration") {
    TEST_CASE("the probe finds out what each driver really does") {
        struct Truth {
            const char* name;
            Effect bitrate;
            Effect keyFrame;
            Effect qpRange;
            Effect frameRate;
            Effect qpMap;
            bool reckonsWithTimes = false;
        };
        using enum ProbedControl::Effect;
        // iris and venus: their rate control reckons with times, so that the frame rate has nothing to act on
        constexpr Truth kTruths[]{
            {"bcm2835-codec", Live, Live, Live, Live, Absent},
            {"venus", Live, Live, Static, None, Absent, true},
            {"iris", Live, Absent, Static, None, Live, true},
            {"mtk-vcodec", Live, Live, Absent, Live, Absent},
            {"coda", Live, Live, Static, Live, Absent},
            {"s5p-mfc", Opening, None, Opening, Opening, Absent},
            {"amphion", Live, Live, Absent, Static, Absent},
            {"wave5", Opening, Absent, Opening, Opening, Absent},
            {"vsi", Live, Live, Live, Live, Live},
        };
        for (const Truth& truth : kTruths) {
            CAPTURE(truth.name);
            const V4l2Probe result = probe(v4l2Personality(truth.name));
            CHECK(result.failure == "");
            CHECK(name(result.bitrate.effect) == std::string(name(truth.bitrate)));
            CHECK(name(result.keyFrame.effect) == std::string(name(truth.keyFrame)));
            CHECK(name(result.qpRange.effect) == std::string(name(truth.qpRange)));
            CHECK(name(result.frameRateControl.effect) == std::string(name(truth.frameRate)));
            CHECK(name(result.qpMap.effect) == std::string(name(truth.qpMap)));
            CHECK((result.sparsePictures.value() > 2) == truth.reckonsWithTimes);
            CHECK(result.missing == 0);
            if (truth.qpMap == Live)
                CHECK(result.qpMapPlacement.value() > 2);
        }
    }

    TEST_CASE("an encoder that nobody knows to do nothing after a restart is measured by opening it anew") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.restarts = false;
        for (V4l2PersonalityControl& control : personality.controls)
            control.effect = V4l2Effect::Static;
        EmulatedV4l2 system(personality);
        V4l2ProbeSettings impatient = kSmall;
        impatient.limits.stall = seconds(1);
        const V4l2Probe result = probe(system, Codec::H264, impatient);
        CHECK(result.failure == "");
        CHECK(result.bitrate.effect == Effect::Opening);
        CHECK(result.qpRange.effect == Effect::Opening);
    }

    TEST_CASE("figures say what was asked for and what came of it") {
        const V4l2Probe result = probe(v4l2Personality("plain"));
        CHECK(result.size == Size{320, 192});
        CHECK(result.bitrate.askedFrom == doctest::Approx(0.15 * 320 * 192 * 30).epsilon(0.01));
        CHECK(result.bitrate.askedTo == doctest::Approx(result.bitrate.askedFrom / 6));
        CHECK(result.bitrate.measuredTo.value() < 0.6 * result.bitrate.measuredFrom.value());
        CHECK(result.frameRateControl.measuredTo.value() > 1.5 * result.frameRateControl.measuredFrom.value());
        CHECK(result.qpRange.askedTo == 45);
        CHECK(result.keyFrame.measuredTo.value() <= 0);
        CHECK(result.repeatsParameterSets == true);
        CHECK_FALSE(result.ownKeyFrames);
        CHECK(result.pictures > 400);
        CHECK(result.picturesPerSecond > 0);
    }

    TEST_CASE("HEVC is probed as well as H.264") {
        const V4l2Probe result = probe(v4l2Personality("iris"), Codec::Hevc);
        CHECK(result.failure == "");
        CHECK(result.bitrate.effect == Effect::Live);
        CHECK(result.qpMap.effect == Effect::Live);
        CHECK(result.regions == "QP map of 32x32 blocks, -31..30");
    }

    TEST_CASE("a QP map that is accepted and ignored has no effect") {
        V4l2Personality personality = v4l2Personality("iris");
        for (V4l2PersonalityControl& control : personality.controls)
            if (control.dimensions.size() == 1)
                control.effect = V4l2Effect::None;
        const V4l2Probe result = probe(personality);
        CHECK(result.regions != "");
        CHECK(result.qpMap.effect == Effect::None);
        CHECK_FALSE(result.qpMapPlacement);
    }

    TEST_CASE("controls that are grabbed while streaming are refused and act at the next start") {
        V4l2Personality personality = v4l2Personality("plain");
        V4l2PersonalityControl& bitrate = control(personality, V4L2_CID_MPEG_VIDEO_BITRATE);
        bitrate.errorWhileStreaming = EBUSY;
        bitrate.effect = V4l2Effect::Static;
        const V4l2Probe result = probe(personality);
        CHECK(result.bitrate.refused == EBUSY);
        CHECK(result.bitrate.effect == Effect::Static);
        CHECK(result.bitrate.measuredTo.value() < 0.6 * result.bitrate.measuredFrom.value());
    }

    TEST_CASE("pictures that a driver swallows are counted and do not spoil the figures") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.swallowEvery = 9;
        const V4l2Probe result = probe(personality);
        CHECK(result.failure == "");
        CHECK(result.missing > 40);
        CHECK(result.bitrate.effect == Effect::Live);
    }
}

TEST_SUITE("unit") {
    TEST_CASE("a device that swallows everything ends the probe with a line") {
        V4l2Personality silent = v4l2Personality("plain");
        silent.swallowEvery = 1;
        EmulatedV4l2 system(silent, EmulatedV4l2::Coding::Fake);
        const V4l2Probe result = probe(system);
        CHECK(result.failure.find("gave nothing back") != std::string::npos);
        CHECK(result.failure.find("/dev/video0") != std::string::npos);
        CHECK(result.bitrate.effect == Effect::Unknown);
    }

    TEST_CASE("a device that stalls ends the probe with a line within seconds and keeps what was measured") {
        Stalling system(v4l2Personality("plain"), 330);
        const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
        REQUIRE(nodes.size() == 1);
        V4l2ProbeSettings impatient = kSmall;
        impatient.limits = {.first = seconds(5), .stall = milliseconds(200), .drain = milliseconds(200)};
        const auto begin = std::chrono::steady_clock::now();
        const V4l2Probe result = probeEncoder(system, nodes[0], Codec::H264, impatient);
        CHECK(std::chrono::steady_clock::now() - begin < seconds(4));
        CHECK(result.failure.find("stalls: it has ") != std::string::npos);
        CHECK(result.failure.find("nothing back for 200 ms") != std::string::npos);
        CHECK(result.bitrate.effect == Effect::Live);
        CHECK(result.qpRange.effect == Effect::Unknown);
        CHECK(system.left() == 0);
    }

    TEST_CASE("a device that another program uses is said to be busy") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
        REQUIRE(nodes.size() == 1);
        system.failCall(system.calls().size(), EBUSY);
        const V4l2Probe result = probeEncoder(system, nodes[0], Codec::H264, kSmall);
        CHECK(result.failure.find("another program uses it") != std::string::npos);
        CHECK(result.failure.find("/dev/video0") != std::string::npos);
    }

    TEST_CASE("a device that dies while it is probed leaves a line and nothing open") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const std::vector<V4l2EncoderNode> nodes = findEncoders(system);
        REQUIRE(nodes.size() == 1);
        const std::size_t before = system.calls().size();
        // somewhere in the middle
        system.failCall(before + 400, ENODEV);
        const V4l2Probe result = probeEncoder(system, nodes[0], Codec::H264, kSmall);
        CHECK(result.failure != "");
        CHECK(system.openDescriptors() == 0);
        CHECK(system.mappings() == 0);
    }

    TEST_CASE("whatever call fails the probe ends and leaves nothing open") {
        V4l2ProbeSettings brief = kSmall;
        brief.picturesPerStep = 6;
        brief.limits = {.first = milliseconds(300), .stall = milliseconds(200), .drain = milliseconds(100)};
        EmulatedV4l2 counting(v4l2Personality("iris"), EmulatedV4l2::Coding::Fake);
        CHECK(probe(counting, Codec::H264, brief).failure == "");
        const std::size_t calls = counting.calls().size();
        const std::vector<V4l2EncoderNode> nodes = findEncoders(counting);
        REQUIRE(nodes.size() == 1);
        int failures = 0;
        for (std::size_t call = 0; call < calls; call += call < 60 ? 1 : 41) {
            CAPTURE(call);
            EmulatedV4l2 system(v4l2Personality("iris"), EmulatedV4l2::Coding::Fake);
            system.failCall(call, EIO);
            const V4l2Probe result = probeEncoder(system, nodes[0], Codec::H264, brief);
            failures += result.failure.empty() ? 0 : 1;
            CHECK(system.openDescriptors() == 0);
            // a mapping that is there cannot fail to be undone by the kernel: nothing could be done about it
            const std::vector<std::string> made = system.calls();
            if (call >= made.size() || made[call] != "unmap")
                CHECK(system.mappings() == 0);
        }
        CHECK(failures > 10);
    }

    TEST_CASE("what a device does not code is not probed") {
        EmulatedV4l2 system(v4l2Personality("coda"), EmulatedV4l2::Coding::Fake);
        CHECK(probe(system, Codec::Hevc).failure.find("does not code hevc") != std::string::npos);
    }
}

}  // namespace
}  // namespace smartcodec
