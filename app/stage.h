#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "analysis/bitrate.h"
#include "analysis/qp_map.h"
#include "app/event.h"
#include "app/queue.h"
#include "capture/frame.h"
#include "capture/packet.h"

namespace smartcodec {

/// The last item of every queue: no more will come.
struct End {
    CaptureTime time{};                                   ///< until when the last picture stands
    bool cut = false;                                     ///< the source had more: copied tracks end at `time` too
    std::optional<std::chrono::nanoseconds> motion = {};  ///< of the last segment; empty: nobody looked
    std::optional<EventNote> event = {};                  ///< that the last file is of; empty: of none
    std::optional<EventMark> mark = {};                   ///< what happened since the last picture
};

/// A picture to be encoded, and how.
struct Job {
    Frame frame;
    bool keyFrame = false;
    Bitrate bitrate;
    QpMap qpMap;
    std::uint64_t segment = 0;  ///< the one that it begins, counted from the first cut on; 0: none
    std::optional<std::chrono::nanoseconds> motion = {};  ///< how long something moved until this picture; empty:
                                                          ///< nobody looked
    std::optional<EventMark> mark = {};                   ///< what happened since the job before; empty: nothing
};

/// An encoded picture, and what was known of it, and of others that went in before and have not come out, as a job.
struct Encoded {
    Packet packet;
    std::optional<std::chrono::nanoseconds> motion = {};  ///< how long something moved; empty: nobody looked
    std::optional<EventMark> mark = {};                   ///< what happened; empty: nothing
};

/// What follows is a segment of its own, or has other parameter sets: that goes into another file where one cannot hold
/// both.
struct NewFile {
    std::vector<std::byte> parameterSets;  ///< of the video that follows, Annex B
    CaptureTime start{};                   ///< of its first picture: until then the last one of the file before stands
    std::uint64_t segment = 0;             ///< as Job::segment; 0: the encoder began anew with other parameter sets
    std::optional<std::chrono::nanoseconds> motion = {};  ///< of the segment before; empty: nobody looked
    std::optional<EventNote> event = {};  ///< that it is of, and the file before it, if that is still open; empty: of
                                          ///< none
    std::optional<CaptureTime> recordingStart = {};  ///< the recording's first picture's time, if no file may hold that
};

/// The file that is open ends, and until the next NewFile there is none.
struct FileEnd {
    CaptureTime time{};                                   ///< until when its last picture stands
    std::optional<std::chrono::nanoseconds> motion = {};  ///< of the file; empty: nobody looked
    std::optional<EventNote> event = {};                  ///< that it is of; empty: of none
};

// What travels between the stages; Packet is a track that is copied, or, on its way to the file, any. The monostate is
// an item that nobody has filled.
using CaptureItem = std::variant<std::monostate, Frame, Packet, End>;
using JobItem = std::variant<std::monostate, Job, Packet, End>;
using HoldItem = std::variant<std::monostate, Encoded, Packet, NewFile, End>;
using WriteItem = std::variant<std::monostate, Packet, NewFile, FileEnd, End>;

/// Keeps the first thing that ended the recording, and asks the source to stop; and the first one that did not. Any
/// thread.
class FirstFailure {
  public:
    void report(std::string message) {
        {
            const std::lock_guard lock(mutex_);
            if (message_.empty())
                message_ = std::move(message);
        }
        stopSource_.request_stop();
    }
    /// What the recording survives, though not without loss.
    void note(std::string trouble) {
        const std::lock_guard lock(mutex_);
        if (trouble_.empty())
            trouble_ = std::move(trouble);
    }
    [[nodiscard]] std::string message() const {
        const std::lock_guard lock(mutex_);
        return message_;
    }
    [[nodiscard]] std::string trouble() const {
        const std::lock_guard lock(mutex_);
        return trouble_;
    }
    [[nodiscard]] std::stop_source& stopSource() { return stopSource_; }

  private:
    mutable std::mutex mutex_;
    std::string message_;
    std::string trouble_;
    std::stop_source stopSource_;
};

/// Wall clock from its construction on.
class Stopwatch {
  public:
    [[nodiscard]] std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace smartcodec
