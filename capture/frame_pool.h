#pragma once

#include <memory>

#include "capture/frame.h"

namespace smartcodec {

/// Writable pictures in plain memory, used again and again. It grows to the largest number ever leased at once and
/// never shrinks. `make` is for one thread; frames may die on any thread, also after the pool itself.
class FramePool {
  public:
    FramePool(PixelFormat format, Size size);
    ~FramePool();
    FramePool(FramePool&&) noexcept;
    FramePool& operator=(FramePool&&) noexcept;

    /// A frame with `description`'s time, duration, sequence and sensor data, its picture replaced by one of the
    /// pool's, whose contents are undefined. Rows are aligned to 64 bytes. Throws std::bad_alloc.
    [[nodiscard]] Frame make(const Frame::Description& description);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;  // shared with the frames, which may outlive the pool
};

}  // namespace smartcodec
