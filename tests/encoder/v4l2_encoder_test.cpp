#include "encoder/v4l2_encoder.h"

#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "capture/unique_fd.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using std::chrono::milliseconds;

TEST_SUITE("unit") {
    TEST_CASE("every frame of a recording comes out with its capture time and its picture") {
        for (const char* name : {"plain", "plain-single"})
            for (const Codec codec : {Codec::H264, Codec::Hevc}) {
                CAPTURE(name);
                CAPTURE(smartcodec::name(codec));
                EmulatedV4l2 system(v4l2Personality(name), EmulatedV4l2::Coding::Fake);
                const EncoderConfig config = smallConfig(codec);
                {
                    const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                    CHECK(encoder->finishesByItself());
                    const V4l2Recording recording = record(*encoder, config, 60);
                    CHECK(recording.failure == "");
                    checkStream(recording, codec);
                    CHECK(numbers(recording) == upTo(60));
                    for (std::size_t i = 0; i < recording.packets.size(); ++i)
                        CHECK(recording.packets[i].presentation == at(static_cast<int>(i)));
                    REQUIRE(recording.pictures.size() == 60);
                    for (std::size_t i = 0; i < 60; i += 13)
                        CHECK(recording.pictures[i].checksum == truth(config, static_cast<int>(i)));
                }
                CHECK(system.openDescriptors() == 0);
                CHECK(system.mappings() == 0);
            }
    }

    TEST_CASE("a copied picture is the picture whatever way its chroma lies and however rows are padded") {
        struct Driver {
            std::uint32_t raw;
            bool multiplanar;
            int strideAlignment;
            Size alignment;
        };
        for (const PixelFormat format : {kNv12, kYuv420})
            for (const Driver& driver :
                 {Driver{V4L2_PIX_FMT_NV12, true, 16, {2, 2}}, Driver{V4L2_PIX_FMT_NV12M, true, 128, {16, 16}},
                  Driver{V4L2_PIX_FMT_YUV420, true, 64, {2, 2}}, Driver{V4L2_PIX_FMT_YUV420M, true, 32, {32, 32}},
                  Driver{V4L2_PIX_FMT_NV12, false, 32, {16, 16}}, Driver{V4L2_PIX_FMT_YUV420, false, 16, {2, 2}}})
                for (const Size size : {Size{320, 192}, Size{322, 190}}) {
                    CAPTURE(smartcodec::name(format));
                    CAPTURE(driver.raw);
                    CAPTURE(driver.multiplanar);
                    CAPTURE(size.width);
                    V4l2Personality personality = v4l2Personality(driver.multiplanar ? "plain" : "plain-single");
                    personality.rawFormats = {driver.raw};
                    personality.strideAlignment = driver.strideAlignment;
                    personality.alignment = driver.alignment;
                    EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
                    EncoderConfig config = smallConfig();
                    config.format = format;
                    config.size = size;
                    const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                    CHECK_FALSE(encoder->capabilities().importsDmabufs);
                    const V4l2Recording recording = record(*encoder, config, 3);
                    REQUIRE(recording.pictures.size() == 3);
                    CHECK(recording.pictures[2].checksum == truth(config, 2));
                }
    }

    TEST_CASE("parameter sets stand in front of every key frame whether the driver repeats them or not") {
        for (const auto& [separate, split] : {std::pair(false, false), {true, false}, {false, true}}) {
            CAPTURE(separate);
            CAPTURE(split);
            const Trouble trouble = recordWith(
                [separate = separate, split = split](V4l2Personality& personality) {
                    personality.splitsParameterSets = split;
                    std::erase_if(personality.controls, [&](const V4l2PersonalityControl& control) {
                        return control.id == V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR ||
                               (separate && control.id == V4L2_CID_MPEG_VIDEO_HEADER_MODE);
                    });
                },
                60, [](int number, EncodeParameters& parameters) { parameters.keyFrame = number % 20 == 0; });
            CHECK_FALSE(trouble.sets.empty());
            int keyFrames = 0;
            for (const Packet& packet : trouble.recording.packets)
                if (packet.keyFrame) {
                    ++keyFrames;
                    CHECK_FALSE(packet.newStream);
                    REQUIRE(packet.data.size() > trouble.sets.size());
                    CHECK(std::ranges::equal(packet.data.first(trouble.sets.size()), trouble.sets));
                }
            CHECK(keyFrames == 3);
        }
    }

    TEST_CASE("wait returns for the wake-up and for a packet") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const UniqueFd wake(eventfd(0, EFD_CLOEXEC));
        auto waker = std::async(std::launch::async, [&] {
            std::this_thread::sleep_for(milliseconds(20));
            return eventfd_write(wake.get(), 1);
        });
        CHECK(encoder->wait(wake.get()).ok());  // idle, where the device answers POLLERR
        waker.get();
        eventfd_t value = 0;
        CHECK(eventfd_read(wake.get(), &value) == 0);  // it was not read
        FramePool pool(config.format, config.size);
        REQUIRE(encoder->encode(pool.make({}), {.bitrate = kMax}).ok());
        CHECK(encoder->wait(wake.get()).ok());
        CHECK(encoder->takePacket());
        CHECK(encoder->wait(-1).ok());  // nothing to wait for: it returns
    }

    TEST_CASE("what cannot be opened is refused with the node and a remedy") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        const auto message = [&](const EncoderConfig& config, const std::string& path) -> std::string {
            try {
                static_cast<void>(openV4l2Encoder(config, path, system, quickLimits()));
            } catch (const std::runtime_error& error) {
                return error.what();
            }
            return "";
        };
        CHECK(message(smallConfig(), "/dev/video7").find("/dev/video7") != std::string::npos);
        CHECK(message(smallConfig(), "/dev/video7").find("smartcodec devices") != std::string::npos);
        EncoderConfig large = smallConfig();
        large.size = {8192, 4096};
        CHECK(message(large, "").find("4096x2304") != std::string::npos);
        EncoderConfig odd = smallConfig();
        odd.size = {321, 192};
        CHECK(message(odd, "").find("321x192") != std::string::npos);

        V4l2Personality onlyHevc = v4l2Personality("plain");
        onlyHevc.codedFormats = {V4L2_PIX_FMT_HEVC};
        EmulatedV4l2 other(onlyHevc, EmulatedV4l2::Coding::Fake);
        CHECK_THROWS_WITH_AS(static_cast<void>(openV4l2Encoder(smallConfig(), {}, other, quickLimits())),
                             doctest::Contains("/dev/video0 does not code h264"), std::runtime_error);
    }

    TEST_CASE("of several encoders the first that works is taken") {
        std::vector<V4l2Personality> nodes(3, v4l2Personality("plain"));
        nodes[0].codedFormats = {V4L2_PIX_FMT_HEVC};
        nodes[1].rawFormats = {V4L2_PIX_FMT_YUYV};
        EmulatedV4l2 system(nodes, EmulatedV4l2::Coding::Fake);
        const auto encoder = openV4l2Encoder(smallConfig(), {}, system, quickLimits());
        CHECK(encoder->capabilities().name == "plain /dev/video2");
    }
}

}  // namespace
}  // namespace smartcodec::test
