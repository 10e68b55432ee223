#include "analysis/decision.h"

namespace smartcodec {

const char* name(Level level) {
    switch (level) {
        case Level::Static:
            return "static";
        case Level::Low:
            return "low";
        case Level::Medium:
            return "medium";
        case Level::High:
            return "high";
    }
    return "";
}

const char* name(FrameReason reason) {
    switch (reason) {
        case FrameReason::NothingMoved:
            return "nothing moved";
        case FrameReason::FirstFrame:
            return "first frame";
        case FrameReason::Motion:
            return "motion";
        case FrameReason::Lighting:
            return "lighting";
        case FrameReason::CameraMoved:
            return "camera moved";
        case FrameReason::SceneCut:
            return "scene cut";
        case FrameReason::KeyFrameDue:
            return "key frame due";
        case FrameReason::MinFrameRate:
            return "min frame rate";
        case FrameReason::SmartOff:
            return "smart off";
    }
    return "";
}

const char* name(KeyFrameReason reason) {
    switch (reason) {
        case KeyFrameReason::None:
            return "none";
        case KeyFrameReason::FirstFrame:
            return "first frame";
        case KeyFrameReason::SceneCut:
            return "scene cut";
        case KeyFrameReason::MaxGop:
            return "max gop";
        case KeyFrameReason::Requested:
            return "requested";
        case KeyFrameReason::Segment:
            return "segment";
    }
    return "";
}

}  // namespace smartcodec
