#include "encoder/encoder.h"

namespace smartcodec {

const char* name(RegionSupport support) {
    switch (support) {
        case RegionSupport::QpMap:
            return "QP map";
        case RegionSupport::Rectangles:
            return "rectangles";
        case RegionSupport::QpRange:
            return "QP range";
        case RegionSupport::None:
            return "none";
    }
    return "none";
}

Status Encoder::wait(int /*wake*/) {
    return {};
}

}  // namespace smartcodec
