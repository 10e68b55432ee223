#include "app/wall_clock.h"

#include <utility>

namespace smartcodec {

namespace {

/// Times further from the boot clock than this are of another clock, whatever the source says.
constexpr std::chrono::seconds kLongestStart(60);

}  // namespace

ClockReading readSystemClocks() {
    return {.wall = std::chrono::system_clock::now(), .boot = CaptureClock::now()};
}

WallTimes::WallTimes(ReadClocks read, bool live) : read_(std::move(read)), live_(live), opened_(read_().boot) {}

void WallTimes::begin(CaptureTime first) {
    begun_ = true;
    offset_ =
        live_ && std::chrono::abs(first - opened_) < kLongestStart ? std::chrono::nanoseconds(0) : opened_ - first;
}

WallTime WallTimes::wall(CaptureTime time) const {
    const ClockReading now = read_();
    return now.wall + std::chrono::duration_cast<WallTime::duration>(boot(time) - now.boot);
}

}  // namespace smartcodec
