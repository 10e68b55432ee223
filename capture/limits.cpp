#include "capture/limits.h"

#include <stdexcept>

namespace smartcodec {

std::string recordableSizes() {
    return "sides from " + std::to_string(kMinSide) + " to " + std::to_string(kMaxSide) + " and at most " +
           std::to_string(kMaxArea) + " pixels";
}

void checkSize(const std::string& what, Size size) {
    if (recordable(size))
        return;
    const bool small = size.width < kMinSide || size.height < kMinSide;
    throw std::runtime_error(what + " is " + std::to_string(size.width) + "x" + std::to_string(size.height) +
                             (small ? ", too small to be encoded" : ", too large for H.264 and HEVC") + "; give " +
                             recordableSizes() + (small ? "" : ": scale it down"));
}

}  // namespace smartcodec
