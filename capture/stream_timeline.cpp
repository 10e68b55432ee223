#include "capture/stream_timeline.h"

#include <algorithm>

namespace smartcodec {

using std::chrono::nanoseconds;

nanoseconds StreamTimeline::place(std::optional<nanoseconds> time, Duration duration) {
    if (!last_) {
        last_ = time.value_or(nanoseconds{0});
        lastDuration_ = duration;
        return *last_;
    }

    const Duration step = carried_ + lastDuration_;
    const nanoseconds whole = std::chrono::floor<nanoseconds>(step);
    nanoseconds result = *last_ + whole;
    Duration carried{0};
    bool late = false;
    if (!time) {
        carried = step - whole;
    } else if (const nanoseconds given = *time + shift_; given > *last_) {
        result = given;
    } else if (*last_ - given > kRestart) {
        shift_ += result - given;
    } else {
        late = true;
        if (!late_)
            result = *last_ + std::chrono::floor<nanoseconds>(lastDuration_ / 2);
    }

    last_ = std::max(result, *last_ + nanoseconds{1});
    lastDuration_ = duration;
    carried_ = carried;
    late_ = late;
    return *last_;
}

}  // namespace smartcodec
