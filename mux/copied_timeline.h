#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "mux/video_timeline.h"

namespace smartcodec {

/// Turns the times of a copied track's packets into those of an MP4 track that shares its zero with the video.
/// Thread-bound.
class CopiedTimeline {
  public:
    struct Config {
        std::int64_t ticksPerSecond = 0;  ///< the sample rate
        std::int64_t prerollTicks = 0;    ///< what a decoder must have heard before zero; 0: nothing
    };
    explicit CopiedTimeline(const Config& config) : config_(config) {}
    CopiedTimeline(CopiedTimeline&&) = default;
    CopiedTimeline& operator=(CopiedTimeline&&) = default;
    CopiedTimeline(const CopiedTimeline&) = delete;  // it holds packets
    CopiedTimeline& operator=(const CopiedTimeline&) = delete;

    /// `durationTicks`: what the packet holds by its codec's count; 0 if unknown. The packet's own duration counts
    /// then, and where it is shorter: the last packet of a track is seldom full.
    void push(Packet packet, CaptureTime first, std::int64_t durationTicks);

    /// Time of the packet that `pop` would give, seconds since the first video frame. One packet is held back until
    /// `end`, so that the end may cut it short.
    [[nodiscard]] std::optional<double> nextSeconds() const;
    [[nodiscard]] TimedPacket pop();

    /// No more packets. With `cutAt`, nothing stays that begins there or later.
    void end(std::optional<std::int64_t> cutAtTicks);

    /// No more packets: those that begin at `from` or later are given back, in order and as they came, behind what
    /// `following` holds. The one before stays whole.
    void endBefore(std::int64_t fromTicks, std::vector<Packet>& following);

  private:
    struct Span {
        std::int64_t decode;
        std::int64_t duration;
    };
    Config config_;
    std::optional<Span> last_;  // of the packet pushed last
    bool ended_ = false;
    std::deque<TimedPacket> preroll_;
    std::deque<TimedPacket> ready_;
};

}  // namespace smartcodec
