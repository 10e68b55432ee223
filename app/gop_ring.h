#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "capture/packet.h"

namespace smartcodec {

/// Parameter sets of a stretch of video, Annex B. Shared by all that was encoded with them, since they are needed until
/// the last of it is written.
using SharedSets = std::shared_ptr<const std::vector<std::byte>>;

/// A picture, or a piece of a copied track, that is held in memory.
struct HeldPacket {
    Packet packet;
    std::optional<std::chrono::nanoseconds> motion = {};  ///< that it brings; empty: nobody looked
};

/// From a key frame to the next one, and the sound of that time.
struct HeldGop {
    CaptureTime start{};
    SharedSets sets = {};
    std::vector<HeldPacket> packets = {};  ///< in decoding order
    std::size_t bytes = 0;
    std::uint64_t pictures = 0;
};

/// The latest GOPs, the newest of which is still growing. It begins with a key frame, and has a bound in bytes.
/// Thread-bound. Memory of what it lets go of serves what comes, but for the packets' own.
class GopRing {
  public:
    explicit GopRing(std::size_t bytes) : mostBytes_(bytes) {}

    /// A GOP begins.
    void beginGop(CaptureTime start, SharedSets sets);
    /// Of the GOP that has begun. Where there are too many bytes the oldest GOPs go; false: that one itself is too
    /// large and has gone, and what follows of it has no place here.
    [[nodiscard]] bool put(HeldPacket packet);

    /// Lets go of the GOPs that end at `from` or before.
    void trim(CaptureTime from);
    void clear();
    /// The oldest GOP; empty: there is none. To be handed to `reuse` when its packets are gone.
    [[nodiscard]] std::optional<HeldGop> take();
    void reuse(HeldGop gop);

    /// Of the oldest GOP; empty: there is none.
    [[nodiscard]] std::optional<CaptureTime> start() const;
    /// Whether the newest GOP has so many bytes that a key frame soon is better than a ring of few large GOPs.
    [[nodiscard]] bool wantsKeyFrame() const;
    /// Whether the bound has cost GOPs since the ring was empty.
    [[nodiscard]] bool droppedForRoom() const { return droppedForRoom_; }
    /// Pictures that it let go of, other than by `take`.
    [[nodiscard]] std::uint64_t droppedPictures() const { return dropped_; }

  private:
    void dropOldest();

    const std::size_t mostBytes_;
    std::deque<HeldGop> gops_;
    std::vector<HeldGop> spare_;
    std::size_t bytes_ = 0;
    bool droppedForRoom_ = false;
    std::uint64_t dropped_ = 0;
};

}  // namespace smartcodec
