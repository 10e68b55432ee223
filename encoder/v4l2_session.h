#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/picture.h"
#include "encoder/v4l2_controls.h"
#include "encoder/v4l2_device.h"
#include "encoder/v4l2_format.h"
#include "encoder/v4l2_queue.h"

namespace smartcodec {

/// What a stream is made of, whatever it is coded with.
struct V4l2StreamSettings {
    V4l2EncoderNode node;
    std::uint32_t coded = 0;  ///< one of the node's coded formats
    PixelFormat format;       ///< of the pictures, kNv12 or kYuv420
    Size size;
    FrameRate frameRate;  ///< known
    Color color;
    std::optional<Picture> dmabufLayout;  ///< how every picture lies in dmabufs, if they are to go in as they are
    bool offsetsHeeded = false;           ///< the driver is known to heed v4l2_plane.data_offset
    std::size_t bitstreamBytes = 0;       ///< wished size of one buffer of the bit stream
    std::uint32_t picturesInside = 4;     ///< at once, where the driver does not need more
};

/// A piece of the bit stream, as the device gave it. Valid for the call.
struct V4l2Piece {
    std::span<const std::byte> data;  ///< never empty unless `failed`
    std::chrono::microseconds timestamp{0};
    bool full = false;    ///< not a byte more would have fitted
    bool failed = false;  ///< the driver says that coding it went wrong
};

/// Takes what comes out of a session.
class V4l2Sink {
  public:
    virtual ~V4l2Sink() = default;
    /// The device has done with the picture that was submitted with this buffer.
    virtual void pictureReturned(std::uint32_t bufferIndex) = 0;
    virtual void piece(const V4l2Piece& piece) = 0;
};

/// One life of a stateful encoder (Linux, userspace-api/media/v4l/dev-encoder.rst), from opening the node to closing
/// it: formats are set when it is made, buffers and streams with `start`; in between is the time for controls. It knows
/// nothing of codecs. Thread-bound; `system` must outlive it.
class V4l2Session {
  public:
    /// Opens the node and sets the formats. Throws std::system_error or std::runtime_error that names it.
    V4l2Session(V4l2System& system, const V4l2StreamSettings& settings);
    V4l2Session(const V4l2Session&) = delete;
    V4l2Session& operator=(const V4l2Session&) = delete;

    [[nodiscard]] const V4l2Device& device() const { return device_; }
    [[nodiscard]] V4l2Controls& controls() { return controls_; }
    [[nodiscard]] const V4l2Format& frameFormat() const { return frames_.format(); }
    [[nodiscard]] const V4l2Format& bitstreamFormat() const { return bitstream_.format(); }

    /// Buffers on both queues, all of those of the bit stream with the device, both streaming. Throws like the
    /// constructor.
    void start();

    /// Through the driver's own way: the queue of frames and, where that has one, the bit stream's. 0, or the errno.
    /// The rate of the settings is told by the constructor.
    int setFrameRate(FrameRate rate);
    /// What the driver reckons with, as a share of the frame rate asked for: 1 also where it does not say.
    [[nodiscard]] double frameRateShare() const { return frameRateShare_; }

    /// Whether pictures go in without a copy, and if dmabufs were offered but do not, why. Valid after `start`.
    [[nodiscard]] bool imports() const { return importing_; }
    [[nodiscard]] const std::string& importRefusal() const { return importRefusal_; }

    /// A buffer for this picture: of dmabufs the one that had it before, so that the kernel need not map it anew. Empty
    /// while there is no room.
    [[nodiscard]] std::optional<V4l2Queue::Buffer> room(const Picture& picture);
    /// Whether the picture lies as those that are imported do. Without import any picture will do.
    [[nodiscard]] bool fits(const Picture& picture) const;
    /// Where not imported, `picture` must be mapped; it is copied. Else its dmabufs must live until `pictureReturned`.
    V4l2Result submit(V4l2Queue::Buffer buffer, const Picture& picture, std::chrono::microseconds timestamp);
    [[nodiscard]] std::size_t picturesInside() const { return frames_.queued(); }

