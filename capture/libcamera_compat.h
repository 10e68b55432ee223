#pragma once

// Private to .cpp files: what differs between libcamera 0.0.3 (Debian 12) and 0.4 (Debian 13).

#include <libcamera/libcamera.h>

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

#endif

}  // namespace smartcodec
