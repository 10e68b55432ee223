#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/bitrate.h"
#include "analysis/qp_map.h"
#include "capture/frame.h"
#include "capture/packet.h"
#include "capture/status.h"
#include "encoder/codec.h"

namespace smartcodec {

/// Fixed rates and caps that the encoders take: the libraries count in kbit/s and refuse 0; twice as many bits as the
/// highest still fit libav's buffer size.
constexpr Bitrate kMinBitrate{16'000};
constexpr Bitrate kMaxBitrate{1'000'000'000};

/// Set once for a recording: size, profile and parameter sets never change inside one file.
struct EncoderConfig {
    Codec codec = Codec::H264;
    PixelFormat format;
    Size size;
    FrameRate frameRate;  ///< nominal: what rate control is told, whatever is dropped
    Color color;
    Ratio sampleAspect;
    int quality = 23;                        ///< constant quality on the codec's QP scale, 1..51, lower is better
    Bitrate maxBitrate{6'000'000};           ///< cap; the rate buffer holds 2 s of it
    std::optional<Bitrate> constantBitrate;  ///< instead of constant quality: fixed rate, for `--smart off`
    std::optional<int> lookaheadFrames;      ///< preset's own if not given; 0: no look-ahead, no B-frames, no frame
                                             ///< threads: a packet per frame at once
    /// How every frame will lie in dmabufs, if it will: planes' offsets and strides; planes with equal descriptors
    /// share one dmabuf. Empty: frames come in memory of the process. A descriptor must stay open and its dmabuf's
    /// length the same until the encoder gives the frame's lease back; later its number may be another dmabuf's.
    /// Numbers that stay with their dmabufs are best: the kernel then maps each once.
    std::optional<Picture> dmabufLayout;
};

/// Why no encoder can be opened for this, and what to do; empty: one may be. Formats are each encoder's own.
[[nodiscard]] std::string whyNotEncodable(const EncoderConfig& config);

/// What one frame is encoded with. Takes effect on this very frame where the encoder can.
struct EncodeParameters {
    bool keyFrame = false;
    Bitrate bitrate;               ///< cap from this frame on
    const QpMap* qpMap = nullptr;  ///< borrowed for the call; belongs to this frame alone; null or empty: none; a map
                                   ///< of another size than `QpMap` says for the picture is refused
};

/// How an encoder takes regions of interest, best first.
enum class RegionSupport { QpMap, Rectangles, QpRange, None };
[[nodiscard]] const char* name(RegionSupport support);

/// Found out when the encoder is opened.
struct EncoderCapabilities {
    std::string name;  ///< "libx264", "bcm2835-codec /dev/video11"
    bool keyFrameOnRequest = true;
    bool bitrateWhileRunning = true;  ///< false: the level acts through an offset on the QP map
    RegionSupport regions = RegionSupport::QpMap;
    bool importsDmabufs = false;  ///< frames go in as they are, without a copy
    std::string regionNote;       ///< what it has for regions of interest, in one line; may be empty
    /// What it cannot do and what is done instead, and what happened to it: one line each. Grows while it runs; to be
    /// read on the encoder's thread.
    std::vector<std::string> notes;
};

/// An encoder, set up by its factory, which throws what is wrong. Thread-bound.
///
/// Rate control sees frames that are `1 / frameRate` apart whatever their capture times, so that dropping frames saves
/// their bits instead of handing them to the others; packets come out with the capture times of their frames.
class Encoder {
  public:
    virtual ~Encoder() = default;

    [[nodiscard]] virtual const EncoderCapabilities& capabilities() const = 0;

    /// Parameter sets in the form that MP4 wants to be told them: Annex B, start codes included. Valid after set-up.
    /// They change only with a packet that says so (`Packet::newStream`).
    [[nodiscard]] virtual std::span<const std::byte> parameterSets() const = 0;

    /// Takes one frame; capture times rise from call to call. Packets that became ready wait in `takePacket`. Blocks
    /// while the encoder has no room. After a failure only `takePacket` and the destructor may be called.
    virtual Status encode(Frame frame, const EncodeParameters& parameters) = 0;

    /// No more frames: everything still inside comes out.
    virtual Status drain() = 0;

    /// The next finished packet in decoding order, stream 0; empty: nothing yet. One frame may give none, or several
    /// calls' worth of packets at once.
    [[nodiscard]] virtual std::optional<Packet> takePacket() = 0;

    /// Whether packets become ready by themselves, between calls: `wait` is to be called then whenever there is no
    /// frame for `encode`.
    [[nodiscard]] virtual bool finishesByItself() const { return false; }

    /// Returns when `wake` is readable (it is not read), or something became ready for `takePacket`, or went wrong.
    virtual Status wait(int wake);
};

}  // namespace smartcodec
