#include "app/event_watch.h"

#include <algorithm>

namespace smartcodec {

bool EventWatch::endsAt(CaptureTime time) {
    const bool over = until_ && time >= *until_;
    if (over)
        until_.reset();
    return over;
}

void EventWatch::look(CaptureTime time, const Decision& decision) {
    ++looked_;
    EventCause cause;
    CaptureTime from = time;
    const bool moves = decision.reason == FrameReason::Motion || decision.reason == FrameReason::CameraMoved;
    if (decision.reason == FrameReason::SceneCut) {
        cause.activity = decision.level;
    } else if (moves && noteMotion(time)) {
        cause.activity = decision.level;
        from = moving_[motions_ % kEnough].time;  // the first of them: the next one to be replaced
    }
    if (cause.activity != Level::Static)
        mark(from, time, cause);
    take(time, {});
}

/// Whether that makes enough of them.
bool EventWatch::noteMotion(CaptureTime time) {
    moving_[motions_ % kEnough] = {.time = time, .number = looked_};
    ++motions_;
    if (motions_ < kEnough)
        return false;
    const Seen& first = moving_[motions_ % kEnough];
    return looked_ - first.number < kOfPictures || time - first.time <= kWithin;
}

void EventWatch::take(CaptureTime time, EventCause cause) {
    cause.signal = signalled_.exchange(false, std::memory_order_relaxed);
    if (cause.signal || cause.unwatched)
        mark(time, time, cause);
}

void EventWatch::mark(CaptureTime from, CaptureTime time, const EventCause& cause) {
    began_ = began_ || !until_;
    until_ = std::max(until_.value_or(time), time + postRoll_);
    mark_ = joined(mark_, EventMark{.from = from, .until = *until_, .cause = cause});
}

}  // namespace smartcodec
