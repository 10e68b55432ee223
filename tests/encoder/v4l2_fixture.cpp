#include "tests/encoder/v4l2_fixture.h"

#include <doctest/doctest.h>
#include <linux/videodev2.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <stdexcept>
#include <system_error>

#include "encoder/annex_b.h"
#include "tests/support/kernel_dmabuf.h"

namespace smartcodec::test {

using std::chrono::milliseconds;

V4l2Limits quickLimits() {
#if defined(__SANITIZE_THREAD__)
    constexpr int kSlower = 5;
#elif defined(__SANITIZE_ADDRESS__)
    constexpr int kSlower = 2;
#else
    constexpr int kSlower = 1;
#endif
    return {.stall = kSlower * milliseconds(500),
            .drain = kSlower * milliseconds(300),
            .trial = kSlower * milliseconds(1500),
            .holding = kSlower * milliseconds(200),
            .missing = kSlower * milliseconds(60),
            .reopening = milliseconds(100),
            .recovering = milliseconds(10'000)};
}

int KeepsLast::close(int descriptor) {
    inside_ = 0;
    return ForwardingV4l2::close(descriptor);
}

int KeepsLast::ioctl(int descriptor, unsigned long request, void* argument) {
    const bool moves = (request == VIDIOC_QBUF || request == VIDIOC_DQBUF) &&
                       V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type);
    if (moves && request == VIDIOC_DQBUF && inside_ < 2) {
        errno = EAGAIN;
        return -1;
    }
    const int result = ForwardingV4l2::ioctl(descriptor, request, argument);
    if (moves && result == 0)
        inside_ += request == VIDIOC_QBUF ? 1 : -1;
    return result;
}

int KeepsLast::poll(std::span<pollfd> descriptors, int timeoutMilliseconds) {
    if (inside_ < 2)  // the kept one is not there to be fetched
        for (pollfd& each : descriptors)
            each.events = static_cast<short>(each.events & ~POLLOUT);
    return ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
}

/// One picture in memfds.
class DmabufPictures::Buffer final : public FrameBuffer {
  public:
    Buffer(PixelFormat format, Size size, const Layout& layout) {
        picture_.format = format;
        picture_.size = size;
        const std::size_t luma = layout.strideBytes ? layout.strideBytes : static_cast<std::size_t>(size.width);
        std::size_t end = layout.offsetBytes;
        const auto planes = static_cast<std::size_t>(planeCount(format));
        for (std::size_t i = 0; i < planes; ++i) {
            Plane& plane = picture_.planes[i];
            plane.strideBytes = i > 0 && format == kYuv420 ? luma / 2 : luma;
            plane.offsetBytes = layout.separate ? layout.offsetBytes : end;
            const std::size_t bytes =
                plane.strideBytes * static_cast<std::size_t>(planeSizeBytes(format, size, static_cast<int>(i)).height);
            end = plane.offsetBytes + bytes;
            if (layout.separate)
                add(end, layout.kernel);
        }
        if (!layout.separate)
            add(end, layout.kernel);
        for (std::size_t i = 0; i < planes; ++i) {
            Memory& memory = memories_[layout.separate ? i : 0];
            picture_.planes[i].dmabuf = memory.file.get();
            painted_.planes[i] = picture_.planes[i];
            painted_.planes[i].data = memory.data + picture_.planes[i].offsetBytes;
            if (layout.untouchable)
                picture_.planes[i].data = memory.forbidden + picture_.planes[i].offsetBytes;
        }
        painted_.format = format;
        painted_.size = size;
    }

    ~Buffer() override {
        for (const Memory& memory : memories_) {
            munmap(memory.data, memory.bytes);
            munmap(memory.forbidden, memory.bytes);
        }
    }

    [[nodiscard]] const Picture& picture() const { return picture_; }
    [[nodiscard]] const Picture& painted() const { return painted_; }
    [[nodiscard]] bool leased() const { return leased_.load(); }
    void lease() { leased_ = true; }
    [[nodiscard]] std::vector<int> descriptors() const {
        std::vector<int> all;
        for (const Memory& memory : memories_)
            all.push_back(memory.file.get());
        return all;
    }

  protected:
    void recycle() noexcept override { leased_ = false; }

  private:
    struct Memory {
        UniqueFd file;
        std::byte* data = nullptr;
        std::byte* forbidden = nullptr;
        std::size_t bytes = 0;
    };

    void add(std::size_t bytes, bool kernel) {
        Memory memory;
        // room for a driver that rounds heights up to 64 rows
        memory.bytes = (bytes + bytes / 2 + 65535) / 65536 * 65536;
        memory.file =
            kernel ? makeKernelDmabuf(memory.bytes) : UniqueFd(memfd_create("a camera's buffer", MFD_CLOEXEC));
        if (!memory.file || (!kernel && ftruncate(memory.file.get(), static_cast<off_t>(memory.bytes)) != 0))
            throw std::system_error(errno, std::generic_category(), "making a picture in shared memory");
        const auto map = [&](int protection) {
            return static_cast<std::byte*>(mmap(nullptr, memory.bytes, protection, MAP_SHARED, memory.file.get(), 0));
        };
        memory.data = map(PROT_READ | PROT_WRITE);
        memory.forbidden = map(PROT_NONE);
        memories_.push_back(std::move(memory));
    }

    std::vector<Memory> memories_;
    Picture picture_;
    Picture painted_;
    std::atomic<bool> leased_{false};
};

DmabufPictures::DmabufPictures(PixelFormat format, Size size, int count, const Layout& layout) {
    for (int i = 0; i < count; ++i)
        buffers_.push_back(std::make_unique<Buffer>(format, size, layout));
}

DmabufPictures::~DmabufPictures() = default;

Frame DmabufPictures::make(int number, CaptureTime time) {
    for (std::size_t tried = 0; tried < buffers_.size(); ++tried) {
        Buffer& buffer = *buffers_[next_];
        next_ = (next_ + 1) % buffers_.size();
        if (buffer.leased())
            continue;
        buffer.lease();
        paint(buffer.painted(), number);
        Frame::Description description;
        description.picture = buffer.picture();
        description.time = time;
        return Frame(buffer, description);
    }
    throw std::runtime_error("all pictures are leased");
}

const Picture& DmabufPictures::layout() const {
    return buffers_.front()->picture();
}

std::vector<int> DmabufPictures::descriptors(int index) const {
    return buffers_[static_cast<std::size_t>(index)]->descriptors();
}

int DmabufPictures::leased() const {
    return static_cast<int>(std::ranges::count_if(buffers_, [](const auto& buffer) { return buffer->leased(); }));
}

V4l2Recording record(Encoder& encoder, const EncoderConfig& config, int count, const Conduct& conduct,
                     const std::function<CaptureTime(int)>& time) {
    V4l2Recording recording;
    FramePool pool(config.format, config.size);
    const auto collect = [&] {
        while (std::optional<Packet> packet = encoder.takePacket()) {
            if (const auto picture = parseFakePicture(packet->data))
                recording.pictures.push_back(*picture);
            recording.packets.push_back(std::move(*packet));
        }
    };
    const auto fine = [&](const Status& status) {
        if (!status.ok())
            recording.failure = status.message();
        collect();
        return status.ok();
    };
    for (int number = 0; number < count; ++number) {
        EncodeParameters parameters{.bitrate = config.maxBitrate};
        if (conduct)
            conduct(number, parameters);
        Frame::Description description;
        description.time = time ? time(number) : at(number);
        Frame frame = pool.make(description);
        paint(frame->picture, number);
        if (!fine(encoder.encode(std::move(frame), parameters)))
            return recording;
        ++recording.encoded;
    }
    fine(encoder.drain());
    return recording;
}

void checkStream(const V4l2Recording& recording, Codec codec) {
    const Packet* before = nullptr;
    for (const Packet& packet : recording.packets) {
        CHECK(packet.decode <= packet.presentation);
        if (before)
            CHECK(packet.decode > before->decode);
        if (!before || packet.newStream)
            CHECK(packet.keyFrame);
        const AnnexBContents contents = inspectAnnexB(codec, packet.data);
        CHECK(contents.picture);
        CHECK(contents.keyFrame == packet.keyFrame);
        if (packet.keyFrame)
            CHECK(contents.parameterSets);
        before = &packet;
    }
}

Trouble recordWith(const std::function<void(V4l2Personality&)>& change, int count, const Conduct& conduct,
                   const V4l2Limits& limits) {
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

}  // namespace smartcodec::test
