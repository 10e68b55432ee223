#include "tests/support/emulated_v4l2_rate.h"

#include <algorithm>
#include <cmath>

namespace smartcodec::emulated {
namespace {

/// Full and empty are this far apart, so that any ten seconds hold at most 1.09 times the bit rate.
constexpr double kBucketSeconds = 0.8;
constexpr double kSavedSeconds = 0.1;
/// A key frame may take this share of the bucket's room.
constexpr double kKeyShare = 0.5;
constexpr double kTrustDearer = 0.5;
constexpr double kTrustCheaper = 0.2;
/// How far QP may fall from one picture to the next; it rises as far as it must.
constexpr int kFastestFall = 2;

}  // namespace

RateControl::RateControl(Size size) : keyCost_(12.0 * size.width * size.height), otherCost_(keyCost_ / 6) {}

int RateControl::chooseQp(bool keyFrame, const Limits& limits) {
    const auto rate = static_cast<double>(limits.bitrate);
    const double share = rate * limits.seconds;
    const double bucket = rate * kBucketSeconds;
    fullness_ = std::max(fullness_ - share, -rate * kSavedSeconds);
    const double room = std::max(bucket - fullness_, share / 4);
    // what is over or missing is made good within half the bucket
    const double budget =
        keyFrame ? std::max(room * kKeyShare, share) : share * std::clamp(1 - fullness_ / (bucket / 2), 0.1, 2.0);
    const double cost = keyFrame ? keyCost_ : otherCost_;
    int qp = static_cast<int>(std::ceil(6 * std::log2(std::max(cost / std::max(budget, 1.0), 1e-3))));
    if (lastQp_ >= 0 && !keyFrame)
        qp = std::max(qp, lastQp_ - kFastestFall);
    qp = std::clamp(qp, limits.lowestQp, std::max(limits.lowestQp, limits.highestQp));
    return std::clamp(qp, 0, 51);
}

void RateControl::add(bool keyFrame, int qp, std::size_t bytes) {
    const double bits = 8.0 * static_cast<double>(bytes);
    fullness_ += bits;
    const double cost = bits * std::exp2(qp / 6.0);
    double& model = keyFrame ? keyCost_ : otherCost_;
    // dearer pictures are believed sooner than cheaper ones
    const double trust = cost > model ? kTrustDearer : kTrustCheaper;
    model += trust * (cost - model);
    lastQp_ = qp;
}

}  // namespace smartcodec::emulated
