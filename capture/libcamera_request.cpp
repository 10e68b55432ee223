#include "capture/libcamera_request.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace smartcodec {

namespace {

constexpr FrameRate kUsualRate{30, 1};
constexpr std::int64_t kExactness = 200;  // sensors count lines: half a percent from a rate is that rate

std::int64_t duration(FrameRate rate) {
    return 1'000'000LL * rate.denominator / rate.numerator;
}

/// 0: none.
std::int64_t microseconds(const libcamera::ControlValue& value) {
    return value.type() == libcamera::ControlTypeInteger64 && !value.isArray()
               ? std::max<std::int64_t>(0, value.get<std::int64_t>())
               : 0;
}

}  // namespace

LibcameraOrientation libcameraOrientation(const CameraOrientation& wanted) {
    return libcameraOrientation(wanted.halfTurn != wanted.mirror, wanted.halfTurn != wanted.flip);
}

SettledOrientation settleOrientation(const CameraOrientation& wanted, LibcameraOrientation settled) {
    if (settled == libcameraOrientation(wanted))
        return {};
    const bool halfTurn = libcameraOrientation(wanted) == libcameraOrientation(true, true);
    const bool asIs = libcameraOrientation(wanted) == libcameraOrientation(false, false);
    const std::optional<int> turned = playerRotation(settled);
    if (!turned || !(asIs || halfTurn)) {
        if (!asIs)
            throw std::runtime_error("cannot turn its pictures so: leave out --rotate, --hflip and --vflip");
        return {.note = "is mounted turned and cannot turn its pictures: they are recorded as they come"};
    }
    return {.rotation = (*turned + (halfTurn ? 180 : 0)) % 360,
            .note = "cannot turn its pictures: the file tells players to"};
}

SettledFrameRate settleFrameRate(std::optional<FrameRate> wanted, const libcamera::ControlInfo& limits) {
    const std::int64_t shortest = microseconds(limits.min());
    const std::int64_t longest = std::max(shortest, microseconds(limits.max()));
    const std::int64_t standard = microseconds(limits.def());
    const std::int64_t asked = wanted || standard == 0 ? duration(wanted.value_or(kUsualRate)) : standard;
    const std::int64_t chosen = std::clamp(asked, shortest, longest > 0 ? longest : asked);
    SettledFrameRate settled;
    const FrameRate likely = wanted.value_or(kUsualRate);
    settled.rate = std::abs(chosen - duration(likely)) <= duration(likely) / kExactness ? likely : slowestRate(chosen);
    if (!wanted)
        return settled;
    settled.limits = {chosen, chosen};
    if (settled.rate.value() < wanted->value())
        settled.note = "--fps is beyond its limits at this size: records " +
                       std::to_string(1e6 / static_cast<double>(chosen)) + " pictures per second";
    return settled;
}

FrameRate slowestRate(std::int64_t longestDuration) {
    if (longestDuration <= 0 || longestDuration > std::numeric_limits<int>::max())
        return {};
    return {1'000'000, static_cast<int>(longestDuration)};
}

}  // namespace smartcodec
