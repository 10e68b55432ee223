#pragma once

#include <chrono>

#include "analysis/bitrate.h"
#include "analysis/measurement.h"
#include "analysis/qp_map.h"

namespace smartcodec {

/// How much is going on, by the share of 16x16 blocks that move: none, some, from 4 % on, from 7 % on. It rises at once
/// and falls by one step a second. Names follow the vendor's and ONVIF's.
enum class Level { Static, Low, Medium, High };

/// In words, here and below: "static", "nothing moved", "max gop". Valid for ever.
[[nodiscard]] const char* name(Level level);

/// Why a frame is recorded, or not: the first of these that holds, in the order FirstFrame, SceneCut, CameraMoved,
/// Motion, Lighting, SmartOff, KeyFrameDue, MinFrameRate, NothingMoved.
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

/// Why a frame is a key frame; MaxGop also where key frames come every second because that function is off.
enum class KeyFrameReason { None, FirstFrame, SceneCut, MaxGop, Requested, Segment };
[[nodiscard]] const char* name(KeyFrameReason reason);

/// What to do with one picture for one output, and the measurement it was drawn from.
struct Decision {
    bool record = true;  ///< else dropped: the picture recorded before it is shown for longer
    FrameReason reason = FrameReason::FirstFrame;
    bool keyFrame = false;
    KeyFrameReason keyFrameReason = KeyFrameReason::None;
    Level level = Level::High;
    Bitrate bitrate;  ///< cap of a constant-quality encoder, or the rate of another
    QpMap qpMap;      ///< empty where the region of interest is off, and where all of the picture is new or moves
    Measurement measurement;
};

}  // namespace smartcodec
