#pragma once

#include "app/queue.h"
#include "app/stage.h"
#include "capture/unique_fd.h"

namespace smartcodec {

/// Makes safe from a power cut what has been written: waits for the disk, which may take a second, while nobody waits
/// for it.
class SyncStage {
  public:
    /// `failure` is borrowed for the stage's life.
    explicit SyncStage(FirstFailure& failure) : failure_(failure) {}

    /// Until `end`. For the stage's own thread.
    void run();

    /// Syncs `file` soon, and closes it. False, and nothing happens, while an earlier one takes its time. For one
    /// thread, which is also the one that calls `end`.
    [[nodiscard]] bool sync(UniqueFd file) { return files_.waiting() == 0 && files_.tryPut(file); }
    /// Nothing more will come.
    void end() { files_.put(UniqueFd()); }

  private:
    Queue<UniqueFd> files_{2};  // an empty one is the end
    FirstFailure& failure_;
};

}  // namespace smartcodec
