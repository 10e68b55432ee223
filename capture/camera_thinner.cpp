#include "capture/camera_thinner.h"

#include <algorithm>

namespace smartcodec {

namespace {

// What a camera's rate is judged by: long enough for a few odd times to count for nothing, and for the first pictures,
// which come before it has heeded anything.
constexpr std::int64_t kJudgedPictures = 30;
constexpr std::chrono::nanoseconds kJudgedTime = std::chrono::seconds(2);

}  // namespace

CameraThinner::CameraThinner(FrameRate rate, bool told)
    : spacing_(std::chrono::nanoseconds(1'000'000'000LL * rate.denominator / rate.numerator)),
      told_(told),
      thins_(!told) {}

std::optional<std::uint64_t> CameraThinner::number(const CapturedPicture& picture) {
    if (seen_ && picture.time <= *seen_) {  // the clock was set, or stood still: nothing from before counts
        due_.reset();
        since_.reset();
    }
    seen_ = picture.time;
    if (told_)
        judge(picture);
    if (!isDue(picture.time)) {
        ++leftOut_;
        return {};
    }
    if (wanted_) {
        const std::uint64_t lost = picture.sequence - wanted_->sequence - 1 - leftOut_;
        const auto spaces = (picture.time - wanted_->time + spacing_ / 2) / spacing_;
        number_ += 1 + std::min(lost, static_cast<std::uint64_t>(std::max<std::int64_t>(1, spaces)) - 1);
    }
    wanted_ = {picture.sequence, picture.time};
    leftOut_ = 0;
    return number_;
}

void CameraThinner::judge(const CapturedPicture& picture) {
    if (!since_) {
        since_ = {picture.sequence, picture.time};
        return;
    }
    const auto pictures = static_cast<std::int64_t>(picture.sequence - since_->sequence);
    const std::chrono::nanoseconds time = picture.time - since_->time;
    if (pictures < kJudgedPictures || time < kJudgedTime)
        return;
    thins_ = time / pictures < spacing_ * 9 / 10;
    since_ = {picture.sequence, picture.time};
}

/// On a grid of the wanted rate, a quarter of its spacing early at most.
bool CameraThinner::isDue(CaptureTime time) {
    if (!thins_) {
        due_ = time + spacing_;
        return true;
    }
    if (due_ && time + spacing_ / 4 < *due_)
        return false;
    due_ = std::max(due_.value_or(time) + spacing_, time + spacing_ / 2);
    return true;
}

}  // namespace smartcodec
