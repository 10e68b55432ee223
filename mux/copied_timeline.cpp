#include "mux/copied_timeline.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace smartcodec {
namespace {

/// Files that count in milliseconds (Matroska) round each packet's time and duration; the samples themselves follow
/// without a gap.
constexpr std::chrono::nanoseconds kRounding = std::chrono::milliseconds(1);

std::int64_t toTicks(std::chrono::nanoseconds time, std::int64_t ticksPerSecond) {
    return std::llround(std::chrono::duration<double>(time).count() * static_cast<double>(ticksPerSecond));
}

}  // namespace

void CopiedTimeline::push(Packet packet, CaptureTime first, std::int64_t durationTicks) {
    TimedPacket timed;
    timed.decode = toTicks(packet.decode - first, config_.ticksPerSecond);
    const std::int64_t own = toTicks(packet.duration, config_.ticksPerSecond);
    const bool endsEarly = own > 0 && own + toTicks(kRounding, config_.ticksPerSecond) < durationTicks;
    timed.duration = std::max<std::int64_t>(1, durationTicks > 0 && !endsEarly ? durationTicks : own);
    if (last_) {
        const std::int64_t contiguous = last_->decode + last_->duration;
        const bool hasGap = std::abs(timed.decode - contiguous) > toTicks(kRounding, config_.ticksPerSecond);
        timed.decode = hasGap ? std::max(timed.decode, last_->decode + 1) : contiguous;
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
    result.step = ready_.empty() ? result.duration : ready_.front().decode - result.decode;
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

void CopiedTimeline::endBefore(std::int64_t fromTicks, std::vector<Packet>& following) {
    ended_ = true;
    const auto first = std::find_if(ready_.begin(), ready_.end(),
                                    [fromTicks](const TimedPacket& timed) { return timed.decode >= fromTicks; });
    for (auto timed = first; timed != ready_.end(); ++timed)
        following.push_back(std::move(timed->packet));
    ready_.erase(first, ready_.end());
}

}  // namespace smartcodec
