#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/segment_record.h"
#include "app/wall_clock.h"
#include "capture/unique_fd.h"
#include "mux/retention.h"
#include "mux/segment_folder.h"

namespace smartcodec {

/// The segments of a folder, in the order in which they were recorded: `segments.jsonl` in it, to which a line is
/// appended whenever something becomes of a segment; a file's last line counts. A segment is entered before its file is
/// made, and goes out of it after its file went: whatever happens in between, the next recorder finds out. What is not
/// in the index is not ours. Lines of what is gone are left out when a recorder starts, and once they are the most.
/// Any thread.
class SegmentIndex {
  public:
    static constexpr const char* kFileName = "segments.jsonl";

    /// Reads the index and makes it agree with the folder: a segment that nobody ended is entered with what its file
    /// holds, an empty one removed, and those whose files have gone are forgotten. `times` says how old segments are.
    /// `folder` is borrowed for the index's life. Throws std::system_error or std::runtime_error if there is a file of
    /// that name that is no index, or that cannot be written.
    SegmentIndex(SegmentFolder& folder, WallTimes times);

    /// One more than the last segment's.
    [[nodiscard]] std::uint64_t nextNumber() const;
    /// One more than the last event's.
    [[nodiscard]] std::uint64_t nextEvent() const;

    /// Enters a segment whose file is about to be made. Throws std::system_error.
    void begin(SegmentRecord record);
    /// What is known of it now; of a segment that is there. On an error only the file lacks it: whatever it lacks, or
    /// may lack, is written with what comes next.
    [[nodiscard]] std::error_code update(SegmentRecord record);
    /// Writes what it lacks, if it does.
    [[nodiscard]] std::error_code settle();
    /// The disk may not have what the file was given.
    void distrust();
    /// As `distrust`, where the disk may have gone: reads what is there if it is another folder now, which it returns.
    /// Throws as the constructor does; until it has succeeded nothing is written there.
    bool comeBack();
    /// For whoever has the time to sync the index; empty if the system gives none.
    [[nodiscard]] UniqueFd duplicate() const;
    /// Its file has gone.
    void forget(const std::string& file);
    /// The folder of that name has been made for segments, and may go with the last of them.
    void noteFolder(const std::string& name);

    /// Removes the oldest segments until the rest is within the limits; not those that are being written.
    /// Returns how many went.
    std::size_t retain(const RetentionLimits& limits);
    /// Removes the oldest segment that can be removed. False: there is none.
    bool removeOldest();

    [[nodiscard]] std::vector<SegmentRecord> segments() const;
    /// The system start of now, which bootEnd is of.
    [[nodiscard]] const std::string& boot() const { return boot_; }

  private:
    enum class Removal {
        Removed,
        Gone,   ///< somebody else has removed it
        Stuck,  ///< it cannot be removed, and is left alone from now on
        None,   ///< there is none to be removed
    };
    [[nodiscard]] Removal removeFirst();

    // All of the following under the lock, or before anybody else knows of the index.
    void open();
    void load(const std::string& text);
    void take(SegmentRecord record);
    void reconcile();
    [[nodiscard]] bool adopt(SegmentRecord& record);
    void forgetNow(const std::string& file);
    [[nodiscard]] std::error_code put(const std::string& line);
    [[nodiscard]] std::error_code append(const std::string& line);
    [[nodiscard]] std::error_code rewrite();
    void forgetFoldersOf(const std::string& file);
    [[nodiscard]] bool isRemovable(const SegmentRecord& record) const;
    [[nodiscard]] RetentionState retentionState() const;
    [[nodiscard]] std::optional<std::chrono::nanoseconds> age(const SegmentRecord& record) const;
    [[nodiscard]] std::deque<SegmentRecord>::iterator find(const std::string& file);

    SegmentFolder& folder_;
    const WallTimes times_;
    const std::string boot_;
    const WallTime startedWall_;
    const CaptureTime startedBoot_;
    mutable std::mutex mutex_;
    std::deque<SegmentRecord> present_;        // in the order in which they were recorded
    std::optional<SegmentRecord> last_;        // recorded, be it gone: numbers go on from there
    std::unordered_set<std::string> stuck_;    // cannot be removed; it has been said
    std::unordered_set<std::string> folders_;  // made for segments
    std::unordered_map<std::string, std::chrono::nanoseconds> wallOfBoot_;  // wall clock minus boot clock, as last seen
    UniqueFd file_;
    std::uint64_t fileBytes_ = 0;
    std::size_t lines_ = 0;
    bool behind_ = false;  // the file may not say what is known: it is to be replaced
    bool moved_ = false;   // the folder is another one, whose file has not been read
};

}  // namespace smartcodec
