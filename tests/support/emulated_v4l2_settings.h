#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "capture/picture.h"
#include "tests/support/emulated_v4l2_controls.h"
#include "tests/support/emulated_v4l2_stream.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec::emulated {

/// What rides on one OUTPUT buffer: settings that take effect with it.
struct Latched {
    std::map<std::uint32_t, std::int64_t> values;
    std::optional<double> frameRate;
    bool keyFrame = false;
    std::vector<std::int8_t> deltas{};
};

/// Which of the values that controls were set to are in force for the stream, by the personality's effects. Not
/// thread-safe: its device locks.
class Settings {
  public:
    Settings(const V4l2Personality& personality, const Controls& controls);

    /// A control was set. `coded` and `size`: the stream's, for maps.
    void change(const ControlChange& change, std::uint32_t coded, Size size);
    void setFrameRate(double framesPerSecond);
    [[nodiscard]] double frameRate() const { return frameRate_; }

    /// The stream begins: everything set so far is in force, but for what never is.
    void begin();
    /// The OUTPUT buffer `index` is queued: what it takes with it.
    [[nodiscard]] Latched latch(std::uint32_t index);
    /// The device comes to code that buffer: `keyFrame` and `deltas` of what is returned are this picture's.
    StreamSettings apply(Latched& latched, std::uint32_t coded);

  private:
    void force(std::uint32_t id, std::int64_t value);
    void forceAttached();
    [[nodiscard]] std::int64_t value(std::uint32_t id, std::int64_t otherwise) const;
    [[nodiscard]] std::int64_t byCodec(std::uint32_t coded, std::uint32_t h264, std::uint32_t hevc,
                                       std::int64_t otherwise) const;

    const V4l2Personality& personality_;
    const Controls& controls_;
    std::map<std::uint32_t, std::int64_t> inForce_;
    Latched next_;
    std::optional<std::int64_t> gop_;                 // as set last, by either of its names
    std::map<std::uint32_t, std::int64_t> attached_;  // to the next change of the bit rate
    std::optional<double> attachedFrameRate_;
    bool keyFrame_ = false;                                       // for the next picture that is coded
    std::vector<std::int8_t> standing_;                           // deltas that stay on
    std::map<std::uint32_t, std::vector<std::int8_t>> byBuffer_;  // deltas for the OUTPUT buffers to come
    bool roiEnabled_ = false;
    double frameRate_ = 30;
    double frameRateInForce_ = 30;
};

}  // namespace smartcodec::emulated
