#pragma once

#include <atomic>

namespace smartcodec {

/// From somebody behind the encoder to whoever decides before it: the next picture that can be one is to be a key
/// frame. Any thread.
class KeyFrameRequest {
  public:
    void ask() { asked_.store(true, std::memory_order_relaxed); }
    /// Whether somebody has asked since the last time.
    [[nodiscard]] bool take() {
        return asked_.load(std::memory_order_relaxed) && asked_.exchange(false, std::memory_order_relaxed);
    }

  private:
    std::atomic<bool> asked_{false};
};

}  // namespace smartcodec
