#pragma once

#include <chrono>

#include "analysis/bitrate.h"
#include "analysis/measurement.h"
#include "analysis/qp_map.h"

namespace smartcodec {

/// How much is going on. Names follow the vendor's and ONVIF's.
enum class Level { Static, Low, Medium, High };
[[nodiscard]] const char* name(Level level);

/// Why a frame is recorded, or not.
enum class FrameReason {
    NothingMoved,  ///< the only reason to drop
    FirstFrame,
    Motion,    ///< something moved against the last recorded frame
    Lighting,  ///< the brightness as a whole (or a lamp's part of it) left the noise
    CameraMoved,
    SceneCut,
    KeyFrameDue,
    MinFrameRate,  ///< nothing moved, but `minFrameRate` wants a sign of life
    SmartOff,      ///< the smart frame rate is off: every frame is recorded
};
[[nodiscard]] const char* name(FrameReason reason);

enum class KeyFrameReason { None, FirstFrame, SceneCut, MaxGop, Requested, Segment };
[[nodiscard]] const char* name(KeyFrameReason reason);

/// What to do with one picture for one output, and the measurement it was drawn from.
struct Decision {
    bool record = true;
    FrameReason reason = FrameReason::FirstFrame;
    bool keyFrame = false;
    KeyFrameReason keyFrameReason = KeyFrameReason::None;
    Level level = Level::High;
    Bitrate bitrate;  ///< cap, bits per second
    QpMap qpMap;      ///< empty where the region of interest is off or nothing is to be said
    Measurement measurement;
};

}  // namespace smartcodec
