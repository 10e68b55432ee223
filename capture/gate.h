#pragma once

#include <atomic>

namespace smartcodec {

/// What many threads may do at the same time until one of them puts an end to it, and then nobody any more: those that
/// pass take no lock, and only who closes waits, for those that are inside. Closed at first.
class Gate {
  public:
    /// Runs `work`, which must not throw nor close the gate. False: it is closed, nothing was run.
    template <typename Work>
    bool pass(const Work& work) noexcept {
        const bool isOpen = (state_.fetch_add(1, std::memory_order_acquire) & kClosed) == 0;
        if (isOpen)
            work();
        if ((state_.fetch_sub(1, std::memory_order_release) & kClosed) != 0)
            state_.notify_all();
        return isOpen;
    }

    void open() noexcept { state_.fetch_and(~kClosed, std::memory_order_release); }

    /// When it returns, nobody is inside, and what they did is seen.
    void close() noexcept {
        int inside = state_.fetch_or(kClosed, std::memory_order_acq_rel) & ~kClosed;
        while (inside > 0) {
            state_.wait(inside | kClosed, std::memory_order_acquire);
            inside = state_.load(std::memory_order_acquire) & ~kClosed;
        }
    }

  private:
    static constexpr int kClosed = 1 << 30;
    std::atomic<int> state_{kClosed};  // how many are inside, and kClosed
};

}  // namespace smartcodec
