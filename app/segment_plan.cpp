#include "app/segment_plan.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace smartcodec {

namespace {

using std::chrono::nanoseconds;

/// The clock is set by little all the time: a picture that was to begin a round minute may seem to come before it. What
/// is nearer than this is the boundary that has just been.
constexpr nanoseconds kClockSlack = std::chrono::seconds(1);

/// What a clock on the wall shows, since some midnight long ago.
nanoseconds localTime(WallTime wall) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(wall));
    std::tm local{};
    localtime_r(&seconds, &local);
    return wall.time_since_epoch() + std::chrono::seconds(local.tm_gmtoff);
}

}  // namespace

SegmentPlan::SegmentPlan(const SegmentSettings& settings, WallTimes times)
    : length_(settings.length), aligned_(settings.aligned), times_(std::move(times)) {}

bool SegmentPlan::isDue(CaptureTime time) {
    if (!times_.begun()) {
        times_.begin(time);
        if (length_)
            end_ = nextEnd(time);
        return false;
    }
    return (end_ && time >= *end_) || isFull();
}

std::uint64_t SegmentPlan::begin(CaptureTime time) {
    if (end_ && time >= *end_ && !aligned_)
        *end_ += ((time - *end_) / *length_ + 1) * *length_;  // the lengths add up, whenever pictures come
    else if (end_)
        end_ = nextEnd(time);
    return ++segment_;
}

void SegmentPlan::restart(CaptureTime time) {
    full_.store(kNone, std::memory_order_relaxed);  // that was the event before
    if (length_)
        end_ = nextEnd(time);
}

CaptureTime SegmentPlan::nextEnd(CaptureTime start) const {
    if (!aligned_)
        return start + *length_;
    const nanoseconds passed = localTime(times_.wall(start)) % *length_;
    nanoseconds left = *length_ - (passed + *length_) % *length_;  // before 1970 too
    if (left < std::min(kClockSlack, *length_ / 2))
        left += *length_;
    return start + left;
}

}  // namespace smartcodec
