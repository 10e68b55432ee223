// What is told of frame rates and times, and what becomes of the bits of frames that were dropped.

#include <doctest/doctest.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <string>
#include <vector>

#include "encoder/v4l2_drivers.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

constexpr int kFrames = 200;
constexpr int kKept = 4;  // one of so many frames

/// So low a cap that rate control decides, not the quality aimed at.
EncoderConfig cappedConfig() {
    EncoderConfig config = smallConfig();
    config.maxBitrate = {300'000};
    config.quality = 10;
    return config;
}

/// Every driver that codes what is recorded.
std::vector<V4l2Personality> recorders() {
    std::vector<V4l2Personality> all;
    for (const V4l2Personality& personality : v4l2Personalities())
        if (personality.name != "vicodec")  // FWHT
            all.push_back(personality);
    return all;
}

/// Records frames so many intervals apart, on a device that has been set up, and gives the bytes per frame of each
/// half, without the key frames, which some make by themselves.
struct Bytes {
    double firstHalf = 0;
    double secondHalf = 0;
};
Bytes bytesPerFrame(Encoder& encoder, const EncoderConfig& config, int intervals) {
    const V4l2Recording recording =
        record(encoder, config, kFrames, {}, [intervals](int number) { return at(number * intervals); });
    CHECK_MESSAGE(recording.failure == "", recording.failure);
    REQUIRE(recording.packets.size() == kFrames);
    const auto mean = [&](int from, int to) {
        double sum = 0;
        int count = 0;
        for (int i = from; i < to; ++i)
            if (const Packet& packet = recording.packets[static_cast<std::size_t>(i)]; !packet.keyFrame) {
                sum += static_cast<double>(packet.data.size());
                ++count;
            }
        return sum / count;
    };
    return {.firstHalf = mean(kFrames / 4, kFrames / 2), .secondHalf = mean(kFrames * 3 / 4, kFrames)};
}

/// Tells the device, in the middle of the recording, the rate of the frames that are left.
class TellsRate final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    void begin() { left_ = kFrames / 2; }

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (request == VIDIOC_QBUF && left_ > 0) {
            const auto* const buffer = static_cast<const v4l2_buffer*>(argument);
            if (V4L2_TYPE_IS_OUTPUT(buffer->type) && --left_ == 0) {
                v4l2_streamparm parameters{};
                parameters.type = buffer->type;
                parameters.parm.output.timeperframe = {.numerator = kKept, .denominator = 25};
                CHECK(ForwardingV4l2::ioctl(descriptor, VIDIOC_S_PARM, &parameters) == 0);
            }
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }

  private:
    int left_ = 0;
};

TEST_SUITE("unit") {
    TEST_CASE("times are evenly spaced for the encoder whatever was dropped and true again afterwards") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t trial = system.timestamps().size();
        const auto time = [](int number) { return at(number * 25 + number % 3); };
        const V4l2Recording recording = record(*encoder, config, 40, {}, time);
        const std::vector<std::int64_t> timestamps = system.timestamps();
        REQUIRE(timestamps.size() == trial + 40);
        CHECK(timestamps[trial] > 0);
        for (std::size_t i = trial + 1; i < timestamps.size(); ++i)
            CHECK(timestamps[i] - timestamps[i - 1] == 40'000);
        REQUIRE(recording.packets.size() == 40);
        for (int i = 0; i < 40; ++i)
            CHECK(recording.packets[static_cast<std::size_t>(i)].presentation == time(i));
    }

    TEST_CASE("no driver hands the bits of dropped frames to the others and none is told another frame rate") {
        for (const V4l2Personality& personality : recorders()) {
            CAPTURE(personality.name);
            const EncoderConfig config = cappedConfig();
            double bytes[2] = {};
            for (const int intervals : {1, kKept}) {
                EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
                const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                const std::size_t before = system.calls().size();
                bytes[intervals == 1 ? 0 : 1] = bytesPerFrame(*encoder, config, intervals).secondHalf;
                const std::vector<std::string> calls = system.calls();
                CHECK(std::none_of(calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(),
                                   [](const std::string& call) { return call.starts_with("ioctl VIDIOC_S_PARM"); }));
            }
            CHECK(bytes[1] == doctest::Approx(bytes[0]).epsilon(0.1));
        }
    }

    TEST_CASE("the rate of the frames that are left would hand them the saved bits where it acts while running") {
        int looked = 0;
        for (const V4l2Personality& personality : recorders()) {
            if (driverFacts(personality.driver).frameRate != ControlEffect::Live)
                continue;
            CAPTURE(personality.name);
            ++looked;
            const EncoderConfig config = cappedConfig();
            EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
            TellsRate system(device);
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            system.begin();
            const Bytes bytes = bytesPerFrame(*encoder, config, kKept);
            CHECK(bytes.secondHalf > 2.5 * bytes.firstHalf);
        }
        CHECK(looked == 3);  // bcm2835-codec, mtk-vcodec-enc, coda
    }
}

}  // namespace
}  // namespace smartcodec::test
