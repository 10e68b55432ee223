#pragma once

#include <atomic>
#include <chrono>

namespace smartcodec {

/// For how long one thread has been waiting for the disk: a call that hangs cannot be ended, only noticed by others.
class DiskWatch {
  public:
    /// While it lives, the thread may be waiting.
    class Busy {
      public:
        explicit Busy(DiskWatch& watch) : watch_(watch) {
            watch_.since_.store(std::chrono::steady_clock::now().time_since_epoch(), std::memory_order_relaxed);
        }
        ~Busy() { watch_.since_.store(kIdle, std::memory_order_relaxed); }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

      private:
        DiskWatch& watch_;
    };

    /// 0: it is not. Any thread.
    [[nodiscard]] std::chrono::nanoseconds waiting() const {
        const std::chrono::nanoseconds since = since_.load(std::memory_order_relaxed);
        return since == kIdle ? kIdle : std::chrono::steady_clock::now().time_since_epoch() - since;
    }

  private:
    static constexpr std::chrono::nanoseconds kIdle{0};
    std::atomic<std::chrono::nanoseconds> since_{kIdle};
};

}  // namespace smartcodec
