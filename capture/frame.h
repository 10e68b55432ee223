#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "capture/clock.h"
#include "capture/picture.h"

namespace smartcodec {

/// What the sensor said about one picture.
struct SensorMetadata {
    std::optional<std::chrono::microseconds> exposure;
    std::optional<double> gain;  ///< analogue times digital, 1 is none
};

/// The memory behind a frame, counted by the frames that share it. A pool, a decoder or a camera derives from it and
/// takes the memory back in `recycle`, which is called once, on whatever thread the last share dies. The object itself
/// belongs to whoever made it, which is free to use it again after `recycle`.
class FrameBuffer {
  public:
    FrameBuffer() = default;
    FrameBuffer(const FrameBuffer&) = delete;
    FrameBuffer& operator=(const FrameBuffer&) = delete;

    void acquire() noexcept { shares_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (shares_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            recycle();
    }

  protected:
    virtual ~FrameBuffer() = default;
    virtual void recycle() noexcept = 0;

  private:
    std::atomic<int> shares_{0};
};

/// A lease on one captured picture. Move-only; `share` makes a second lease on the same memory (two outputs of one
/// capture). The memory goes back to where it came from when the last lease is destroyed, on whatever thread.
/// An empty frame (default constructed or moved from) holds nothing. Thread-bound; different leases may be on
/// different threads.
class Frame {
  public:
    struct Description {
        Picture picture;
        std::optional<Picture> analysisPicture;  ///< small picture of the same moment, where the source has one
        CaptureTime time{};                      ///< when the exposure began, or the file's presentation time
        std::chrono::nanoseconds duration{0};    ///< how long it was to be shown; 0 if the source does not know
        std::uint64_t sequence = 0;              ///< counts pictures of the source, dropped ones included
        SensorMetadata sensor;
        /// A camera had no buffer left to fill beside this one: unless one comes back in time, its next picture is
        /// lost.
        bool starving = false;
    };

    Frame() = default;
    /// Takes one share of `buffer`, which must outlive it.
    Frame(FrameBuffer& buffer, const Description& description) : buffer_(&buffer), description_(description) {
        buffer_->acquire();
    }
    Frame(Frame&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)), description_(other.description_) {}
    Frame& operator=(Frame&& other) noexcept {
        if (this != &other) {
            reset();
            buffer_ = std::exchange(other.buffer_, nullptr);
            description_ = other.description_;
        }
        return *this;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() { reset(); }

    [[nodiscard]] Frame share() const { return buffer_ ? Frame(*buffer_, description_) : Frame(); }
    void reset() noexcept {
        if (FrameBuffer* buffer = std::exchange(buffer_, nullptr))
            buffer->release();
    }
    explicit operator bool() const { return buffer_ != nullptr; }

    [[nodiscard]] const Description& operator*() const { return description_; }
    [[nodiscard]] const Description* operator->() const { return &description_; }

  private:
    FrameBuffer* buffer_ = nullptr;
    Description description_;
};

}  // namespace smartcodec
