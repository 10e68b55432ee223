#include "encoder/rate_limit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace smartcodec {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::seconds kWindow{10};
// Of the highest cap; the promise is 1.1, the rest is what rate control is off by.
constexpr double kLimit = 1.03;
// What is left of the budget is spread over the longest time, and kept to over the shorter ones.
constexpr std::array<std::chrono::seconds, 3> kAhead{std::chrono::seconds(8), std::chrono::seconds(4),
                                                     std::chrono::seconds(1)};

}  // namespace

RateLimit::RateLimit(Bitrate maxBitrate)
    : budgetBits_(kLimit * static_cast<double>(maxBitrate.bitsPerSecond) * Seconds(kWindow).count()) {}

void RateLimit::packet(std::size_t bytes, CaptureTime presentation) {
    sent_.push_back({presentation, static_cast<double>(bytes) * 8.0});
    while (sent_.front().time + kWindow <= presentation)
        sent_.pop_front();
}

Bitrate RateLimit::allowed() const {
    double rate = budgetBits_;
    for (const std::chrono::seconds ahead : kAhead) {
        double left = budgetBits_;
        for (auto packet = sent_.rbegin(); packet != sent_.rend(); ++packet) {
            if (packet->time + (kWindow - ahead) <= sent_.back().time)
                break;
            left -= packet->bits;
        }
        rate = std::min(rate, left / Seconds(ahead).count());
    }
    return {static_cast<std::int64_t>(std::max(rate, 0.0))};
}

}  // namespace smartcodec
