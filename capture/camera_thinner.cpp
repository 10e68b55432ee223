#include "capture/camera_thinner.h"

#include <algorithm>

namespace smartcodec {

CameraThinner::CameraThinner(FrameRate rate)
    : spacing_(std::chrono::nanoseconds(1'000'000'000LL * rate.denominator / rate.numerator)) {}

std::optional<std::uint64_t> CameraThinner::number(const CapturedPicture& picture) {
    if (!isDue(picture.time)) {
        ++leftOut_;
        return {};
    }
    std::uint64_t number = 0;
    if (last_) {
        const std::uint64_t lost = picture.sequence - last_->sequence - 1 - leftOut_;
        const auto spaces = (picture.time - last_->time + spacing_ / 2) / spacing_;
        number = last_->number + 1 + std::min(lost, static_cast<std::uint64_t>(std::max<std::int64_t>(1, spaces)) - 1);
    }
    last_ = {number, picture.sequence, picture.time};
    leftOut_ = 0;
    return number;
}

/// On a grid of the wanted rate, a quarter of its spacing early at most.
bool CameraThinner::isDue(CaptureTime time) {
    if (due_ && time + spacing_ / 4 < *due_)
        return false;
    due_ = std::max(due_.value_or(time) + spacing_, time + spacing_ / 2);
    return true;
}

}  // namespace smartcodec
