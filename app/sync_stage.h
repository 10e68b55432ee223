#pragma once

#include <atomic>
#include <chrono>
#include <system_error>

#include "app/disk_watch.h"
#include "app/queue.h"
#include "app/stage.h"
#include "capture/status.h"
#include "capture/unique_fd.h"

namespace smartcodec {

/// Makes safe from a power cut what has been written: waits for the disk, which may take a second, while nobody waits
/// for it.
class SyncStage {
  public:
    /// `failure` is borrowed for the stage's life. With `survives` the recording does not end for what fails here.
    explicit SyncStage(FirstFailure& failure, bool survives = false) : failure_(failure), survives_(survives) {}

    /// Until `end`. For the stage's own thread.
    void run();

    /// Syncs `file` soon, and closes it. False, and nothing happens, while an earlier one takes its time. For one
    /// thread, which is also the one that calls `end`.
    [[nodiscard]] bool sync(UniqueFd file) { return files_.waiting() == 0 && files_.tryPut(file); }
    /// What failed since the last time: the disk may have lost what it was given. For the same thread.
    [[nodiscard]] Status takeFailure();
    /// Nothing more will come.
    void end() { files_.put(UniqueFd()); }

    /// For how long the disk has not answered; 0: it is not asked. Any thread.
    [[nodiscard]] std::chrono::nanoseconds waiting() const { return watch_.waiting(); }

  private:
    Queue<UniqueFd> files_{2};  // an empty one is the end
    FirstFailure& failure_;
    const bool survives_;
    std::atomic<int> error_{0};  // errno; 0: none
    DiskWatch watch_;
};

}  // namespace smartcodec
