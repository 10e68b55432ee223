#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/unique_fd.h"
#include "encoder/v4l2_encoder.h"
#include "tests/encoder/encoder_fixture.h"
#include "tests/support/emulated_v4l2.h"
#include "tests/support/fake_bitstream.h"
#include "tests/support/forwarding_v4l2.h"

namespace smartcodec::test {

/// How long the worst failure may take. Sanitizers make everything ten times slower, on a busy machine more.
#ifdef SMARTCODEC_SANITIZED
constexpr std::chrono::seconds kLongestRecovery{120};
#else
constexpr std::chrono::seconds kLongestRecovery{5};
#endif

/// As for a device, only that tests do not have its time.
V4l2Limits quickLimits();

/// A device that keeps each picture until the next one is there, as one that refers to it in place does.
class KeepsLast final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;
    int close(int descriptor) override;
    int ioctl(int descriptor, unsigned long request, void* argument) override;
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override;

  private:
    int inside_ = 0;
};

/// Pictures in shared memory that stand for a camera's dmabufs, or in dmabufs: `count` of them, used in turn.
class DmabufPictures {
  public:
    struct Layout {
        std::size_t strideBytes = 0;  ///< of luma; 0: the width
        std::size_t offsetBytes = 0;  ///< of the picture in its dmabuf
        bool separate = false;        ///< a dmabuf for every plane
        /// Planes' `data` points to pages that nobody may touch: reading the picture ends the program.
        bool untouchable = false;
        bool kernel = false;  ///< dmabufs of the kernel's, which must have a way of making them
    };

    DmabufPictures(PixelFormat format, Size size, int count, const Layout& layout);
    ~DmabufPictures();
    DmabufPictures(const DmabufPictures&) = delete;
    DmabufPictures& operator=(const DmabufPictures&) = delete;

    /// The next one that is not leased, painted as `paint`.
    Frame make(int number, CaptureTime time);
    [[nodiscard]] const Picture& layout() const;
    /// Descriptors of picture `index`, one per dmabuf.
    [[nodiscard]] std::vector<int> descriptors(int index) const;
    [[nodiscard]] int leased() const;

  private:
    class Buffer;
    std::vector<std::unique_ptr<Buffer>> buffers_;
    std::size_t next_ = 0;
};

/// What came of a recording.
struct V4l2Recording {
    std::vector<Packet> packets;
    std::vector<FakePicture> pictures;  ///< of each packet, where the encoder has no codec
    std::string failure;                ///< empty: none
    int encoded = 0;                    ///< frames that `encode` took
};

/// What may be done before frame `number` goes in, and what it is encoded with.
using Conduct = std::function<void(int number, EncodeParameters& parameters)>;

/// Records `count` frames, at 25 per second or at the times given, drains, and takes all packets. Failures end it and
/// are told, not checked.
V4l2Recording record(Encoder& encoder, const EncoderConfig& config, int count, const Conduct& conduct = {},
                     const std::function<CaptureTime(int)>& time = {});

/// What any stream must be, whatever happened: times that rise, a key frame first and after each new stream, parameter
/// sets in front of every key frame, no number twice.
void checkStream(const V4l2Recording& recording, Codec codec = Codec::H264);

/// What came of a recording through `recordWith`.
struct Trouble {
    V4l2Recording recording;
    EncoderCapabilities capabilities;
    std::vector<std::byte> sets;
    std::size_t leftOpen = 0;
    std::size_t leftMapped = 0;
};

/// Records with a copy of the personality plain that `change` has been at. Failures and what is left open fail the
/// test.
Trouble recordWith(const std::function<void(V4l2Personality&)>& change, int count = 60, const Conduct& conduct = {},
                   const V4l2Limits& limits = quickLimits());

/// Numbers of the frames that packets came of.
std::vector<int> numbers(const V4l2Recording& recording);
std::vector<int> upTo(int count);
/// `fakeChecksum` of frame `number`.
std::uint32_t truth(const EncoderConfig& config, int number);

}  // namespace smartcodec::test
