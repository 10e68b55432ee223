#include "analysis/stabiliser_motion.h"

#include <algorithm>
#include <limits>

namespace smartcodec::stabiliser {
namespace {

// An area that differs from its match by no more than this times noise alone has no better one.
constexpr float kGoodMatch = 1.05F;
constexpr float kMeanOfUnitNormal = 0.79788F;  // of |x|
constexpr int kFirstStep = 4;
constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

}  // namespace

MotionSearch::MotionSearch(int width, int height)
    : width_(width),
      height_(height),
      columns_(width / kArea),
      motion_(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(height / kArea)) {}

Motion MotionSearch::search(const View& area, int x, int y, const BytePlane& before, const Motion& global,
                            float noise) {
    // the area must stay inside the picture
    const int left = -x, right = width_ - kArea - x;
    const int up = -y, down = height_ - kArea - y;

    Motion best;
    std::uint32_t bestDistance = areaDistance(area, before.view(x, y), kNoLimit);
    const auto attempt = [&](Motion motion) {
        motion.x = std::clamp(motion.x, left, right);
        motion.y = std::clamp(motion.y, up, down);
        if (motion.x == best.x && motion.y == best.y)
            return;
        const std::uint32_t distance = areaDistance(area, before.view(x + motion.x, y + motion.y), bestDistance);
        if (distance < bestDistance) {
            bestDistance = distance;
            best = motion;
        }
    };
    const std::size_t here = at(x, y);
    const auto columns = static_cast<std::size_t>(columns_);
    const bool hasLeft = x > 0, hasAbove = y > 0, hasRight = x + kArea < width_;
    for (const Motion& candidate :
         {global, motion_[here], hasLeft ? motion_[here - 1] : Motion{}, hasAbove ? motion_[here - columns] : Motion{},
          hasAbove && hasRight ? motion_[here - columns + 1] : Motion{}})
        if (candidate.x != 0 || candidate.y != 0)
            attempt(candidate);
    const auto enough = static_cast<std::uint32_t>(kGoodMatch * kMeanOfUnitNormal * noise * kArea * kArea);
    for (int step = kFirstStep; step >= 1 && bestDistance > enough; step /= 2) {
        const Motion centre = best;
        attempt({centre.x - step, centre.y});
        attempt({centre.x + step, centre.y});
        attempt({centre.x, centre.y - step});
        attempt({centre.x, centre.y + step});
    }
    motion_[here] = best;
    return best;
}

}  // namespace smartcodec::stabiliser
