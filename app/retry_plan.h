#pragma once

#include <algorithm>
#include <chrono>

namespace smartcodec {

/// When to try again what has failed: at once if all was well for long, then after ever longer waits. Thread-bound.
class RetryPlan {
  public:
    using Moment = std::chrono::steady_clock::time_point;
    struct Config {
        std::chrono::nanoseconds first = std::chrono::seconds(1);     ///< the first wait; each is twice the one before
        std::chrono::nanoseconds longest = std::chrono::seconds(10);  ///< and what is called long above
    };

    explicit RetryPlan(const Config& config) : config_(config) {}

    void worked(Moment now) {
        works_ = true;
        since_ = now;
    }
    void failed(Moment now) {
        const bool wellForLong = fresh_ || (works_ && now - since_ >= config_.longest);
        wait_ = wellForLong ? std::chrono::nanoseconds(0) : std::clamp(2 * wait_, config_.first, config_.longest);
        fresh_ = works_ = false;
        next_ = now + wait_;
    }
    [[nodiscard]] bool isDue(Moment now) const { return now >= next_; }
    /// When it is due.
    [[nodiscard]] Moment next() const { return next_; }

  private:
    const Config config_;
    std::chrono::nanoseconds wait_{0};
    bool fresh_ = true;  // nothing has failed yet
    bool works_ = true;
    Moment since_{};
    Moment next_ = Moment::min();
};

}  // namespace smartcodec
