#include "capture/camera_numbering.h"

#include <algorithm>
#include <utility>

namespace smartcodec {

namespace {

constexpr int kMemory = 8;  // pictures; a camera changes its rate slowly, a busy machine's times jump

/// How many times more pictures a driver may say to have lost than there was time for: a camera may just have become
/// that much faster. What says more has begun to count anew.
constexpr std::uint64_t kBelieved = 4;

}  // namespace

std::uint64_t CameraNumbering::number(const CapturedPicture& picture, bool starved) {
    starved_ = starved_ || starved;
    std::uint64_t number = last_ ? *last_ + 1 : picture.sequence;
    if (picture.outcome == CaptureOutcome::Good) {
        if (good_)
            number = std::max(number, good_->number + 1 + missing(picture, std::exchange(starved_, false)));
        good_ = {picture.sequence, picture.time, number};
    }
    last_ = number;
    return number;
}

std::uint64_t CameraNumbering::missing(const CapturedPicture& picture, bool starved) {
    const std::chrono::nanoseconds gap = std::max(std::chrono::nanoseconds(0), picture.time - good_->time);
    const std::chrono::nanoseconds spacing =
        std::max(std::chrono::nanoseconds(1), picture.duration.count() > 0 ? picture.duration : spacing_);
    if (picture.sequence > good_->sequence + 1) {
        countsLost_ = countsLost_ || starved;
        const auto room = static_cast<std::uint64_t>(gap / spacing) + 1;
        return std::min(picture.sequence - good_->sequence - 1, kBelieved * room);
    }
    if (starved && !countsLost_)
        return static_cast<std::uint64_t>(std::max<std::int64_t>(1, (gap + spacing / 2) / spacing)) - 1;
    if (!starved && gap.count() > 0) {
        spacing_ = measured_ ? spacing_ + (gap - spacing_) / kMemory : gap;
        measured_ = true;
    }
    return 0;
}

}  // namespace smartcodec
