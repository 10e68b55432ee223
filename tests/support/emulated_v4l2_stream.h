#pragma once

#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "tests/support/emulated_v4l2_coder.h"
#include "tests/support/emulated_v4l2_rate.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec::emulated {

/// What is in force for one picture.
struct StreamSettings {
    std::int64_t bitrate = 0;  ///< 0: no rate control, the pictures' own QPs
    double frameRate = 30;
    std::int64_t gopSize = 0;  ///< 0: key frames only when asked
    int lowestQp = 0;
    int highestQp = 51;
    int keyQp = 26;
    int otherQp = 26;
    bool joinedHeader = true;
    bool repeatParameterSets = false;
};

/// One filling for a CAPTURE buffer.
struct CodedBuffer {
    std::vector<std::byte> data;
    timeval timestamp{};
    std::uint32_t flags = 0;  ///< V4L2_BUF_FLAG_*
    int qp = 0;               ///< average
};

/// One independent coded stream, from STREAMON(CAPTURE) to STREAMOFF: key frames, rate control, parameter sets, and
/// the personality's faults. Thread-bound.
class Stream {
  public:
    Stream(const V4l2Personality& personality, std::unique_ptr<Coder> coder, std::uint32_t fourcc, Size size);

    struct Frame {
        RawPicture picture;
        timeval timestamp{};
        bool keyFrame = false;              ///< asked for
        std::vector<std::int8_t> deltas{};  ///< per 16x16 block; empty: none
    };
    /// Appends what came out to `ready`.
    void encode(const Frame& frame, const StreamSettings& settings, std::deque<CodedBuffer>& ready);
    /// Everything that is held inside.
    void flush(std::deque<CodedBuffer>& ready);

  private:
    void release(CodedBuffer coded, std::deque<CodedBuffer>& ready);
    [[nodiscard]] std::uint32_t flags(bool keyFrame) const;
    [[nodiscard]] double secondsSinceLast(const Frame& frame, const StreamSettings& settings) const;

    const V4l2Personality& personality_;
    std::unique_ptr<Coder> coder_;
    std::uint32_t fourcc_;
    RateControl rate_;
    std::deque<CodedBuffer> held_;
    std::optional<CodedBuffer> overtaken_;  // by the packet after it
    std::uint64_t taken_ = 0;               // pictures that came in
    std::uint64_t pictures_ = 0;            // coded
    std::uint64_t packets_ = 0;             // released
    std::int64_t sinceKey_ = 0;
    timeval lastTime_{};
};

}  // namespace smartcodec::emulated
