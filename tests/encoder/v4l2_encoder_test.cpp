#include "encoder/v4l2_encoder.h"

#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "capture/unique_fd.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using std::chrono::milliseconds;

/// Records with a copy of a personality that `change` has been at.
struct Trouble {
    V4l2Recording recording;
    EncoderCapabilities capabilities;
    std::vector<std::byte> sets;
    std::size_t leftOpen = 0;
    std::size_t leftMapped = 0;
};

Trouble recordWith(const std::function<void(V4l2Personality&)>& change, int count = 60, const Conduct& conduct = {},
                   const V4l2Limits& limits = quickLimits()) {
    Trouble result;
    V4l2Personality personality = v4l2Personality("plain");
    change(personality);
    EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
    const EncoderConfig config = smallConfig();
    {
        const auto encoder = openV4l2Encoder(config, {}, system, limits);
        result.recording = record(*encoder, config, count, conduct);
        result.capabilities = encoder->capabilities();
        result.sets.assign(encoder->parameterSets().begin(), encoder->parameterSets().end());
    }
    result.leftOpen = system.openDescriptors();
    result.leftMapped = system.mappings();
    CHECK(result.leftOpen == 0);
    CHECK(result.leftMapped == 0);
    CHECK_MESSAGE(result.recording.failure == "", result.recording.failure);
    checkStream(result.recording);
    return result;
}

/// Numbers of the frames that packets came of.
std::vector<int> numbers(const V4l2Recording& recording) {
    std::vector<int> all;
    for (const Packet& packet : recording.packets)
        all.push_back(static_cast<int>(
            std::lround(std::chrono::duration<double>(packet.presentation.time_since_epoch()).count() * 25)));
    return all;
}

std::vector<int> upTo(int count) {
    std::vector<int> all;
    for (int i = 0; i < count; ++i)
        all.push_back(i);
    return all;
}

std::uint32_t truth(const EncoderConfig& config, int number) {
    FramePool pool(config.format, config.size);
    const Frame frame = pool.make({});
    paint(frame->picture, number);
    return fakeChecksum(frame->picture);
}

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

/// Notes how dmabufs are queued on the multi-planar OUTPUT queue.
class Watching final : public ForwardingV4l2 {
  public:
    struct Queued {
        std::uint32_t index;
        int dmabuf;
        std::uint32_t offset;
        std::uint32_t used;
        std::uint32_t length;
    };

