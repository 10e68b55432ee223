#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/bitrate.h"
#include "analysis/decision.h"
#include "capture/picture.h"

namespace smartcodec {

/// Wall clock that one stage of the pipeline worked, waiting for its neighbours left out.
struct StageTime {
    std::chrono::nanoseconds total{0};
    std::uint64_t count = 0;  ///< frames, or packets of the writer

    void add(std::chrono::nanoseconds time) {
        total += time;
        ++count;
    }
    [[nodiscard]] double millisecondsEach() const {
        return count == 0 ? 0 : std::chrono::duration<double, std::milli>(total).count() / static_cast<double>(count);
    }
};

/// A file with at least one picture.
struct WrittenFile {
    std::string path;
    std::uint64_t pictures = 0;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds start{0};  ///< its first picture, from the recording's first one on
};

/// Of a recording in segments.
struct SegmentSummary {
    std::string index;          ///< the file that lists them
    std::uint64_t written = 0;  ///< with at least one picture
    std::uint64_t removed = 0;  ///< old ones, of this recording or earlier ones, to keep within limits
};

/// Of a recording of events alone.
struct EventSummary {
    std::uint64_t count = 0;
    std::chrono::nanoseconds time{0};  ///< that they took together, pre-roll and post-roll included
    std::uint64_t framesBetween = 0;   ///< pictures that were left out, since they are of no event
};

/// What a recording came to.
/// framesIn = framesRecorded + the sum of droppedByReason + framesDroppedAtSource + framesLost + framesDiskBusy +
/// events' framesBetween.
struct RecordingSummary {
    std::string source;
    std::string output;              ///< as asked for
    std::vector<WrittenFile> files;  ///< more than one where the encoder had to begin anew; none of segments, which
                                     ///< may be many
    std::optional<SegmentSummary> segments;  ///< empty: the recording is not cut into any
    std::optional<EventSummary> events;      ///< empty: everything was to be recorded
    std::string encoder;
    Size size;

    std::uint64_t framesIn = 0;
    std::uint64_t framesRecorded = 0;         ///< pictures in the files
    std::uint64_t framesDroppedAtSource = 0;  ///< came too fast (`--realtime` and cameras only), or not
                                              ///< later than the frame before, or failed
    std::uint64_t framesFailed = 0;           ///< those of them that the camera could not take, or damaged
    std::uint64_t framesLost = 0;             ///< were to be recorded, but the encoder or the disk failed,
                                              ///< or the encoder gave no packet for them
    std::uint64_t framesLostToDisk = 0;       ///< those of them that were encoded
    std::uint64_t framesDiskBusy = 0;         ///< left out, whole GOPs, since memory was full of what the disk had not
                                              ///< taken yet: it was too slow, or away
    std::uint64_t diskOutages = 0;            ///< how often the recording went on without its disk
    std::chrono::nanoseconds timeLost{0};     ///< of `duration`, for which the disk is to blame: framesLostToDisk and
                                              ///< framesDiskBusy
    std::uint64_t framesUnseen = 0;           ///< recorded without a look at them: the machine could not keep up
    std::uint64_t framesUnstabilised = 0;     ///< left as they came, for the same reason
    std::map<FrameReason, std::uint64_t> recordedByReason;  ///< as decided
    std::map<FrameReason, std::uint64_t> droppedByReason;
    std::map<KeyFrameReason, std::uint64_t> keyFramesByReason;  ///< without KeyFrameReason::None

    std::uint64_t bytes = 0;               ///< of the files
    std::uint64_t videoBytes = 0;          ///< of their video tracks
    Bitrate comparedRate;                  ///< what `savedShare` compares with: the fixed rate of `--smart off`
    std::chrono::nanoseconds duration{0};  ///< of source time, from the first frame to the end of the last
    std::chrono::nanoseconds wallTime{0};
    std::chrono::nanoseconds longestHold{0};    ///< longest time that one recorded picture stands
    std::chrono::nanoseconds longestKeyGap{0};  ///< longest time between key frames

    StageTime capture;  ///< reading and decoding, drawing the scene, or converting what a camera took
    StageTime analysis;
    StageTime stabilising;
    StageTime encoding;
    StageTime writing;
    std::uint64_t peakMemoryBytes = 0;  ///< of the whole process

    bool stopped = false;  ///< somebody asked for the end
    std::string warning;   ///< what went wrong beside the recording; empty: nothing
    std::string failure;   ///< what ended the recording early, or why it is not whole; empty: nothing

    /// Whether something was recorded, or was not to be: nothing may have happened.
    [[nodiscard]] bool isRecording() const {
        return framesRecorded > 0 || (events && events->count == 0 && framesIn > 0);
    }
    /// Over the time that is recorded: without what was lost.
    [[nodiscard]] Bitrate videoBitrate() const;
    /// Estimate: share of the bits that a video of `comparedRate` and the same duration has and this one has not, 0..1.
    /// Also of the time that is recorded.
    /// Empty if the recording itself has that fixed rate.
    [[nodiscard]] std::optional<double> savedShare() const;
    /// 0 recorded, 1 ended early, or lacks something, but what was written is whole, 2 nothing could be recorded.
    [[nodiscard]] int exitStatus() const;
};

/// For people: some lines, the last one ended too.
[[nodiscard]] std::string toText(const RecordingSummary& summary);
/// For programs: one object, indented, with its units in the names.
[[nodiscard]] std::string toJson(const RecordingSummary& summary);

}  // namespace smartcodec
