#pragma once

#include <atomic>
#include <cstdint>

#include "app/stage.h"
#include "app/summary.h"
#include "mux/mp4_writer.h"

namespace smartcodec {

/// Writes the file. Once the disk has failed it takes what comes without looking at it, so that nobody before it waits
/// for ever, and then makes whole what was written.
class WriteStage {
  public:
    /// Everything is borrowed for the stage's life.
    WriteStage(Mp4Writer& writer, Queue<WriteItem>& in, FirstFailure& failure);

    /// Until End; the file is finished then. For the stage's own thread.
    void run();

    /// Pictures in the file; while the recording runs some more are on their way. Any thread.
    [[nodiscard]] std::uint64_t pictures() const { return pictures_.load(std::memory_order_relaxed); }
    /// Any thread.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

    // Valid once `run` has returned.
    [[nodiscard]] std::uint64_t videoBytes() const { return writer_.videoBytes(); }
    [[nodiscard]] const StageTime& time() const { return time_; }

  private:
    void write(Packet packet);
    void finish(const End& end);
    void takeFigures();
    [[nodiscard]] bool check(const Status& status);

    Mp4Writer& writer_;
    Queue<WriteItem>& in_;
    FirstFailure& failure_;
    bool failed_ = false;
    CaptureTime failedAt_{};  // when the picture that could not be written should have been shown
    std::atomic<std::uint64_t> pictures_{0};
    std::atomic<std::uint64_t> bytes_{0};
    StageTime time_;
};

}  // namespace smartcodec
