#pragma once

// Private to .cpp files: what of a request a camera of libcamera's can do itself.

#include <libcamera/libcamera.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "capture/camera.h"
#include "capture/libcamera_compat.h"

namespace smartcodec {

/// As libcamera is asked for it.
[[nodiscard]] LibcameraOrientation libcameraOrientation(const CameraOrientation& wanted);

struct SettledOrientation {
    int rotation = 0;  ///< what is left for the player to turn, degrees clockwise
    std::string note;  ///< what became of the request otherwise; empty: nothing
};

/// What is left of `wanted` where the camera's pictures come `settled`. Throws std::runtime_error where a player could
/// not make up for it.
[[nodiscard]] SettledOrientation settleOrientation(const CameraOrientation& wanted, LibcameraOrientation settled);

struct SettledFrameRate {
    /// Microseconds, to be set as FrameDurationLimits; empty: the camera is left to itself.
    std::optional<std::array<std::int64_t, 2>> limits;
    FrameRate rate;    ///< what comes then; of a camera left to itself what is likeliest
    std::string note;  ///< empty: nothing became of the request otherwise
};

/// `limits`: the camera's FrameDurationLimits, its values int64 (microseconds) or none.
[[nodiscard]] SettledFrameRate settleFrameRate(std::optional<FrameRate> wanted, const libcamera::ControlInfo& limits);

/// The slowest that limits given as a control of their own (microseconds) allow, which a picture may have to be waited
/// for; 0/1: they tell nothing.
[[nodiscard]] FrameRate slowestRate(std::int64_t longestDuration);

}  // namespace smartcodec
