#include "capture/camera_thinner.h"

#include <algorithm>

namespace smartcodec {

namespace {

constexpr int kMemory = 8;  // pictures

}  // namespace

CameraThinner::CameraThinner(FrameRate rate, bool told)
    : spacing_(std::chrono::nanoseconds(1'000'000'000LL * rate.denominator / rate.numerator)),
      thins_(!told),
      measured_(spacing_) {}

std::optional<std::uint64_t> CameraThinner::number(const CapturedPicture& picture) {
    if (!thins_)
        measure(picture);
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

/// Once a camera was found to heed nothing, it stays so.
void CameraThinner::measure(const CapturedPicture& picture) {
    if (before_ && picture.sequence > before_->sequence) {
        const auto pictures = static_cast<std::int64_t>(picture.sequence - before_->sequence);
        measured_ += ((picture.time - before_->time) / pictures - measured_) / kMemory;
        thins_ = measured_ < spacing_ * 9 / 10;
    }
    before_ = picture;
}

/// On a grid of the wanted rate, a quarter of its spacing early at most.
bool CameraThinner::isDue(CaptureTime time) {
    if (thins_ && due_ && time + spacing_ / 4 < *due_)
        return false;
    due_ = std::max(due_.value_or(time) + spacing_, time + spacing_ / 2);
    return true;
}

}  // namespace smartcodec