    struct Interest {
        bool device = true;
        int wake = -1;                       ///< a descriptor to return for once it is readable, if not negative
        std::chrono::milliseconds limit{0};  ///< negative: none
    };
    struct Woken {
        bool device = false;  ///< it has something to say; or it claims so
        bool wake = false;
    };
    V4l2Result wait(const Interest& interest, Woken& woken);

    /// Hands everything that is ready to `sink`, waiting for nothing. `moved` tells whether a picture came back or data
    /// came out: buffers with nothing in them do not count, as some devices give them without end. EIO
    /// also where `wait` heard of an error (POLLERR), there was nothing, and the device has pictures.
    V4l2Result collect(V4l2Sink& sink, bool& moved);
    /// It answers POLLERR because it has nothing to do, and will do so at once whenever it is waited for, until a
    /// picture goes in or it is told to drain.
    [[nodiscard]] bool idle() const { return idle_; }

    /// No more pictures. What is inside comes out; then `ended`.
    V4l2Result beginDrain();
    [[nodiscard]] bool draining() const { return draining_; }
    /// False: this device has no command for it, and never says when it has ended.
    [[nodiscard]] bool tellsEnd() const { return stopAccepted_; }
    [[nodiscard]] bool ended() const { return ended_; }
    /// Older drivers end with an empty piece, but some give one at other times too; a piece may be said to be the last
    /// that is not (`saidLast`); and most drivers queue the event for the end before the last piece (`toldEnd`).
    [[nodiscard]] bool maybeEnded() const { return (emptyPiece_ || saidLast_ || endEvent_) && frames_.queued() == 0; }
    [[nodiscard]] bool saidLast() const { return saidLast_; }
    [[nodiscard]] bool toldEnd() const { return endEvent_; }

    /// Stops both queues and begins a new, independent stream, with a key frame. What was inside is lost.
    V4l2Result stop();
    V4l2Result run();

  private:
    void setBitstreamFormat();
    void keepBitstreamRoom();
    void setFrameFormat();
    [[nodiscard]] bool tryFrameFormat(std::uint32_t fourcc, std::size_t strideBytes);
    [[nodiscard]] int setFrameRate(std::uint32_t type, FrameRate rate);
    void setCrop();
    void allocateFrames();
    [[nodiscard]] bool takesLayout(const Picture& picture) const;
    [[nodiscard]] std::optional<V4l2Queue::Buffer> roomForDmabufs(const RawLayout::Import& import,
                                                                  const Picture& picture);
    V4l2Result collectPictures(V4l2Sink& sink, bool& moved);
    V4l2Result collectPieces(V4l2Sink& sink, bool& moved);
    void takePiece(const V4l2Queue::Returned& returned, V4l2Sink& sink);
    void takeEvents();
    [[noreturn]] void refuse(const std::string& reason) const;
    void require(const V4l2Result& result) const;

    /// Which dmabufs a buffer had last, and when.
    struct Import {
        std::array<int, kMaxPlanes> dmabufs{-1, -1, -1};
        std::uint64_t used = 0;
    };
    V4l2Result fill(V4l2Queue::Filling& filling, const Picture& picture) const;

    V4l2StreamSettings settings_;
    V4l2Device device_;
    V4l2Controls controls_;
    V4l2Queue bitstream_;
    V4l2Queue frames_;
    RawLayout layout_;
    double frameRateShare_ = 1;
    bool importing_ = false;
    std::string importRefusal_;
    std::vector<Import> imports_;
    std::uint64_t submitted_ = 0;
    std::size_t mostInside_ = 0;
    bool draining_ = false;
    bool stopAccepted_ = true;
    bool emptyPiece_ = false;  // while draining: older drivers end with one
    bool saidLast_ = false;    // while draining: that flag was on a piece
    bool eventWaits_ = false;
    bool broken_ = false;  // POLLERR, and it is not known yet what that means
    bool idle_ = false;
    bool endEvent_ = false;
    bool ended_ = false;
};

}  // namespace smartcodec
