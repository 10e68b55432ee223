// Pictures that go in as dmabufs, without a copy.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>

#include "capture/unique_fd.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/v4l2_fixture.h"

namespace smartcodec::test {
namespace {

using std::chrono::milliseconds;

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

    TEST_CASE("a descriptor whose number is another and shorter dmabuf's by now goes in like any other") {
        EmulatedV4l2 system(v4l2Personality("plain"), EmulatedV4l2::Coding::Fake);
        DmabufPictures camera(kNv12, kSmall, 1, {});
        EncoderConfig config = smallConfig();
        config.format = kNv12;
        config.dmabufLayout = camera.layout();
        const auto encoder = openV4l2Encoder(config, {}, system, quickLimits());
        REQUIRE(encoder->capabilities().importsDmabufs);
        const std::size_t opened = system.opened();
        struct Borrowed final : FrameBuffer {
            std::vector<std::byte> pixels = std::vector<std::byte>(320 * 192 * 3 / 2);
            void recycle() noexcept override {}
        };
        const UniqueFd number(memfd_create("a camera's buffer", MFD_CLOEXEC));
        for (int i = 0; i < 4; ++i) {
            Borrowed buffer;
            Frame::Description description;
            description.time = at(i);
            description.picture = camera.layout();
            for (std::size_t plane = 0; plane < 2; ++plane) {
                description.picture.planes[plane].dmabuf = number.get();
                description.picture.planes[plane].data =
                    buffer.pixels.data() + description.picture.planes[plane].offsetBytes;
            }
            paint(description.picture, i);
            const UniqueFd file(memfd_create("the next of a camera's buffers", MFD_CLOEXEC));
            REQUIRE(ftruncate(file.get(), (200 - 10 * i) * 1024) == 0);
            REQUIRE(pwrite(file.get(), buffer.pixels.data(), buffer.pixels.size(), 0) ==
                    static_cast<ssize_t>(buffer.pixels.size()));
            REQUIRE(dup3(file.get(), number.get(), O_CLOEXEC) == number.get());
            const Status status = encoder->encode(Frame(buffer, description), {.bitrate = kMax});
            REQUIRE_MESSAGE(status.ok(), status.message());
            std::optional<Packet> packet = encoder->takePacket();
            for (; !packet; packet = encoder->takePacket())
                REQUIRE(encoder->wait(-1).ok());
            CHECK(parseFakePicture(packet->data)->checksum == truth(config, i));
        }
        REQUIRE(encoder->drain().ok());
        CHECK(encoder->capabilities().importsDmabufs);
        CHECK(system.opened() == opened);
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
}

}  // namespace
}  // namespace smartcodec::test
