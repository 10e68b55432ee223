#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "encoder/v4l2_device.h"
#include "encoder/v4l2_format.h"

namespace smartcodec {

/// How a system call went: fine, or what was attempted and the errno that came back.
struct [[nodiscard]] V4l2Result {
    const char* attempt = "";  ///< "queueing a frame (VIDIOC_QBUF)"
    int error = 0;

    [[nodiscard]] bool ok() const { return error == 0; }
    /// "queueing a frame (VIDIOC_QBUF): Input/output error"
    [[nodiscard]] std::string text() const;
};

/// One of the two queues of a memory-to-memory device, of either planarity: frames go in through one (V4L2's OUTPUT),
/// the bit stream comes out of the other (V4L2's CAPTURE). Stops, unmaps and gives back its buffers when it dies.
/// Thread-bound; the device must outlive it.
class V4l2Queue {
  public:
    enum class Kind { Frames, Bitstream };
    enum class Memory { Mapped, Dmabuf };

    /// A buffer that the driver does not have. Move-only: queueing it uses it up, so that none can be queued twice;
    /// dropping it gives it back to the queue, which must outlive it.
    class Buffer {
      public:
        Buffer(Buffer&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), index_(other.index_) {}
        Buffer& operator=(Buffer&& other) noexcept;
        Buffer(const Buffer&) = delete;
        Buffer& operator=(const Buffer&) = delete;
        ~Buffer() { giveBack(); }

        [[nodiscard]] std::uint32_t index() const { return index_; }
        /// Its mapped planes; none of a queue of dmabufs.
        [[nodiscard]] std::span<const std::span<std::byte>> memory() const;

      private:
        friend class V4l2Queue;
        Buffer(V4l2Queue& queue, std::uint32_t index) : queue_(&queue), index_(index) {}
        void giveBack() noexcept;

        V4l2Queue* queue_;
        std::uint32_t index_;
    };

    /// What a buffer of frames is queued with.
    struct Filling {
        struct Plane {
            int dmabuf = -1;
            std::size_t lengthBytes = 0;  ///< of the whole dmabuf
            std::size_t usedBytes = 0;    ///< picture data, from `offsetBytes` on
            std::size_t offsetBytes = 0;
        };
        std::array<Plane, kMaxPlanes> planes{};
        std::chrono::microseconds timestamp{0};
    };

    /// A buffer that came back.
    struct Returned {
        Buffer buffer;
        std::span<const std::byte> payload;  ///< of the bit stream; valid as long as the buffer is kept
        std::size_t capacityBytes = 0;       ///< what a buffer of the bit stream has room for, from the payload on
        std::chrono::microseconds timestamp{0};
        bool failed = false;  ///< V4L2_BUF_FLAG_ERROR
        bool last = false;    ///< V4L2_BUF_FLAG_LAST
    };

    V4l2Queue(const V4l2Device& device, Kind kind, bool multiplanar);
    ~V4l2Queue() { release(); }
    V4l2Queue(const V4l2Queue&) = delete;
    V4l2Queue& operator=(const V4l2Queue&) = delete;

    /// `format` becomes what was granted, which may be another.
    V4l2Result setFormat(V4l2Format& format);
    [[nodiscard]] const V4l2Format& format() const { return format_; }
    [[nodiscard]] std::uint32_t type() const { return type_; }

    /// Asks for `count` buffers; the driver may make it more or fewer. After a failure there are none.
    V4l2Result allocate(Memory memory, std::uint32_t count);
    /// Back to no buffers, whatever was. No `Buffer` may be kept over it.
    void release() noexcept;

    V4l2Result streamOn();
    /// All buffers come back, with nothing in them. Does nothing while the queue stands still, which some drivers do
    /// not bear being told to.
    V4l2Result streamOff();

    /// Any free buffer, or the one with that index if it is free.
    [[nodiscard]] std::optional<Buffer> take();
    [[nodiscard]] std::optional<Buffer> take(std::uint32_t index);
    [[nodiscard]] std::size_t count() const { return slots_.size(); }
    [[nodiscard]] std::size_t free() const { return count() - queued_ - taken_; }
    [[nodiscard]] std::size_t queued() const { return queued_; }
    [[nodiscard]] bool streaming() const { return streaming_; }

    /// Hands the buffer to the driver. Refused, it is free again.
    V4l2Result queue(Buffer buffer, const Filling& filling);
    /// Empty while there is none (EAGAIN). EPIPE: there will be none any more, the last one has been dequeued.
    V4l2Result dequeue(std::optional<Returned>& returned);

  private:
    enum class State { Free, Taken, Queued };
    struct Slot {
        State state = State::Free;
        std::array<std::span<std::byte>, kMaxPlanes> memory{};
    };

    V4l2Result map(std::uint32_t index);
    [[nodiscard]] const char* attempt(const char* frames, const char* bitstream) const {
        return kind_ == Kind::Frames ? frames : bitstream;
    }
    [[nodiscard]] std::optional<Returned> accept(const v4l2_buffer& buffer, const v4l2_plane* planes);

    const V4l2Device& device_;
    Kind kind_;
    std::uint32_t type_;
    V4l2Format format_;
    Memory memory_ = Memory::Mapped;
    bool allocated_ = false;
    bool streaming_ = false;
    std::vector<Slot> slots_;
    std::size_t queued_ = 0;
    std::size_t taken_ = 0;
    std::uint32_t next_ = 0;  // where to look for a free one: they go round, as drivers expect of rings
};

}  // namespace smartcodec
