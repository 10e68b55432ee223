#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "capture/packet.h"

namespace smartcodec {

/// A packet with its times in ticks of its track, from the moment that the first video frame is shown.
struct TimedPacket {
    Packet packet = {};
    std::int64_t presentation = 0;
    std::int64_t decode = 0;
    std::int64_t duration = 0;  ///< how long it is shown
    std::int64_t step = 0;      ///< to the decode time of the next packet
};

/// Turns the capture times of video packets into the times of an MP4 track. An MP4 stores no packet's duration, only
/// the steps between decode times, so a packet is held back until the next one's is known; with B-frames some more are
/// held, because the end of the recording may move the last ones' decode times. Thread-bound.
class VideoTimeline {
  public:
    static constexpr std::int64_t kTicksPerSecond = 90'000;

    void push(Packet packet);

    /// The next packet that is held back no longer, in decoding order.
    [[nodiscard]] std::optional<TimedPacket> pop();

    /// The recording ends at `end`: `pop` gives all that is left, the last picture shown until then.
    void end(CaptureTime end);

    [[nodiscard]] bool started() const { return first_.has_value(); }
    /// When the first frame was captured: zero of all tracks. Only once started.
    [[nodiscard]] CaptureTime first() const { return *first_; }
    /// Of the last picture in order of presentation. Only once started.
    [[nodiscard]] CaptureTime lastPresentation() const { return lastPresentation_; }

  private:
    [[nodiscard]] std::int64_t ticks(CaptureTime time) const;
    void setDurations(std::int64_t end);
    void settleDecodeTimes(std::int64_t end);

    std::optional<CaptureTime> first_;
    CaptureTime lastPresentation_{};
    std::int64_t delay_ = 0;     // from the first packet's decoding to its presentation; > 0 if B-frames may come
    std::int64_t released_ = 0;  // decode time of the packet popped last
    bool anyReleased_ = false;
    bool ended_ = false;
    std::deque<TimedPacket> held_;
};

}  // namespace smartcodec
