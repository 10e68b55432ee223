#pragma once

// Private to .cpp files: what differs between libcamera 0.0.3 (Debian 12) and 0.4 (Debian 13).

#include <libcamera/libcamera.h>

#include <optional>

#if LIBCAMERA_VERSION_MAJOR == 0 && LIBCAMERA_VERSION_MINOR < 2
#define SMARTCODEC_LIBCAMERA_TRANSFORM
#endif

namespace smartcodec {

#ifdef SMARTCODEC_LIBCAMERA_TRANSFORM

using LibcameraOrientation = libcamera::Transform;

inline LibcameraOrientation& orientation(libcamera::CameraConfiguration& configuration) {
    return configuration.transform;
}

inline LibcameraOrientation libcameraOrientation(bool mirrored, bool flipped) {
    using libcamera::Transform;
    return (mirrored ? Transform::HFlip : Transform::Identity) | (flipped ? Transform::VFlip : Transform::Identity);
}

/// By how many degrees clockwise a player must turn such pictures; empty: turning alone does not do. This libcamera
/// states no quarter of a turn that is left, but a transposition.
inline std::optional<int> playerRotation(LibcameraOrientation orientation) {
    using libcamera::Transform;
    if (orientation == Transform::Identity)
        return 0;
    if (orientation == (Transform::HFlip | Transform::VFlip))
        return 180;
    return {};
}

#else

using LibcameraOrientation = libcamera::Orientation;

inline LibcameraOrientation& orientation(libcamera::CameraConfiguration& configuration) {
    return configuration.orientation;
}

inline LibcameraOrientation libcameraOrientation(bool mirrored, bool flipped) {
    using libcamera::Orientation;
    if (flipped)
        return mirrored ? Orientation::Rotate180 : Orientation::Rotate180Mirror;
    return mirrored ? Orientation::Rotate0Mirror : Orientation::Rotate0;
}

/// By how many degrees clockwise a player must turn such pictures; empty: turning alone does not do. The values are
/// Exif's (CIPA DC-008, tag 274).
inline std::optional<int> playerRotation(LibcameraOrientation orientation) {
    using libcamera::Orientation;
    switch (orientation) {
        case Orientation::Rotate0:
            return 0;
        case Orientation::Rotate180:
            return 180;
        case Orientation::Rotate270:
            return 90;
        case Orientation::Rotate90:
            return 270;
        default:
            return {};
    }
}

#endif

}  // namespace smartcodec
