#include "encoder/cap_governor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace smartcodec {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kBuffer{2.0};  // of the highest cap, as the encoders' own rate buffers
constexpr std::chrono::seconds kWindow{2};
constexpr double kQpPerHalving = 6.0;  // the quantiser's step doubles, which about halves the bits
constexpr double kLargestError = 12.0;
constexpr double kLargestOffset = 24.0;
// The loop's time constant in multiples of its delay. On noise libx265 swings at 1 and overshoots at 2.5.
constexpr double kDelays = 3.5;

}  // namespace

CapGovernor::CapGovernor(Bitrate maxBitrate)
    : bufferBits_(static_cast<double>(maxBitrate.bitsPerSecond) * kBuffer.count()) {}

int CapGovernor::offset(Bitrate cap, CaptureTime now) {
    const double capBits = static_cast<double>(std::max<std::int64_t>(cap.bitsPerSecond, 1));
    if (capBits_ > 0 && !sent_.empty()) {
        const Seconds elapsed = now - before_;
        fillBits_ = std::max(0.0, fillBits_ - capBits * elapsed.count());
        if (capBits > capBits_)
            offset_ -= kQpPerHalving * std::log2(capBits / capBits_);
        if (offset_ > 0 || fillBits_ > bufferBits_ / 2) {
            const double error = std::clamp(kQpPerHalving * std::log2(std::max(sentRate(), 1.0) / capBits),
                                            -kLargestError, kLargestError);
            // A rate over a window is on average half a window old when its newest packet comes out.
            const Seconds delay = (now - sent_.back().time) + Seconds(kWindow) / 2;
            offset_ += error * elapsed / (kDelays * delay);
        }
        offset_ = std::clamp(offset_, 0.0, kLargestOffset);
    }
    capBits_ = capBits;
    before_ = now;
    return static_cast<int>(std::lround(offset_));
}

void CapGovernor::packet(std::size_t bytes, CaptureTime presentation) {
    const double bits = static_cast<double>(bytes) * 8.0;
    fillBits_ = std::min(fillBits_ + bits, bufferBits_);
    sent_.push_back({presentation, bits});
    while (sent_.front().time + kWindow <= presentation)
        sent_.pop_front();
}

double CapGovernor::sentRate() const {
    double bits = 0;
    for (const Sent& packet : sent_)
        bits += packet.bits;
    return bits / Seconds(kWindow).count();
}

}  // namespace smartcodec
