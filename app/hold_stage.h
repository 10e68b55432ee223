#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>

#include "app/disk_backlog.h"
#include "app/gop_ring.h"
#include "app/settings.h"
#include "app/stage.h"

namespace smartcodec {

/// Memory for what waits for the disk, and for the pre-roll of an event: 38 s at 10 Mbit/s until its three quarters are
/// taken, and half of that.
constexpr std::size_t kBacklogBytes = 64'000'000;
constexpr std::size_t kPreRollBytes = 32'000'000;

/// Stands between the encoder and the disk, holds packets in memory, and never waits for the disk where the source does
/// not: what the disk is too slow for, or away for too long, is left out, whole GOPs of it (DiskBacklog).
///
/// Where only events are recorded, the latest GOPs are kept here while nothing happens. When something does, those that
/// reach back over the pre-roll go into a file of their own, and all that follows until the post-roll is over and a key
/// frame comes, with which the ring begins anew: so no picture is in two events, and where one event follows another
/// closely, none is missing between them.
///
/// Sound waits for the picture that is shown with it, so that it shares its GOP's fate.
class HoldStage {
  public:
    struct Config {
        bool mayDrop = false;                           ///< the source waits for nobody
        std::optional<EventSettings> events = {};       ///< empty: everything is recorded
        std::uint64_t firstEvent = 1;                   ///< its number
        std::span<const std::byte> parameterSets = {};  ///< of the video that comes first; borrowed for the constructor
        std::size_t backlogBytes = kBacklogBytes;       ///< of what waits for the disk
        std::size_t preRollBytes = kPreRollBytes;       ///< of what waits for an event
    };

    /// The queues are borrowed for the stage's life. `askForKeyFrame` asks for one soon; it is called on the stage's
    /// thread.
    HoldStage(const Config& config, Queue<HoldItem>& in, Queue<WriteItem>& out, std::function<void()> askForKeyFrame);

    /// Until End, which it hands on. For the stage's own thread.
    void run();
    /// Is told to stop when all is handed on but End: what waits for the disk will not become more.
    [[nodiscard]] std::stop_token ending() const { return ending_.get_token(); }

    // Valid once `run` has returned.
    /// Pictures that the disk was too slow or too long away for, and for how long they were to be shown.
    [[nodiscard]] std::uint64_t busyPictures() const { return backlog_.droppedPictures(); }
    [[nodiscard]] std::chrono::nanoseconds busyTime() const { return backlog_.droppedTime(); }
    /// Pictures of the time between events.
    [[nodiscard]] std::uint64_t idlePictures() const { return idlePictures_ + ring_.droppedPictures(); }
    [[nodiscard]] std::uint64_t events() const { return events_; }
    /// How long they were all together, pre-roll and post-roll included.
    [[nodiscard]] std::chrono::nanoseconds eventTime() const { return eventTime_; }

  private:
    void take(Encoded picture);
    void take(Packet sound);
    void take(NewFile file);
    void finish(End end);
    void beginGop(CaptureTime start);
    void put(HeldPacket packet);
    void releaseSound(CaptureTime until);
    void note(const EventMark& mark);
    void beginEvent(CaptureTime from);
    void handOnGop(CaptureTime start, const SharedSets& sets);
    void endEvent(CaptureTime time);
    void keepRing(CaptureTime newest);

    const Config config_;
    Queue<HoldItem>& in_;
    const std::function<void()> askForKeyFrame_;
    DiskBacklog backlog_;
    std::stop_source ending_;

    std::deque<Packet> sound_;  // that is shown later than what has come
    std::size_t soundBytes_ = 0;
    std::optional<NewFile> file_;  // is to begin with the next GOP

    // Of events:
    GopRing ring_;
    SharedSets sets_;                   // of what comes
    SharedSets fileSets_;               // of what went into the file last
    std::optional<CaptureTime> first_;  // picture of the recording
    CaptureTime newest_{};
    bool inGop_ = false;  // what comes belongs to a GOP that is there from its key frame on
    bool asked_ = false;  // for a key frame in this GOP
    bool saidShort_ = false;
    std::uint64_t segment_ = 0;              // as NewFile::segment, of the last one that was to begin
    std::optional<EventNote> event_;         // that is on
    CaptureTime until_{};                    // it is on
    std::optional<CaptureTime> eventStart_;  // of its first picture; empty: that has not come
    std::uint64_t events_ = 0;
    std::uint64_t idlePictures_ = 0;
    std::chrono::nanoseconds eventTime_{0};
};

}  // namespace smartcodec
