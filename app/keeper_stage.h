#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "app/disk_watch.h"
#include "app/file_series.h"
#include "app/queue.h"
#include "app/segment_hook.h"
#include "app/segment_index.h"
#include "app/settings.h"
#include "app/stage.h"

namespace smartcodec {

/// Keeps a recording's segments: closes the files that are done, which takes as long as the disk likes, enters them in
/// the index, runs the command for them, and removes the oldest. All of it on a thread of its own, so that the
/// recording waits for none of it.
class KeeperStage {
  public:
    struct Ended {
        OpenOutput output;
        SegmentRecord record;
        bool isTold = false;  ///< what went wrong with it has been said
    };

    /// `index` and `failure` are borrowed for the stage's life. With `survives` the recording does not end for what
    /// fails here.
    KeeperStage(const SegmentSettings& settings, SegmentIndex& index, FirstFailure& failure, bool survives = false);

    /// Until `end`, when all is closed and entered; a command that still runs then is left alone. For the stage's own
    /// thread.
    void run();

    /// A segment whose writer has been ended. This and all until `end` for one thread.
    void put(Ended ended) {
        ++put_;
        items_.put(std::move(ended));
    }
    /// How many of them are closed and entered.
    [[nodiscard]] std::uint64_t kept() const { return kept_.load(std::memory_order_acquire); }
    /// Waits until there are more of them than `seen`. False: no more are under way.
    [[nodiscard]] bool waitForMore(std::uint64_t seen) const {
        if (seen == put_)
            return false;
        kept_.wait(seen, std::memory_order_acquire);
        return true;
    }
    void end() { items_.put(End{}); }

    /// For how long the disk has not answered; 0: it is not asked. Any thread.
    [[nodiscard]] std::chrono::nanoseconds waiting() const { return watch_.waiting(); }

    // Valid once `run` has returned.
    /// By how much files grew when they were closed.
    [[nodiscard]] std::uint64_t addedBytes() const { return addedBytes_; }
    [[nodiscard]] std::uint64_t removed() const { return removed_; }

  private:
    using Item = std::variant<std::monostate, Ended, End>;
    using Moment = std::chrono::steady_clock::time_point;

    void wait();
    void keep(Ended ended);
    void tell(const Status& status);
    void retain();

    const RetentionLimits limits_;
    const bool rotates_;
    const bool survives_;
    SegmentIndex& index_;
    FirstFailure& failure_;
    Queue<Item> items_;
    std::optional<SegmentHook> hook_;
    Moment lastLook_{};
    std::uint64_t put_ = 0;
    std::atomic<std::uint64_t> kept_{0};
    std::uint64_t addedBytes_ = 0;
    std::uint64_t removed_ = 0;
    DiskWatch watch_;
};

}  // namespace smartcodec
