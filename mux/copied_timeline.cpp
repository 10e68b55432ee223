#include "mux/copied_timeline.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace smartcodec {
namespace {

/// Files that count in milliseconds (Matroska) round each packet's time; the samples themselves follow without a gap.
constexpr double kRoundingSeconds = 0.001;

std::int64_t toTicks(std::chrono::nanoseconds time, std::int64_t ticksPerSecond) {
    return std::llround(std::chrono::duration<double>(time).count() * static_cast<double>(ticksPerSecond));
}

}  // namespace

void CopiedTimeline::push(Packet packet, CaptureTime first, std::int64_t durationTicks) {
    TimedPacket timed;
    timed.decode = toTicks(packet.decode - first, config_.ticksPerSecond);
    timed.duration = durationTicks > 0 ? durationTicks : toTicks(packet.duration, config_.ticksPerSecond);
    timed.duration = std::max<std::int64_t>(timed.duration, 1);
    if (last_) {
        const std::int64_t contiguous = last_->decode + last_->duration;
        const double gapSeconds =
            static_cast<double>(timed.decode - contiguous) / static_cast<double>(config_.ticksPerSecond);
        timed.decode =
            std::abs(gapSeconds) <= kRoundingSeconds ? contiguous : std::max(timed.decode, last_->decode + 1);
    }
    last_ = {timed.decode, timed.duration};
    timed.presentation = timed.decode;
    timed.packet = std::move(packet);

    if (timed.decode + timed.duration > 0) {
        std::move(preroll_.begin(), preroll_.end(), std::back_inserter(ready_));
        preroll_.clear();
        ready_.push_back(std::move(timed));
    } else if (config_.prerollTicks > 0) {
        preroll_.push_back(std::move(timed));
        while (preroll_.size() > 1 && preroll_[1].decode <= -config_.prerollTicks)
            preroll_.pop_front();
    }
}

std::optional<double> CopiedTimeline::nextSeconds() const {
    if (ready_.size() <= (ended_ ? 0U : 1U))
        return std::nullopt;
    return static_cast<double>(ready_.front().decode) / static_cast<double>(config_.ticksPerSecond);
}

TimedPacket CopiedTimeline::pop() {
    TimedPacket result = std::move(ready_.front());
    ready_.pop_front();
    return result;
}

void CopiedTimeline::end(std::optional<std::int64_t> cutAtTicks) {
    ended_ = true;
    if (!cutAtTicks)
        return;
    while (!ready_.empty() && ready_.back().decode >= *cutAtTicks)
        ready_.pop_back();
    if (!ready_.empty())
        ready_.back().duration = std::min(ready_.back().duration, *cutAtTicks - ready_.back().decode);
}

}  // namespace smartcodec
