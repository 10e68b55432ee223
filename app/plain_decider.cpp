#include "app/plain_decider.h"

#include <algorithm>

namespace smartcodec {

namespace {

using std::chrono::nanoseconds;

// As Decider has them: what is promised must not depend on who keeps it.
constexpr nanoseconds kPlainGop = std::chrono::seconds(1);
constexpr nanoseconds kTimeTolerance = std::chrono::milliseconds(8);

}  // namespace

PlainDecider::PlainDecider(const Config& config)
    : longestGop_(config.smartGop ? config.maxGop : std::min(kPlainGop, config.maxGop)) {
    decision_.reason = FrameReason::SmartOff;
    decision_.bitrate = config.bitrate;
}

const Decision& PlainDecider::decide(nanoseconds time, nanoseconds duration) {
    const nanoseconds interval = std::max(duration, lastSeen_ ? time - *lastSeen_ : nanoseconds(0));
    decision_.measurement.time = time;
    if (!lastKeyFrame_)
        decision_.keyFrameReason = KeyFrameReason::FirstFrame;
    else if (requested_ != KeyFrameReason::None)
        decision_.keyFrameReason = requested_;
    else if (time + interval - *lastKeyFrame_ > longestGop_ + kTimeTolerance)  // the next frame would come too late
        decision_.keyFrameReason = KeyFrameReason::MaxGop;
    else
        decision_.keyFrameReason = KeyFrameReason::None;
    decision_.keyFrame = decision_.keyFrameReason != KeyFrameReason::None;
    follow(time, decision_);
    return decision_;
}

void PlainDecider::follow(nanoseconds time, const Decision& decision) {
    lastSeen_ = time;
    if (!decision.record || !decision.keyFrame)
        return;
    lastKeyFrame_ = time;
    requested_ = KeyFrameReason::None;
}

}  // namespace smartcodec
