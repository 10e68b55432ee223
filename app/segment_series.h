#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/file_series.h"
#include "app/keeper_stage.h"
#include "app/segment_index.h"
#include "app/segment_plan.h"
#include "app/settings.h"
#include "app/wall_clock.h"
#include "mux/segment_folder.h"
#include "mux/segment_name.h"

namespace smartcodec {

/// The segments of a recording: names them by their pattern, enters them in the index, and hands those that are done to
/// the keeper. A name that is taken is never used: the number goes on, or `-2` and so on is put in front of the
/// extension. Thread-bound.
class SegmentSeries final : public FileSeries {
  public:
    struct Config {
        FileConfig file;  ///< of all of them; path and parameter sets do not count. What it shows must outlive this
        SegmentName name;
        std::optional<std::uint64_t> bytes;  ///< of one, about
        bool rotates = false;                ///< the oldest segments make room on a full disk
    };
    /// Borrowed for the series' life.
    struct Parts {
        SegmentFolder& folder;
        SegmentIndex& index;
        SegmentPlan& plan;
        KeeperStage& keeper;
    };

    SegmentSeries(Config config, const Parts& parts, WallTimes times);

    [[nodiscard]] OpenOutput open(const Next& next) override;
    [[nodiscard]] UniqueFd toSyncFirst() override { return entered_ ? parts_.index.duplicate() : UniqueFd(); }
    void firstIsSynced() override { entered_ = false; }
    void begun(CaptureTime first) override;
    void grew(std::uint64_t bytes, CaptureTime time) override;
    Status close(OpenOutput& output, const EndedFile& file) override;
    void discard(OpenOutput& output) override;
    void end() override;

  private:
    [[nodiscard]] SegmentRecord newRecord(const Next& next) const;
    [[nodiscard]] OpenOutput create(const Next& next);
    [[nodiscard]] bool makeRoom();
    void forget(const std::string& file);
    void removeRemains();

    const Config config_;
    const Parts parts_;
    WallTimes times_;
    SegmentRecord record_;  // of the file that is open
    bool entered_ = false;  // in the index, which the disk does not know yet
    std::uint64_t segment_ = 0;
    std::optional<std::uint64_t> unused_;  // the number of the file before, which got no picture
    std::optional<WallTime> lastEnd_;      // where the next one begins
    CaptureTime lastSensorEnd_{};
    std::vector<std::string> remains_;  // files without a picture, that a sick disk would not remove
    bool asked_ = false;                // for the next one, since this is large enough
    CaptureTime sampled_{};
    std::uint64_t sampledBytes_ = 0;
    std::uint64_t growth_ = 0;  // in the last second
};

}  // namespace smartcodec
