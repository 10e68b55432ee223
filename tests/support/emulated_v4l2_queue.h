#pragma once

#include <linux/videodev2.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec::emulated {

/// Memory that others may map too: a driver's own buffer, or an imported one. Move-only.
class SharedMemory {
  public:
    SharedMemory() = default;
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&& other) noexcept;
    ~SharedMemory() { reset(); }

    /// Throws std::system_error.
    static SharedMemory allocate(std::size_t bytes);
    /// Holds its own descriptor of the same file. Empty where it is none that can be mapped.
    static SharedMemory import(int descriptor, std::size_t bytes, bool writable);

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] int descriptor() const { return file_.get(); }
    explicit operator bool() const { return data_ != nullptr; }

  private:
    void reset() noexcept;

    UniqueFd file_;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

/// One queue as videobuf2 keeps it (drivers/media/common/videobuf2): who owns each buffer, and what is refused. The
/// ioctls give 0 or the errno. Not thread-safe: its device locks.
class Queue {
  public:
    struct Traits {
        std::uint32_t type = 0;      ///< V4L2_BUF_TYPE_*
        std::uint32_t memories = 0;  ///< V4L2_BUF_CAP_SUPPORTS_*
        std::uint32_t atLeast = 1;
        bool keepsLast = false;  ///< LAST stays on a buffer that is used again
        bool emptyEnds = false;  ///< OUTPUT without data is the end of the stream, not a whole plane
    };
    explicit Queue(Traits traits) : traits_(traits) {}

    // ioctls
    int request(v4l2_requestbuffers& request, std::span<const std::uint32_t> planeBytes);
    int query(v4l2_buffer& buffer) const;
    int queue(v4l2_buffer& buffer);
    int dequeue(v4l2_buffer& buffer);
    int exportBuffer(v4l2_exportbuffer& request) const;
    int start();
    /// The driver refused to start: buffers stay queued.
    void pause() { streaming_ = false; }
    /// Every buffer goes back to the application. None may be taken at that time.
    void stop();
    /// MAP_FAILED and errno. `lengthBytes` and `offset` as QUERYBUF told.
    void* map(std::size_t lengthBytes, std::int64_t offset) const;

    [[nodiscard]] bool output() const { return V4L2_TYPE_IS_OUTPUT(traits_.type); }
    [[nodiscard]] bool allocated() const { return !buffers_.empty(); }
    [[nodiscard]] bool streaming() const { return streaming_; }
    /// vb2's list of queued buffers is not empty: with the driver, or done and not fetched.
    [[nodiscard]] bool holdsBuffers() const { return !waiting_.empty() || !done_.empty() || taken_ > 0; }
    [[nodiscard]] bool holdsDone() const { return !done_.empty(); }
    /// DQBUF gives EPIPE.
    [[nodiscard]] bool ended() const { return lastDequeued_ || (endAfterDone_ && done_.empty()); }

    // the driver's side
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    /// The buffer that has waited longest is the driver's until `finish`.
    std::optional<std::uint32_t> take();
    struct Result {
        std::uint32_t flags = 0;  ///< V4L2_BUF_FLAG_KEYFRAME, _LAST, _ERROR, ...
        std::uint32_t bytesUsed = 0;
        std::uint32_t dataOffset = 0;
        timeval timestamp{};
    };
    /// An OUTPUT buffer keeps its timestamp and sizes.
    void finish(std::uint32_t index, std::uint32_t flags = 0);
    void finish(std::uint32_t index, const Result& result);
    /// EPIPE as soon as what is done was fetched.
    void endAfterDone() { endAfterDone_ = true; }
    /// DQBUF goes on waiting after the end.
    void resume();

    struct View {
        std::vector<const std::byte*> planes;
        timeval timestamp{};
        bool empty = false;  ///< no data: the end, where the driver takes it so
    };
    [[nodiscard]] View view(std::uint32_t index) const;
    [[nodiscard]] std::span<std::byte> memory(std::uint32_t index) const;  ///< of plane 0
    /// As the application named them, at the last `queue`.
    [[nodiscard]] std::vector<int> descriptors(std::uint32_t index) const;

  private:
    enum class State { Application, Driver, Done };
    struct Plane {
        SharedMemory memory;
        std::uint32_t leastBytes = 0;  ///< as the format asked when the buffers were made
        std::uint32_t length = 0;
        std::uint32_t bytesUsed = 0;
        std::uint32_t dataOffset = 0;
        std::int64_t offset = 0;  ///< for mapping
        int descriptor = -1;      ///< as the application named it
        dev_t device = 0;         ///< of the imported file
        ino_t inode = 0;
    };
    struct Buffer {
        State state = State::Application;
        std::uint32_t flags = 0;
        bool hadLast = false;
        std::uint32_t field = V4L2_FIELD_NONE;
        std::uint32_t sequence = 0;
        timeval timestamp{};
        std::vector<Plane> planes;
    };

    [[nodiscard]] bool multiplanar() const { return V4L2_TYPE_IS_MULTIPLANAR(traits_.type); }
    [[nodiscard]] int check(const v4l2_buffer& buffer) const;
    [[nodiscard]] int checkLengths(const v4l2_buffer& buffer, const Buffer& own) const;
    static int import(Plane& plane, int descriptor, std::uint32_t length, bool writable);
    [[nodiscard]] int importPlanes(const v4l2_buffer& buffer, Buffer& own) const;
    void fill(std::uint32_t index, v4l2_buffer& buffer) const;

    Traits traits_;
    std::uint32_t memory_ = 0;  ///< V4L2_MEMORY_*
    std::vector<Buffer> buffers_;
    std::deque<std::uint32_t> waiting_;
    std::deque<std::uint32_t> done_;
    std::size_t taken_ = 0;
    std::uint32_t sequence_ = 0;
    bool streaming_ = false;
    bool lastDequeued_ = false;
    bool endAfterDone_ = false;
};

}  // namespace smartcodec::emulated
