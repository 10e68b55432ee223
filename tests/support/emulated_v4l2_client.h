#pragma once

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "capture/picture.h"
#include "capture/unique_fd.h"
#include "tests/support/emulated_v4l2.h"

namespace smartcodec::test {

/// The few lines that a test of the emulated encoders needs to talk to one: no client, only calls, each giving 0 or the
/// errno.
class V4l2Calls {
  public:
    explicit V4l2Calls(const V4l2Personality& personality, EmulatedV4l2::Coding coding = EmulatedV4l2::Coding::Fake);
    ~V4l2Calls();
    V4l2Calls(const V4l2Calls&) = delete;
    V4l2Calls& operator=(const V4l2Calls&) = delete;

    template <class Argument>
    int call(unsigned long request, Argument& argument) {
        return result(system.ioctl(descriptor, request, &argument));
    }

    /// Closes it and opens it again, nothing set.
    void reopen();

    [[nodiscard]] std::uint32_t type(bool output) const;
    int setFormat(bool output, std::uint32_t fourcc, Size size = {}, std::uint32_t bytes = 0,
                  v4l2_format* granted = nullptr);
    int setFrameRate(std::uint32_t framesPerSecond);
    int request(bool output, std::uint32_t count, v4l2_memory memory = V4L2_MEMORY_MMAP);
    int stream(bool output, bool on);
    int set(std::uint32_t id, std::int32_t value);
    [[nodiscard]] std::int32_t get(std::uint32_t id);
    int command(std::uint32_t command);
    /// `bytes` 0: the whole of each plane.
    int queue(bool output, std::uint32_t index, std::int64_t microseconds = 0, std::uint32_t bytes = 0);
    int queueDmabuf(std::uint32_t index, std::span<const int> dmabufs, std::uint32_t length,
                    std::int64_t microseconds = 0);

    struct Dequeued {
        std::uint32_t index = 0;
        std::uint32_t flags = 0;
        std::int64_t microseconds = 0;
        std::vector<std::byte> data;  ///< of CAPTURE, what lies behind data_offset
    };
    int dequeue(bool output, Dequeued& buffer);
    /// What poll says of it within `milliseconds`.
    short poll(short events, int milliseconds = 5000);

    /// Formats, S_PARM, crop, `count` mapped buffers on each queue, those of CAPTURE queued, both streaming. Throws
    /// where anything is refused.
    void begin(std::uint32_t coded, std::uint32_t raw, Size size, std::uint32_t count = 4,
               std::uint32_t framesPerSecond = 30);
    /// A grey picture, or what `draw` makes of its planes, waits for a free OUTPUT buffer and goes in; everything that
    /// comes out meanwhile is added to `packets`, and its buffer is queued again.
    void encode(std::int64_t microseconds, std::vector<Dequeued>& packets,
                const std::function<void(std::span<std::byte*> planes)>& draw = {});
    /// STOP, then everything up to the end, whatever form it has. False: none came within `milliseconds`.
    bool drain(std::vector<Dequeued>& packets, int milliseconds = 5000);
    /// All packets that are ready now.
    void collect(std::vector<Dequeued>& packets);

    EmulatedV4l2 system;
    V4l2Personality personality;
    int descriptor = -1;
    bool ended = false;
    std::size_t strideBytes = 0;  ///< of the luma, as `begin` was granted it
    struct Mapped {
        std::vector<std::byte*> planes;
        std::vector<std::uint32_t> lengths;
    };
    std::vector<Mapped> outputs;
    std::vector<Mapped> captures;

  private:
    void release();
    static int result(int returned);
    void map(bool output, std::uint32_t count);
    void check(int error, const char* what) const;
    std::vector<std::uint32_t> free_;
};

}  // namespace smartcodec::test
