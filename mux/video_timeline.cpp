#include "mux/video_timeline.h"

#include <algorithm>
#include <ratio>
#include <utility>

namespace smartcodec {
namespace {

/// Packets held back where B-frames may come: H.264's and HEVC's largest reordering, so that the picture shown last is
/// still among them when the recording ends.
constexpr std::size_t kHeldForReordering = 17;

}  // namespace

std::int64_t VideoTimeline::ticks(CaptureTime time) const {
    using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, kTicksPerSecond>>;
    return std::chrono::round<Ticks>(time - *first_).count();
}

void VideoTimeline::push(Packet packet) {
    const bool isFirst = !first_;
    if (isFirst) {
        first_ = packet.presentation;
        lastPresentation_ = packet.presentation;
    }
    lastPresentation_ = std::max(lastPresentation_, packet.presentation);

    TimedPacket timed;
    timed.presentation = ticks(packet.presentation);
    timed.decode = std::min(ticks(packet.decode), timed.presentation);
    timed.packet = std::move(packet);
    if (isFirst)
        delay_ = timed.presentation - timed.decode;
    // Two captures within one tick must still be two samples.
    if (!held_.empty())
        timed.decode = std::max(timed.decode, held_.back().decode + 1);
    else if (anyReleased_)
        timed.decode = std::max(timed.decode, released_ + 1);
    timed.presentation = std::max(timed.presentation, timed.decode);
    held_.push_back(std::move(timed));
}

std::optional<TimedPacket> VideoTimeline::pop() {
    const std::size_t hold = ended_ ? 0 : delay_ > 0 ? kHeldForReordering : 1;
    if (held_.size() <= hold)
        return std::nullopt;
    if (!ended_) {
        // The picture is shown until the next one in order of presentation, which has come by now.
        TimedPacket& front = held_.front();
        std::int64_t next = 0;
        for (const TimedPacket& other : held_)
            if (other.presentation > front.presentation && (next == 0 || other.presentation < next))
                next = other.presentation;
        front.duration = std::max<std::int64_t>(1, next - front.presentation);
    }
    std::optional<TimedPacket> result(std::move(held_.front()));
    held_.pop_front();
    result->step = held_.empty() ? result->duration : held_.front().decode - result->decode;
    released_ = result->decode;
    anyReleased_ = true;
    return result;
}

void VideoTimeline::end(CaptureTime end) {
    ended_ = true;
    if (held_.empty())
        return;
    const std::int64_t lastShown =
        std::max_element(held_.begin(), held_.end(), [](const TimedPacket& a, const TimedPacket& b) {
            return a.presentation < b.presentation;
        })->presentation;
    const std::int64_t endTicks = std::max(ticks(end), lastShown + 1);
    settleDecodeTimes(endTicks);
    setDurations(endTicks);
}

/// A reader takes the step to the next packet's decode time for a packet's duration, and the sum of all steps for the
/// track's. Decode times are free as long as they rise and precede presentation, so the last ones are moved until
/// - the picture shown last, which need not be the packet that comes last, is followed by a step that ends at `end`;
/// - the sum reaches `end`.
void VideoTimeline::settleDecodeTimes(std::int64_t end) {
    const auto count = static_cast<std::ptrdiff_t>(held_.size());
    const auto packet = [this](std::ptrdiff_t index) -> TimedPacket& { return held_[static_cast<std::size_t>(index)]; };
    TimedPacket& last = held_.back();
    last.decode = std::max(last.decode, last.presentation - delay_);

    std::ptrdiff_t shownLast = 0;
    for (std::ptrdiff_t i = 1; i < count; ++i)
        if (packet(i).presentation > packet(shownLast).presentation)
            shownLast = i;
    if (shownLast == count - 1)
        return;

    const std::int64_t step = end - packet(shownLast).presentation;
    const std::int64_t floor = anyReleased_ ? released_ : packet(0).decode - 1;
    // What lies before can be pushed together as far as `room`; what is missing then, those behind give by moving up.
    const std::int64_t room = packet(shownLast + 1).decode - step - (floor + shownLast + 1);
    if (room < 0) {
        std::int64_t limit = last.presentation;
        for (std::ptrdiff_t i = count - 1; i > shownLast; --i) {
            limit = std::min(limit, packet(i).presentation);
            packet(i).decode = std::min(limit, std::max(packet(i).decode, packet(i).decode - room));
            limit = packet(i).decode - 1;
        }
    }
    std::int64_t decode = packet(shownLast + 1).decode - step;
    for (std::ptrdiff_t i = shownLast; i >= 0; --i) {
        // The packet shown last may move up too; the others only make room.
        decode = i == shownLast ? decode : std::min(packet(i).decode, decode);
        packet(i).decode = std::max(decode, floor + i + 1);
        decode = packet(i).decode - 1;
    }
}

void VideoTimeline::setDurations(std::int64_t end) {
    for (TimedPacket& timed : held_) {
        std::int64_t next = end;
        for (const TimedPacket& other : held_)
            if (other.presentation > timed.presentation)
                next = std::min(next, other.presentation);
        timed.duration = next - timed.presentation;
    }
    // libavformat takes the last packet's duration for its step: the sum of all steps must reach `end`. It does not
    // change the end of presentation, since no decode time is more than `delay_` before it.
    TimedPacket& last = held_.back();
    if (last.presentation + last.duration < end)
        last.duration = std::max<std::int64_t>(1, end - delay_ - last.decode);
}

}  // namespace smartcodec