    using ForwardingV4l2::ForwardingV4l2;
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        const auto* buffer = static_cast<const v4l2_buffer*>(argument);
        if (request == VIDIOC_QBUF && buffer->type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE &&
            buffer->memory == V4L2_MEMORY_DMABUF) {
            const v4l2_plane& plane = buffer->m.planes[0];
            queued.push_back({buffer->index, plane.m.fd, plane.data_offset, plane.bytesused, plane.length});
        }
        return ForwardingV4l2::ioctl(descriptor, request, argument);
    }

    std::vector<Queued> queued;
};

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
                    if (codec == Codec::H264)
                        checkStream(recording);
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

    TEST_CASE("dmabufs go in as they are and nobody looks at their pixels") {
        struct Way {
            PixelFormat format;
            std::uint32_t raw;
            bool separate;
            std::size_t stride;
        };
        for (const Way& way :
             {Way{kNv12, V4L2_PIX_FMT_NV12, false, 384}, Way{kNv12, V4L2_PIX_FMT_NV12M, true, 0},
              Way{kYuv420, V4L2_PIX_FMT_YUV420, false, 0}, Way{kYuv420, V4L2_PIX_FMT_YUV420M, true, 384}}) {
            CAPTURE(way.raw);
            V4l2Personality personality = v4l2Personality("plain");
            personality.rawFormats = {V4L2_PIX_FMT_YUYV, way.raw};
            personality.strideAsAsked = true;
            EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
            DmabufPictures camera(way.format, kSmall, 5,
                                  {.strideBytes = way.stride, .separate = way.separate, .untouchable = true});
            EncoderConfig config = smallConfig();
            config.format = way.format;
            config.dmabufLayout = camera.layout();
            {
                const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
                CHECK(encoder->capabilities().importsDmabufs);
                std::vector<Packet> packets;
                for (int number = 0; number < 30; ++number) {
                    REQUIRE(encoder->encode(camera.make(number, at(number)), {.bitrate = kMax}).ok());
                    for (;;) {
                        while (auto packet = encoder->takePacket())
                            packets.push_back(std::move(*packet));
                        if (camera.leased() <= 4)
                            break;
                        REQUIRE(encoder->wait(-1).ok());
                    }
                }
                REQUIRE(encoder->drain().ok());
                while (auto packet = encoder->takePacket())
                    packets.push_back(std::move(*packet));
                REQUIRE(packets.size() == 30);
                for (int number = 0; number < 30; ++number) {
                    const auto picture = parseFakePicture(packets[static_cast<std::size_t>(number)].data);
                    REQUIRE(picture);
                    CHECK(picture->checksum == truth(config, number));
                }
            }
            CHECK(camera.leased() == 0);
            // Frame after frame, each of the camera's own descriptors, always at the same index.
            std::set<int> known;
            for (int i = 0; i < 5; ++i)
                for (const int descriptor : camera.descriptors(i))
                    known.insert(descriptor);
            const std::vector<int> imported = system.importedDmabufs();
            CHECK(imported.size() == 30 * camera.descriptors(0).size());
            for (const int descriptor : imported)
                CHECK(known.contains(descriptor));
            CHECK(std::set<int>(imported.begin(), imported.end()) == known);
        }
    }

    TEST_CASE("dmabufs that lie otherwise than the driver wants are copied and the notes say so") {
        for (const bool offset : {false, true}) {
            CAPTURE(offset);
            EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
            // a stride that it does not take, or a picture in the middle of its dmabuf, which few drivers heed
            const DmabufPictures::Layout layout =
                offset ? DmabufPictures::Layout{.offsetBytes = 4096} : DmabufPictures::Layout{.strideBytes = 512};
            DmabufPictures camera(kNv12, kSmall, 6, layout);
            EncoderConfig config = smallConfig();
            config.format = kNv12;
            config.dmabufLayout = camera.layout();
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            CHECK_FALSE(encoder->capabilities().importsDmabufs);
            CHECK(std::ranges::any_of(encoder->capabilities().notes,
                                      [](const std::string& note) { return note.starts_with("frames are copied"); }));
            for (int number = 0; number < 5; ++number)
                REQUIRE(encoder->encode(camera.make(number, at(number)), {.bitrate = kMax}).ok());
            REQUIRE(encoder->drain().ok());
            for (int number = 0; number < 5; ++number) {
                const std::optional<Packet> packet = encoder->takePacket();
                REQUIRE(packet);
                CHECK(parseFakePicture(packet->data)->checksum == truth(config, number));
            }
            CHECK(system.importedDmabufs().empty());
        }
    }

    TEST_CASE("a dmabuf keeps its index and a picture in the middle of it is queued with an offset that is heeded") {
        V4l2Personality personality = v4l2Personality("plain");
        personality.driver = "amphion-vpu";
        EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
        Watching system(device);
        DmabufPictures camera(kNv12, kSmall, 6, {.offsetBytes = 8192, .untouchable = true});
        EncoderConfig config = smallConfig();
        config.format = kNv12;
        config.dmabufLayout = camera.layout();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        REQUIRE(encoder->capabilities().importsDmabufs);
        for (int number = 0; number < 40; ++number) {
            REQUIRE(encoder->encode(camera.make(number, at(number)), {.bitrate = kMax}).ok());
            for (;;) {
                while (encoder->takePacket()) {
                }
                if (camera.leased() <= 3)
                    break;
                REQUIRE(encoder->wait(-1).ok());
            }
        }
        REQUIRE(encoder->drain().ok());
        REQUIRE(system.queued.size() == 40);
        std::map<int, std::set<std::uint32_t>> indices;
        for (const Watching::Queued& queued : system.queued) {
            indices[queued.dmabuf].insert(queued.index);
            CHECK(queued.offset == 8192);
            CHECK(queued.used == 8192 + 320 * 192 * 3 / 2);
            CHECK(queued.length >= queued.used);
        }
        CHECK(indices.size() == 6);
        for (const auto& [dmabuf, used] : indices)
            CHECK(used.size() == 1);
        CHECK(std::ranges::count(device.calls(), std::string("length")) == 6);  // asked once of each
    }

    TEST_CASE("a dmabuf that turns out to be unusable is copied instead and the notes say why") {
        struct Unusable {
            UniqueFd file;
            const char* note;
        };
        std::array<Unusable, 2> unusable{Unusable{UniqueFd(memfd_create("too short", MFD_CLOEXEC)), "(VIDIOC_QBUF)"},
                                         Unusable{UniqueFd(eventfd(0, EFD_CLOEXEC)), "(lseek)"}};
        REQUIRE(ftruncate(unusable[0].file.get(), 4096) == 0);
        for (const Unusable& file : unusable) {
            EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
            DmabufPictures camera(kNv12, kSmall, 6, {});
            EncoderConfig config = smallConfig();
            config.format = kNv12;
            config.dmabufLayout = camera.layout();
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            REQUIRE(encoder->capabilities().importsDmabufs);
            struct Borrowed final : FrameBuffer {
                std::vector<std::byte> pixels = std::vector<std::byte>(320 * 192 * 3 / 2);  // they are in memory too
                void recycle() noexcept override {}
            };
            std::array<Borrowed, 4> buffers;
            for (int number = 0; number < 4; ++number) {
                Borrowed& buffer = buffers[static_cast<std::size_t>(number)];
                Frame::Description description;
                description.time = at(number);
                description.picture = camera.layout();
                for (std::size_t i = 0; i < 2; ++i) {
                    description.picture.planes[i].dmabuf = file.file.get();
                    description.picture.planes[i].data =
                        buffer.pixels.data() + description.picture.planes[i].offsetBytes;
                }
                paint(description.picture, number);
                const Status status = encoder->encode(Frame(buffer, description), {.bitrate = kMax});
                REQUIRE_MESSAGE(status.ok(), status.message());
            }
            REQUIRE(encoder->drain().ok());
            for (int number = 0; number < 4; ++number) {
                const std::optional<Packet> packet = encoder->takePacket();
                REQUIRE(packet);
                CHECK(parseFakePicture(packet->data)->checksum == truth(config, number));
            }
            CHECK_FALSE(encoder->capabilities().importsDmabufs);
            CHECK(std::ranges::any_of(encoder->capabilities().notes, [&](const std::string& note) {
                return note.find(file.note) != std::string::npos;
            }));
        }
    }

    TEST_CASE("frames that the driver swallows are given up and the others are not held back for long") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) { personality.swallowEvery = 7; });
        CHECK(trouble.recording.packets.size() == 60 - 60 / 7);
    }

    TEST_CASE("a frame with another layout loses none of those before it and is told") {
        for (const int latency : {0, 3}) {
            CAPTURE(latency);
            V4l2Personality personality = v4l2Personality("plain");
            personality.latencyFrames = latency;
            EmulatedV4l2 system(personality, EmulatedV4l2::Coding::Fake);
            DmabufPictures camera(kNv12, kSmall, 12, {});
            DmabufPictures other(kNv12, kSmall, 1, {.strideBytes = 512});
            EncoderConfig config = smallConfig();
            config.format = kNv12;
            config.dmabufLayout = camera.layout();
            const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
            REQUIRE(encoder->capabilities().importsDmabufs);
            V4l2Recording recording;
            const auto take = [&] {
                while (auto packet = encoder->takePacket())
                    recording.packets.push_back(std::move(*packet));
            };
            for (int number = 0; number < 30; ++number) {
                if (number == 15 && latency > 0)
                    std::this_thread::sleep_for(milliseconds(50));  // their buffers are back, their packets are not
                Frame frame = number == 15 ? other.make(number, at(number)) : camera.make(number, at(number));
                REQUIRE(encoder->encode(std::move(frame), {.bitrate = kMax}).ok());
                take();
            }
            REQUIRE(encoder->drain().ok());
            take();
            CHECK(numbers(recording) == upTo(30));
            checkStream(recording);
            CHECK_FALSE(encoder->capabilities().importsDmabufs);
            CHECK(std::ranges::any_of(encoder->capabilities().notes, [](const std::string& note) {
                return note.find("copied once on their way in: a frame lies") != std::string::npos;
            }));
        }
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
    }

    TEST_CASE("empty packets and a junk first one are passed over") {
        const Trouble trouble = recordWith([](V4l2Personality& personality) {
            personality.emptyPacketEvery = 3;
            personality.junkFirst = true;
        });
        CHECK(numbers(trouble.recording) == upTo(60));
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
        const std::vector<int> all = numbers(trouble.recording);
        for (std::size_t i = 1; i < all.size(); ++i)
            if (all[i] != all[i - 1] + 1)
                CHECK(trouble.recording.packets[i].keyFrame);
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
