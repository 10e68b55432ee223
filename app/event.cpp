#include "app/event.h"

#include <algorithm>

namespace smartcodec {

EventCause operator|(const EventCause& a, const EventCause& b) {
    return {.activity = std::max(a.activity, b.activity),
            .signal = a.signal || b.signal,
            .unwatched = a.unwatched || b.unwatched};
}

std::string reasonOf(const EventCause& cause) {
    std::string reason;
    const auto add = [&reason](const std::string& part) { reason += (reason.empty() ? "" : ", ") + part; };
    if (cause.signal)
        add("signal");
    if (cause.activity != Level::Static)
        add(std::string("activity: ") + name(cause.activity));
    if (cause.unwatched)
        add("not looked at");
    return reason;
}

std::optional<EventMark> joined(const std::optional<EventMark>& a, const std::optional<EventMark>& b) {
    if (!a || !b)
        return a ? a : b;
    return EventMark{
        .from = std::min(a->from, b->from), .until = std::max(a->until, b->until), .cause = a->cause | b->cause};
}

}  // namespace smartcodec
