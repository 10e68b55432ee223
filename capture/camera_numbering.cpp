#include "capture/camera_numbering.h"

#include <algorithm>

namespace smartcodec {

namespace {

constexpr int kMemory = 8;  // pictures; a camera changes its rate slowly, a busy machine's times jump

}  // namespace

std::uint64_t CameraNumbering::number(const CapturedPicture& picture, bool starved) {
    const std::uint64_t number = last_ ? last_->number + 1 + missing(picture, starved) : picture.sequence;
    last_ = {picture.sequence, picture.time, number};
    return number;
}

std::uint64_t CameraNumbering::missing(const CapturedPicture& picture, bool starved) {
    const std::chrono::nanoseconds gap = picture.time - last_->time;
    if (picture.sequence > last_->sequence + 1)
        return picture.sequence - last_->sequence - 1;
    if (starved) {
        const std::chrono::nanoseconds spacing = picture.duration.count() > 0 ? picture.duration : spacing_;
        return static_cast<std::uint64_t>(std::max<std::int64_t>(1, (gap + spacing / 2) / spacing)) - 1;
    }
    if (gap.count() > 0) {
        spacing_ = measured_ ? spacing_ + (gap - spacing_) / kMemory : gap;
        measured_ = true;
    }
    return 0;
}

}  // namespace smartcodec
