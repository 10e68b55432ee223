#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "encoder/v4l2_encoder.h"
#include "tests/encoder/v4l2_fixture.h"
#include "tests/support/forwarding_v4l2.h"

namespace smartcodec::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Survival {
    V4l2Recording recording;
    std::vector<std::byte> setsBefore;
    std::vector<std::byte> setsAfter;
    std::size_t opened = 0;
    std::size_t leftOpen = 0;
    std::size_t leftMapped = 0;
    std::chrono::nanoseconds took{0};
};

/// Records 60 frames; before the frames named, `strike` hits the device.
Survival survive(const V4l2Personality& personality, const std::set<int>& at,
                 const std::function<void(EmulatedV4l2&)>& strike) {
    Survival result;
    EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
    const EncoderConfig config = smallConfig();
    const auto begin = Clock::now();
    {
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        result.setsBefore.assign(encoder->parameterSets().begin(), encoder->parameterSets().end());
        result.opened = system.opened();
        result.recording = record(*encoder, config, 60, [&](int number, EncodeParameters&) {
            if (at.contains(number))
                strike(system);
        });
        result.opened = system.opened() - result.opened;
        result.setsAfter.assign(encoder->parameterSets().begin(), encoder->parameterSets().end());
    }
    result.took = Clock::now() - begin;
    result.leftOpen = system.openDescriptors();
    result.leftMapped = system.mappings();
    CHECK(result.leftOpen == 0);
    CHECK(result.leftMapped == 0);
    CHECK(result.took < test::kLongestRecovery);
    checkStream(result.recording);
    return result;
}

std::ptrdiff_t newStreams(const V4l2Recording& recording) {
    return std::ranges::count_if(recording.packets, [](const Packet& packet) { return packet.newStream; });
}

/// A device that answers POLLERR once it was struck, and nothing else is wrong with, until it is opened again.
class Polled final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    void strike() { broken_ = true; }

    int open(const char* path) override {
        broken_ = false;
        return ForwardingV4l2::open(path);
    }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        if (broken_ && request == VIDIOC_DQBUF) {
            errno = EAGAIN;
            return -1;
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        if (!broken_ || descriptors.empty())
            return ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
        descriptors[0].revents = POLLERR;
        return 1;
    }

  private:
    bool broken_ = false;
};

