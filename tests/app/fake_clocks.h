#pragma once

#include <memory>
#include <mutex>

#include "app/wall_clock.h"

namespace smartcodec::test {

/// Both clocks, as a test sets them. Any thread; copies of what `reader` gives share them.
class FakeClocks {
  public:
    explicit FakeClocks(const ClockReading& now) : state_(std::make_shared<State>()) { state_->now = now; }

    [[nodiscard]] ReadClocks reader() const {
        return [state = state_] {
            const std::lock_guard lock(state->mutex);
            return state->now;
        };
    }
    /// Time passes.
    void pass(std::chrono::nanoseconds time) {
        const std::lock_guard lock(state_->mutex);
        state_->now.wall += std::chrono::duration_cast<WallTime::duration>(time);
        state_->now.boot += time;
    }
    /// Somebody sets the wall clock.
    void jump(std::chrono::nanoseconds time) {
        const std::lock_guard lock(state_->mutex);
        state_->now.wall += std::chrono::duration_cast<WallTime::duration>(time);
    }

  private:
    struct State {
        std::mutex mutex;
        ClockReading now;
    };
    std::shared_ptr<State> state_;
};

/// 2026-11-23 12:00:00 UTC, 1000 s after the system's start.
[[nodiscard]] inline FakeClocks noon() {
    return FakeClocks(
        {.wall = WallTime(std::chrono::seconds(1'795'435'200)), .boot = CaptureTime(std::chrono::seconds(1000))});
}

}  // namespace smartcodec::test
