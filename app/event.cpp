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

}  // namespace smartcodec
