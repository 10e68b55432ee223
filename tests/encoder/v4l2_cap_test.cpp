#include <doctest/doctest.h>
#include <linux/v4l2-controls.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "encoder/v4l2_device.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using std::chrono::milliseconds;

constexpr Bitrate kCap{300'000};
constexpr double kPromise = 1.1;        // times the cap, in any ten seconds
constexpr std::size_t kMostOpened = 8;  // for its bit rate
constexpr int kKeyFrameEvery = 250;
#ifdef __SANITIZE_THREAD__
constexpr std::array kCodecs{Codec::H264};  // a sample: the client is one thread
#else
constexpr std::array kCodecs{Codec::H264, Codec::Hevc};
#endif

/// One that takes a bit rate before it streams and never after.
V4l2Personality withStaticBitrate() {
    V4l2Personality personality = v4l2Personality("plain");
    control(personality, V4L2_CID_MPEG_VIDEO_BITRATE).errorWhileStreaming = EBUSY;
    return personality;
}

/// More than the cap at any QP that rate control would choose by itself.
EncoderConfig busyConfig(bool constantBitrate, Codec codec = Codec::H264) {
    EncoderConfig config = smallConfig(codec);
    config.maxBitrate = kCap;
    config.quality = 10;
    if (constantBitrate)
        config.constantBitrate = kCap;
    return config;
}

/// Bits in the ten seconds that have most of them, as a share of the cap.
double highestTenSeconds(const V4l2Recording& recording) {
    double highest = 0;
    double bits = 0;
    auto first = recording.packets.begin();
    for (const Packet& packet : recording.packets) {
        bits += 8.0 * static_cast<double>(packet.data.size());
        for (; first->presentation + std::chrono::seconds(10) <= packet.presentation; ++first)
            bits -= 8.0 * static_cast<double>(first->data.size());
        highest = std::max(highest, bits);
    }
    return highest / 10 / static_cast<double>(kCap.bitsPerSecond);
}

/// A file whose 25 frames per second are only an average: 20 s at 12.5, then at 50.
CaptureTime slowThenFast(int number) {
    return CaptureTime(milliseconds(number < 250 ? number * 80 : 20'000 + (number - 250) * 20));
}

/// 25 per second where something moves, ten seconds in thirty; else one in two seconds.
CaptureTime mostlyDropped(int number) {
    constexpr int kMoving = 250;
    constexpr int kStill = 10;
    const int round = number / (kMoving + kStill);
    const int inRound = number % (kMoving + kStill);
    return CaptureTime(
        milliseconds(round * 30'000 + std::min(inRound, kMoving) * 40 + std::max(inRound - kMoving, 0) * 2000));
}

/// Grants no more than 30 frames per second, as some drivers do.
class ThirtyAtMost final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (request == VIDIOC_S_PARM) {
            v4l2_fract& interval = static_cast<v4l2_streamparm*>(argument)->parm.output.timeperframe;
            if (interval.denominator > 30 * interval.numerator)
                interval = {1, 30};
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }
};

struct Capped {
    double highest = 0;      ///< in any ten seconds, as a share of the cap
    std::size_t opened = 0;  ///< how often the device was opened again
};

/// With a key frame every 250 frames.
Capped recordCapped(const V4l2Personality& personality, const EncoderConfig& config, int count,
                    const std::function<CaptureTime(int)>& time) {
    EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
    const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
    const std::size_t opened = system.opened();
    const V4l2Recording recording = record(
        *encoder, config, count,
        [](int number, EncodeParameters& parameters) { parameters.keyFrame = number % kKeyFrameEvery == 0; }, time);
    CHECK(recording.failure == "");
    CHECK(recording.packets.size() == static_cast<std::size_t>(count));
    return {.highest = highestTenSeconds(recording), .opened = system.opened() - opened};
}

TEST_SUITE("unit") {
    TEST_CASE("the cap holds over any ten seconds where the real frame rate is not the nominal one") {
        for (const V4l2Personality& personality :
             {v4l2Personality("plain"), withStaticBitrate(), v4l2Personality("wave5"), v4l2Personality("s5p-mfc")}) {
            for (const bool constant : {false, true}) {
                CAPTURE(personality.name);
                CAPTURE(constant);
                constexpr int kFrames = 1500;
                const Capped capped = recordCapped(personality, busyConfig(constant), kFrames, slowThenFast);
                CHECK(capped.highest <= kPromise);
                CHECK(capped.highest > 0.7);
                CHECK(capped.opened <= kMostOpened + (personality.restarts ? 0 : kFrames / kKeyFrameEvery - 1));
            }
        }
    }

    TEST_CASE("with any driver and codec the cap holds over any ten seconds where most frames are dropped") {
        std::vector<V4l2Personality> all(v4l2Personalities().begin(), v4l2Personalities().end());
        all.push_back(withStaticBitrate());
        int tried = 0;
        for (const V4l2Personality& personality : all) {
            for (const Codec codec : kCodecs) {
                if (std::ranges::find(personality.codedFormats, v4l2Fourcc(codec)) == personality.codedFormats.end())
                    continue;
                CAPTURE(personality.name);
                CAPTURE(std::string(name(codec)));
                ++tried;
                const Capped capped = recordCapped(personality, busyConfig(false, codec), 780, mostlyDropped);
                CHECK(capped.highest <= kPromise);
                CHECK(capped.highest > 0.7);
            }
        }
        CHECK(tried >= 9 * static_cast<int>(kCodecs.size()));
    }

    TEST_CASE("a device that reckons with another frame rate than it was asked for keeps to the cap too") {
        for (const bool constant : {false, true}) {
            CAPTURE(constant);
            EmulatedV4l2 device(withStaticBitrate(), EmulatedV4l2::Coding::Fake);
            ThirtyAtMost system(device);
            EncoderConfig config = busyConfig(constant);
            config.frameRate = {60, 1};
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            const std::size_t opened = device.opened();
            const V4l2Recording recording =
                record(*encoder, config, 900, {}, [](int number) { return at(number, 60); });
            CHECK(recording.failure == "");
            CHECK(highestTenSeconds(recording) <= kPromise);
            CHECK(highestTenSeconds(recording) > 0.7);
            CHECK(device.opened() == opened);
            CHECK(std::ranges::any_of(encoder->capabilities().notes, [](const std::string& note) {
                return note.starts_with("it reckons with 30 frames a second instead of 60");
            }));
        }
    }

    TEST_CASE("a bit rate is rounded down to the control's step but not below what the device works with") {
        const auto told = [](Bitrate cap) {
            EmulatedV4l2 system(v4l2Personality("bcm2835-codec"), EmulatedV4l2::Coding::Fake);
            EncoderConfig config = smallConfig();
            config.maxBitrate = cap;
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            std::int64_t value = 0;
            for (const EmulatedV4l2::ControlSet& control : system.controlsSet())
                if (control.id == V4L2_CID_MPEG_VIDEO_BITRATE)
                    value = control.value;
            return value;
        };
        CHECK(told({249'000}) == 225'000);
        CHECK(told({250'000}) == 250'000);
        CHECK(told({120'000}) == 100'000);
        CHECK(told({40'000}) == 100'000);
    }

    TEST_CASE("the cap holds over any ten seconds at the nominal frame rate and nothing is opened again") {
        for (const bool constant : {false, true}) {
            const Capped capped = recordCapped(withStaticBitrate(), busyConfig(constant), 750, {});
            CHECK(capped.highest <= kPromise);
            CHECK(capped.highest > 0.7);
            CHECK(capped.opened == 0);
        }
    }
}

}  // namespace
}  // namespace smartcodec::test
