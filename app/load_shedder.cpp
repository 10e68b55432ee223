#include "app/load_shedder.h"

#include <algorithm>

namespace smartcodec {

Shedding LoadShedder::update(std::chrono::nanoseconds time, std::size_t waiting) {
    settling_ = std::max(0, settling_ - 1);
    if (!began_)
        began_ = time;
    if (current_ == Shedding::Nothing && time - *began_ >= kStartTime)
        settling_ = 0;
    if (waiting + 1 >= most_) {  // the next frame fills the queue, the one after it is lost
        calmSince_.reset();
        if (settling_ == 0 && current_ != Shedding::MostLooks)
            shedMore(time);
        return current_;
    }
    if (waiting > 0 || current_ == Shedding::Nothing) {
        calmSince_.reset();
        return current_;
    }
    if (!calmSince_)
        calmSince_ = time;
    if (time - *calmSince_ >= calm_) {
        current_ = static_cast<Shedding>(static_cast<int>(current_) - 1);
        eased_ = time;
        calmSince_.reset();
    }
    return current_;
}

void LoadShedder::shedMore(std::chrono::nanoseconds time) {
    const bool tooEarly = eased_ && time - *eased_ < 2 * calm_;
    calm_ = tooEarly ? std::min(2 * calm_, kLongestCalm) : kShortestCalm;
    current_ = static_cast<Shedding>(static_cast<int>(current_) + 1);
    settling_ = static_cast<int>(most_) + 1;  // those that wait already were queued before
}

}  // namespace smartcodec