TEST_SUITE("unit") {
    TEST_CASE("a device that answers POLLERR with frames inside is opened again at once") {
        EmulatedV4l2 device(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        Polled system(device);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = device.opened();
        const V4l2Recording recording = record(*encoder, config, 60, [&](int number, EncodeParameters&) {
            if (number == 30)
                system.strike();
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(device.opened() == opened + 1);
        CHECK(recording.packets.size() == 60);  // none of them was taken from it
        const std::vector<std::string> notes = encoder->capabilities().notes;
        CHECK(std::ranges::any_of(notes, [](const std::string& note) {
            return note.find("it was opened again after waiting for the encoder (poll answers POLLERR)") == 0;
        }));
    }

    TEST_CASE("a device that does nothing after a restart is opened again for each key frame instead") {
        V4l2Personality personality = v4l2Personality("plain");
        std::erase_if(personality.controls, [](const V4l2PersonalityControl& control) {
            return control.id == V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME;
        });
        personality.restarts = false;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = system.opened();
        const V4l2Recording recording = record(*encoder, config, 60, [&](int number, EncodeParameters& parameters) {
            parameters.keyFrame = number % 20 == 0;
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(recording.packets.size() == 60);
        CHECK(system.opened() == opened + 2);
        for (const int number : {20, 40})
            CHECK(recording.packets.at(static_cast<std::size_t>(number)).keyFrame);
        const std::vector<std::string> notes = encoder->capabilities().notes;
        CHECK(std::ranges::count(notes, "it does nothing after a restart: it is opened again instead from now on") ==
              1);
    }

    TEST_CASE("a device whose frames all fail is opened again and given up when they fail again") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.errorsFrom = 20;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const V4l2Recording recording = record(*encoder, config, 1000, [](int, EncodeParameters&) {
            std::this_thread::sleep_for(quickLimits().stall / 50);
        });
        CHECK(recording.failure.find("nothing comes that can be decoded") != std::string::npos);
        checkStream(recording);
        CHECK(recording.packets.size() >= 2 * 19);
        CHECK(recording.encoded < 400);
    }

    TEST_CASE("a device that dies or stalls once is opened again and the same stream goes on with a key frame") {
        const std::vector<std::function<void(EmulatedV4l2&)>> strikes{
            [](EmulatedV4l2& system) { system.die(EIO); },
            [](EmulatedV4l2& system) { system.die(ENODEV); },
            [](EmulatedV4l2& system) { system.stall(); },
        };
        for (std::size_t i = 0; i < strikes.size(); ++i) {
            CAPTURE(i);
            const Survival survival = survive(v4l2Personality("plain"), {30}, strikes[i]);
            CHECK_MESSAGE(survival.recording.failure == "", survival.recording.failure);
            CHECK(survival.opened == 1);
            CHECK(survival.recording.packets.size() >= 56);
            CHECK(newStreams(survival.recording) == 0);
            CHECK(survival.setsAfter == survival.setsBefore);
            const auto keyFrames =
                std::ranges::count_if(survival.recording.packets, [](const Packet& packet) { return packet.keyFrame; });
            CHECK(keyFrames == 2);
        }
    }

    TEST_CASE("other parameter sets after opening again make a new stream from its first packet on") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.changesParameterSets = true;
        const Survival survival = survive(personality, {30}, [](EmulatedV4l2& system) { system.die(EIO); });
        CHECK_MESSAGE(survival.recording.failure == "", survival.recording.failure);
        CHECK(survival.setsAfter != survival.setsBefore);
        std::vector<std::size_t> begins;
        for (std::size_t i = 0; i < survival.recording.packets.size(); ++i)
            if (survival.recording.packets[i].newStream)
                begins.push_back(i);
        REQUIRE_FALSE(begins.empty());
        const Packet& first = survival.recording.packets[begins.back()];
        CHECK(first.keyFrame);
        CHECK(first.presentation >= at(26));
        CHECK(std::ranges::equal(first.data.first(survival.setsAfter.size()), survival.setsAfter));
    }

    TEST_CASE("a second failure soon after ends it with a message that names the node and the call") {
        const Survival survival =
            survive(v4l2Personality("plain"), {20, 40}, [](EmulatedV4l2& system) { system.die(EIO); });
        CHECK(survival.opened == 1);
        CHECK(survival.recording.failure.find("plain /dev/video0") != std::string::npos);
        CHECK(survival.recording.failure.find("VIDIOC_") != std::string::npos);
        CHECK(survival.recording.failure.find("Input/output error") != std::string::npos);
        CHECK(survival.recording.failure.find("--encoder software") != std::string::npos);
        CHECK(survival.recording.packets.size() >= 30);
        CHECK(survival.recording.encoded >= 39);
    }

    TEST_CASE("a second failure long after the first is another first one") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        V4l2Limits limits = quickLimits();
        limits.recovering = std::chrono::milliseconds(0);
        const auto encoder = openV4l2Encoder(config, {}, system, limits);
        const V4l2Recording recording = record(*encoder, config, 60, [&](int number, EncodeParameters&) {
            if (number % 15 == 10)
                system.die(EIO);
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(recording.packets.size() >= 45);
    }

    TEST_CASE("a device that is gone for good is tried for a while and then given up") {
        const Survival survival =
            survive(v4l2Personality("plain"), {30}, [](EmulatedV4l2& system) { system.die(ENODEV, true); });
        CHECK(survival.recording.failure.find("/dev/video0") != std::string::npos);
        CHECK(survival.recording.failure.find("opening it again failed") != std::string::npos);
        CHECK(survival.recording.failure.find("No such device") != std::string::npos);
        CHECK(survival.recording.packets.size() >= 26);
        CHECK(survival.took >= quickLimits().reopening);
    }

    TEST_CASE("a device that takes pictures and gives nothing back is opened again") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = system.opened();
        const V4l2Recording recording = record(*encoder, config, 60, [&](int number, EncodeParameters&) {
            if (number == 20)
                system.swallow();
            if (number > 20)
                std::this_thread::sleep_for(quickLimits().stall / 20);
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(system.opened() == opened + 1);
        CHECK(recording.packets.size() >= 30);
        REQUIRE_FALSE(recording.packets.empty());
        CHECK(recording.packets.back().presentation == at(59));
    }

    TEST_CASE("a device that takes pictures and gives nothing back nor ends when drained is opened again") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.neverEnds = true;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = system.opened();
        const V4l2Recording recording = record(*encoder, config, 20, [&](int number, EncodeParameters&) {
            if (number == 15)
                system.swallow();
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(system.opened() == opened + 1);
    }

    TEST_CASE("a single picture of which nothing comes is no stall however long the next one takes") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.swallowEvery = 3;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = system.opened();
        const V4l2Recording recording = record(*encoder, config, 4, [&](int number, EncodeParameters&) {
            if (number == 3)
                std::this_thread::sleep_for(quickLimits().stall * 3 / 2);
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        CHECK(system.opened() == opened);
        CHECK(recording.packets.size() == 3);
    }

    TEST_CASE("a stall while draining is mended like any other") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        FramePool pool(config.format, config.size);
        for (int number = 0; number < 10; ++number) {
            if (number == 9)
                system.stall();
            Frame::Description description;
            description.time = at(number);
            REQUIRE(encoder->encode(pool.make(description), {.bitrate = kMax}).ok());
        }
        const Status status = encoder->drain();
        CHECK_MESSAGE(status.ok(), status.message());
        int packets = 0;
        CaptureTime last{};
        while (const auto packet = encoder->takePacket()) {
            ++packets;
            last = packet->presentation;
        }
        CHECK(packets >= 7);
        CHECK(last == at(9));  // the last frame went in again
    }

    TEST_CASE("after a failure nothing more is taken and nothing blocks") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        system.die(ENODEV, true);
        FramePool pool(config.format, config.size);
        CHECK_FALSE(encoder->encode(pool.make({}), {.bitrate = kMax}).ok());
        Frame::Description later;
        later.time = at(1);
        CHECK_FALSE(encoder->encode(pool.make(later), {.bitrate = kMax}).ok());
        CHECK_FALSE(encoder->wait(-1).ok());
        CHECK_FALSE(encoder->drain().ok());
        CHECK_FALSE(encoder->takePacket());
    }
}

}  // namespace
}  // namespace smartcodec::test
