#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "app/stage.h"

namespace smartcodec {

/// Memory that a packet takes, bytes: its own and what is kept about it.
[[nodiscard]] inline std::size_t memoryOf(const Packet& packet) {
    constexpr std::size_t kOfEach = 256;
    return packet.data.size() + kOfEach;
}

/// What waits for the disk: hands packets on to the thread that writes, and knows how many bytes it has not taken yet.
/// A disk that is slow, hangs or is away makes them more; at the bound whole GOPs are left out, from key frame to key
/// frame, until half of it is free again. Nobody waits for the disk then. A key frame is asked for where three quarters
/// of the bound are reached, so that the GOP that has begun ends soon and fits in the rest, and another one when there
/// is room again, so that the gap is short. Only a GOP that does not end although asked to is left out from its middle
/// on, when all of the bound is used. Both ends of a gap are said.
///
/// A new file that was to begin with what is left out begins with what follows. Thread-bound: the thread that hands on.
class DiskBacklog {
  public:
    struct Config {
        bool mayDrop = false;   ///< else whoever hands on waits until the queue has room, and nothing is left out
        std::size_t bytes = 0;  ///< the bound; a second one is the queue's capacity
    };

    /// `out` is borrowed for its life; it has room for 16 items at least. `askForKeyFrame` asks for one soon.
    DiskBacklog(const Config& config, Queue<WriteItem>& out, std::function<void()> askForKeyFrame);

    /// A GOP begins, with a key frame of this time; `file`, if given, with it. False: it is left out.
    bool beginGop(CaptureTime start, std::optional<NewFile> file);
    /// Of the GOP that has begun: a picture, which brings so much motion; or of a copied track.
    void put(Packet packet, std::optional<std::chrono::nanoseconds> motion = {});
    /// What was put since the last file began is all of it. There is none until `beginGop` brings one.
    void endFile(FileEnd end);
    /// Waits for room.
    void end(End end);

    /// Pictures that were left out, and for how long they were to be shown.
    [[nodiscard]] std::uint64_t droppedPictures() const { return dropped_; }
    [[nodiscard]] std::chrono::nanoseconds droppedTime() const { return droppedTime_; }

  private:
    void refresh();
    [[nodiscard]] bool isAbove(std::size_t quarters) const;
    void beginGap(CaptureTime start);
    void endGap(CaptureTime end);
    void askOnce();
    void hand(WriteItem item, std::size_t bytes);
    [[nodiscard]] std::optional<std::chrono::nanoseconds> takeMotion();

    const Config config_;
    Queue<WriteItem>& out_;
    const std::function<void()> askForKeyFrame_;
    std::vector<std::size_t> sizes_;  // of the items in the queue, used in turn
    std::uint64_t put_ = 0;           // items, ever
    std::uint64_t taken_ = 0;         // of them
    std::size_t bytes_ = 0;           // of those in the queue
    bool dropping_ = false;           // the GOP that has begun
    bool asked_ = false;              // for a key frame, in this GOP
    bool fileOpen_ = true;
    std::optional<NewFile> due_;                      // with the next GOP that is not left out
    std::optional<std::chrono::nanoseconds> motion_;  // in the file that is open
    std::optional<CaptureTime> gap_;                  // what is left out since the disk was busy begins here
    std::uint64_t dropped_ = 0;
    std::uint64_t droppedBefore_ = 0;  // the gap
    std::chrono::nanoseconds droppedTime_{0};
};

}  // namespace smartcodec
