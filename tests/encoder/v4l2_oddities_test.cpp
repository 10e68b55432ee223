// What drivers and devices do that the specification does not foresee, or leaves open.

#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <future>
#include <optional>
#include <thread>

#include "capture/unique_fd.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using std::chrono::milliseconds;

/// Lets the driver grant no more than this for buffers of the bit stream, from the given time on that it is asked.
class Grudging final : public ForwardingV4l2 {
  public:
    Grudging(V4l2System& system, std::uint32_t bytes, std::size_t from, std::size_t to)
        : ForwardingV4l2(system), bytes_(bytes), from_(from), to_(to) {}

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        auto* format = static_cast<v4l2_format*>(argument);
        if (request == VIDIOC_S_FMT && format->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
            const std::uint32_t bytes = format->fmt.pix_mp.plane_fmt[0].sizeimage;
            if (asked_.size() >= from_ && asked_.size() < to_)
                format->fmt.pix_mp.plane_fmt[0].sizeimage = bytes_;
            asked_.push_back(bytes);
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }

    [[nodiscard]] const std::vector<std::uint32_t>& asked() const { return asked_; }

  private:
    std::uint32_t bytes_;
    std::size_t from_;
    std::size_t to_;
    std::vector<std::uint32_t> asked_;
};

/// Answers POLLERR whenever it has no picture, though it waits for no buffer of the bit stream either.
class ErrsWhenIdle final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    int open(const char* path) override {
        inside_ = 0;
        return descriptor_ = ForwardingV4l2::open(path);
    }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        const int result = ForwardingV4l2::ioctl(descriptor, request, argument);
        if (result == 0 && (request == VIDIOC_QBUF || request == VIDIOC_DQBUF) &&
            V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type))
            inside_ += request == VIDIOC_QBUF ? 1 : -1;
        return result;
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        const auto device = std::ranges::find(descriptors, descriptor_, &pollfd::fd);
        const bool idle = device != descriptors.end() && inside_ == 0;
        const int ready = ForwardingV4l2::poll(descriptors, idle ? 0 : timeoutMilliseconds);
        if (!idle || ready < 0)
            return ready;
        ++errors_;
        device->revents = static_cast<short>(device->revents | POLLERR);
        return std::max(ready, 1);
    }

    [[nodiscard]] std::size_t errors() const { return errors_; }

  private:
    int descriptor_ = -1;
    int inside_ = 0;
    std::size_t errors_ = 0;
};

/// Once it is told to stop, it gives every buffer for the bit stream back at once with nothing in it, for a while.
class Babbling final : public ForwardingV4l2 {
  public:
    static constexpr std::chrono::seconds kWhile{8};

    Babbling(V4l2System& system, std::uint32_t flags) : ForwardingV4l2(system), flags_(flags) {}
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        auto* buffer = static_cast<v4l2_buffer*>(argument);
        const bool ours = (request == VIDIOC_QBUF || request == VIDIOC_DQBUF) && !V4L2_TYPE_IS_OUTPUT(buffer->type);
        if (request == VIDIOC_ENCODER_CMD)
            until_ = std::chrono::steady_clock::now() + kWhile;
        if (until_ && ours && request == VIDIOC_QBUF) {
            indices_.push_back(buffer->index);
            return 0;
        }
        const int result = ForwardingV4l2::ioctl(descriptor, request, argument);
        if (result == 0 || !babbles() || !ours)
            return result;
        buffer->index = indices_.front();
        buffer->flags = flags_;
        buffer->m.planes[0].bytesused = buffer->m.planes[0].data_offset = 0;
        indices_.pop_front();
        return 0;
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        const int ready = ForwardingV4l2::poll(descriptors, babbles() ? 0 : timeoutMilliseconds);
        if (!babbles() || ready > 0)
            return ready;
        descriptors[0].revents = POLLIN;
        return 1;
    }

  private:
    [[nodiscard]] bool babbles() const {
        return until_ && !indices_.empty() && std::chrono::steady_clock::now() < *until_;
    }

    std::uint32_t flags_;
    std::optional<std::chrono::steady_clock::time_point> until_;
    std::deque<std::uint32_t> indices_;
};

