#include "encoder/frame_timeline.h"

#include <algorithm>
#include <cmath>

namespace smartcodec {

FrameTimeline::FrameTimeline(FrameRate nominal)
    : interval_(std::llround(1e9 / nominal.value())),
      framesPerSecond_(std::max<std::int64_t>(1, std::llround(nominal.value()))) {}

std::optional<std::int64_t> FrameTimeline::add(CaptureTime time) {
    if (next_ == 0)
        first_ = time;
    else if (time <= times_.back())
        return std::nullopt;
    times_.push_back(time);
    return next_++;
}

std::optional<FrameTimeline::PacketTimes> FrameTimeline::packetTimes(std::int64_t presentation, std::int64_t decode) {
    if (decode > presentation || presentation < oldest_ || presentation >= next_ || (decode >= 0 && decode < oldest_))
        return std::nullopt;
    const PacketTimes result{
        .presentation = at(presentation),
        .decode = decode >= 0 ? at(decode) : first_ + decode * interval_,
    };
    forget(decode);
    return result;
}

double FrameTimeline::spacing() const {
    if (next_ <= framesPerSecond_)
        return 1.0;
    const auto elapsed = times_.back() - at(next_ - 1 - framesPerSecond_);
    return std::min(
        1.0, std::chrono::duration<double>(elapsed) / std::chrono::duration<double>(interval_ * framesPerSecond_));
}

void FrameTimeline::forget(std::int64_t before) {
    const std::int64_t keep = std::min(before, next_ - 1 - framesPerSecond_);
    while (oldest_ < keep) {
        times_.pop_front();
        ++oldest_;
    }
}

}  // namespace smartcodec