/// Begins to keep pictures only when it is told.
class KeepsLastLater final : public ForwardingV4l2 {
  public:
    explicit KeepsLastLater(V4l2System& system) : ForwardingV4l2(system), keeping_(system) {}
    void keep() { keeps_ = true; }
    int close(int descriptor) override { return keeping_.close(descriptor); }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        return keeps_ ? keeping_.ioctl(descriptor, request, argument)
                      : ForwardingV4l2::ioctl(descriptor, request, argument);
    }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        return keeps_ ? keeping_.poll(descriptors, timeoutMilliseconds)
                      : ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
    }

  private:
    KeepsLast keeping_;
    bool keeps_ = false;
};

bool notes(const Trouble& trouble, const std::string& text) {
    return std::ranges::any_of(trouble.capabilities.notes,
                               [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

TEST_SUITE("unit") {
    TEST_CASE("frames that the driver swallows are given up and the others are not held back for long") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.swallowEvery = 7; });
        CHECK(trouble.recording.packets.size() == 60 - 60 / 7);
        CHECK(notes(trouble, "nothing came of 8 frames that it took"));
        CHECK_FALSE(notes(trouble, "left out"));
    }

    TEST_CASE("a device that keeps the newest picture until the next one is not taken for stalled") {
        EmulatedV4l2 device(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        KeepsLast system(device);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = device.opened();
        FramePool pool(config.format, config.size);
        int packets = 0;
        for (int number = 0; number < 2; ++number) {
            Frame::Description description;
            description.time = at(number, 1);
            REQUIRE(encoder->encode(pool.make(description), {.bitrate = kMax}).ok());
            const UniqueFd wake(eventfd(0, EFD_CLOEXEC));
            auto waker = std::async(std::launch::async, [&] {
                std::this_thread::sleep_for(quickLimits().stall + milliseconds(100));
                return eventfd_write(wake.get(), 1);
            });
            do {
                while (encoder->takePacket())
                    ++packets;
                REQUIRE(encoder->wait(wake.get()).ok());
            } while (waker.wait_for(milliseconds(0)) != std::future_status::ready);
        }
        CHECK(packets == 2);
        CHECK(device.opened() == opened);
    }

    TEST_CASE("a flag for the last piece that is left from the stream before loses nothing") {
        for (const int latency : {0, 3}) {
            CAPTURE(latency);
            const Trouble trouble = recordWith(
                [&](V4l2Personality& personality) {
                    personality.keepsLastFlag = true;
                    personality.latencyFrames = latency;
                    std::erase_if(personality.controls, [](const V4l2PersonalityControl& each) {
                        return each.id == V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME;
                    });
                },
                100, [](int number, EncodeParameters& parameters) { parameters.keyFrame = number % 10 == 0; });
            CHECK(numbers(trouble.recording) == upTo(100));
        }
    }

    TEST_CASE("a swallowed frame is given up in time even if no other frame follows") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.swallowEvery = 3;
        EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        FramePool pool(config.format, config.size);
        int packets = 0;
        for (int number = 0; number < 4; ++number) {  // the third is swallowed
            Frame::Description description;
            description.time = at(number);
            REQUIRE(encoder->encode(pool.make(description), {.bitrate = kMax}).ok());
        }
        while (packets < 3) {
            REQUIRE(encoder->wait(-1).ok());
            while (encoder->takePacket())
                ++packets;
        }
        CHECK(system.opened() == 3);  // asked, tried, used: not taken for stalled
    }

    TEST_CASE("packets that come in the wrong order are put right") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.swapPackets = true; });
        CHECK(numbers(trouble.recording) == upTo(60));
        CHECK_FALSE(notes(trouble, "nothing came"));
        CHECK_FALSE(notes(trouble, "left out"));
    }

    TEST_CASE("empty packets and a junk first one are passed over") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) {
            personality.emptyPacketEvery = 3;
            personality.junkFirst = true;
        });
        CHECK(numbers(trouble.recording) == upTo(60));
        CHECK(notes(trouble, "1 piece of its bit stream belonged to no frame"));
    }

    TEST_CASE("a driver that does not give timestamps back has its packets taken in their order") {
        for (const int latency : {0, 2}) {
            CAPTURE(latency);
            const Trouble trouble = recordWith([&](V4l2Personality& personality) {
                personality.copiesTimestamps = false;
                personality.latencyFrames = latency;
                personality.junkFirst = true;
                personality.splitsParameterSets = true;
            });
            CHECK(numbers(trouble.recording) == upTo(60));
            CHECK(trouble.recording.pictures.at(31).checksum == truth(smallConfig(), 31));
            CHECK(notes(trouble, "does not give the frames' times back"));
        }
    }

    TEST_CASE("a device that wakes without reason is not believed") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.spuriousPollEvery = 2; });
        CHECK(numbers(trouble.recording) == upTo(60));
    }

    TEST_CASE(
        "a device that answers POLLERR while it has no picture to take is neither dead nor asked again and again") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.latencyFrames = 3;  // pictures that are back but not out: there is something to wait for
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        ErrsWhenIdle system(device);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = device.opened();
        FramePool pool(config.format, config.size);
        V4l2Recording recording;
        const auto take = [&] {
            while (auto packet = encoder->takePacket())
                recording.packets.push_back(std::move(*packet));
        };
        for (int number = 0; number < 6; ++number) {
            Frame::Description description;
            description.time = at(number);
            REQUIRE(encoder->encode(pool.make(description), {.bitrate = kMax}).ok());
            take();
            const UniqueFd wake(eventfd(0, EFD_CLOEXEC));
            auto waker = std::async(std::launch::async, [&] {
                std::this_thread::sleep_for(milliseconds(50));
                return eventfd_write(wake.get(), 1);
            });
            const std::size_t before = system.errors();
            do {
                REQUIRE(encoder->wait(wake.get()).ok());
                take();
            } while (waker.wait_for(milliseconds(0)) != std::future_status::ready);
            CHECK(system.errors() <= before + 2);
        }
        CHECK(system.errors() > 0);
        CHECK(recording.packets.size() == 3);
        REQUIRE(encoder->drain().ok());
        take();
        CHECK(numbers(recording) == upTo(6));
        CHECK(device.opened() == opened);
    }

    TEST_CASE("a recording ends whole and at once in whatever way the driver tells the end") {
        V4l2Limits limits = quickLimits();
        limits.drain = std::chrono::seconds(20);  // not what ends it
        for (const V4l2EndOfStream end : {V4l2EndOfStream::LastOnPicture, V4l2EndOfStream::LastOnEmpty,
                                          V4l2EndOfStream::Empty, V4l2EndOfStream::Epipe, V4l2EndOfStream::Event})
            for (const int latency : {0, 3}) {
                CAPTURE(static_cast<int>(end));
                CAPTURE(latency);
                const auto begin = std::chrono::steady_clock::now();
                const Trouble trouble = recordWith(
                    [&](V4l2Personality& personality) {
                        personality.end = end;
                        personality.latencyFrames = latency;
                    },
                    20, {}, limits);
                CHECK(numbers(trouble.recording) == upTo(20));
                CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
            }
    }

    TEST_CASE("an event for the end that comes before the last picture costs no picture") {
        for (const V4l2EndOfStream end : {V4l2EndOfStream::LastOnPicture, V4l2EndOfStream::Event})
            for (const int latency : {1, 3}) {
                CAPTURE(static_cast<int>(end));
                CAPTURE(latency);
                const Trouble trouble = recordWith(
                    [&](V4l2Personality& personality) {
                        personality.end = end;
                        personality.tellsEndEarly = true;
                        personality.latencyFrames = latency;
                    },
                    20);
                CHECK(numbers(trouble.recording) == upTo(20));
                CHECK_FALSE(notes(trouble, "nothing came"));
            }
    }

    TEST_CASE("a device that gives buffers back empty without end does not keep a drain from ending") {
        for (const std::uint32_t flags : {0u, std::uint32_t{V4L2_BUF_FLAG_ERROR}}) {
            CAPTURE(flags);
            V4l2Personality personality = v4l2Personality("plain");
            personality.neverEnds = true;
            personality.latencyFrames = 1;  // whose buffer is the first to come back then
            EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
            Babbling system(device, flags);
            const EncoderConfig config = smallConfig();
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            FramePool pool(config.format, config.size);
            int packets = 0;
            for (int number = 0; number < 4; ++number) {
                Frame::Description description;
                description.time = at(number);
                REQUIRE(encoder->encode(pool.make(description), {.bitrate = kMax}).ok());
            }
            while (packets < 3) {
                REQUIRE(encoder->wait(-1).ok());
                while (encoder->takePacket())
                    ++packets;
            }
            const auto begin = std::chrono::steady_clock::now();
            CHECK(encoder->drain().ok());
            CHECK(std::chrono::steady_clock::now() - begin < Babbling::kWhile / 2);
        }
    }

    TEST_CASE("a device that keeps more pictures than of grey ones gets its key frames nevertheless") {
        EmulatedV4l2 device(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        KeepsLastLater system(device);
        const EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const std::size_t opened = device.opened();
        system.keep();
        const V4l2Recording recording = record(*encoder, config, 30, [](int number, EncodeParameters& parameters) {
            parameters.keyFrame = number % 10 == 0;
        });
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        CHECK(numbers(recording) == upTo(30));
        CHECK(device.opened() == opened);
    }

    TEST_CASE("a driver without a command for the end is waited for until everything is out") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.hasEncoderCommand = false; });
        CHECK(numbers(trouble.recording) == upTo(60));
    }

    TEST_CASE("a drain that never ends is ended by its limit with nothing lost") {
        const auto begin = std::chrono::steady_clock::now();
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.neverEnds = true; }, 20);
        CHECK(numbers(trouble.recording) == upTo(20));
        CHECK(std::chrono::steady_clock::now() - begin >= quickLimits().drain);
    }

    TEST_CASE("what a driver puts in front of the data is no part of a packet") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.captureDataOffset = 64; });
        CHECK(numbers(trouble.recording) == upTo(60));
        for (const Packet& packet : trouble.recording.packets) {
            REQUIRE(packet.data.size() > 4);
            CHECK(packet.data[0] == std::byte{0});
            CHECK(packet.data[3] == std::byte{1});
        }
    }

    TEST_CASE("a frame larger than a buffer of the bit stream is put together again") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.overflow = V4l2Overflow::Continue;
        personality.smallestCodedBytes = 4096;
        SUBCASE("from the start of its buffers") {}
        SUBCASE("behind what the driver puts in front of it") {
            personality.captureDataOffset = 64;
        }
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        Grudging system(device, 4096, 0, 1000);
        EncoderConfig config = smallConfig();
        config.maxBitrate = {40'000'000};
        config.quality = 4;
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const V4l2Recording recording = record(*encoder, config, 20);
        CHECK(recording.failure == "");
        CHECK(numbers(recording) == upTo(20));
        CHECK(std::ranges::any_of(recording.packets, [](const Packet& packet) { return packet.data.size() > 8192; }));
        for (std::size_t i = 0; i < recording.pictures.size(); ++i)
            CHECK(recording.pictures[i].number == i);
    }

    TEST_CASE("a frame that fails for lack of room costs itself and the next one has twice as much") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.smallestCodedBytes = 4096;
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        // asked for the formats of two codecs and by the trial, then for the recording
        Grudging system(device, 4096, 3, 4);
        EncoderConfig config = smallConfig();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        const V4l2Recording recording = record(*encoder, config, 40);
        CHECK_MESSAGE(recording.failure == "", recording.failure);
        checkStream(recording);
        CHECK(recording.packets.size() >= 30);
        CHECK(recording.packets.size() < 40);
        REQUIRE(system.asked().size() >= 5);
        CHECK(system.asked()[4] == 2 * system.asked()[3]);
    }

    TEST_CASE("after a frame that failed nothing is handed on that refers to it") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.errorEvery = 25; }, 60);
        CHECK(trouble.recording.packets.size() >= 50);
        CHECK(notes(trouble, "could not be decoded as it coded them"));
        const std::vector<int> all = numbers(trouble.recording);
        for (std::size_t i = 1; i < all.size(); ++i)
            if (all[i] != all[i - 1] + 1)
                CHECK(trouble.recording.packets[i].keyFrame);
    }
}

}  // namespace
}  // namespace smartcodec::test
