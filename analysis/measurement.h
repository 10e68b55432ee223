#pragma once

#include <chrono>

namespace smartcodec {

/// What one picture showed. Plain values, each with its unit; times as the caller gave them. The analyzer knows what
/// concerns the picture itself and the one before; the decider adds what is against the last recorded picture.
struct Measurement {
    std::chrono::nanoseconds time{0};
    std::chrono::nanoseconds duration{0};  ///< until the next picture, where known
    double noiseSigma = 0;   ///< standard deviation of one measured sample at mean brightness, grey levels
    double movingShare = 0;  ///< share of 16x16 blocks that moved since the last recorded picture, 0..1
    double peakContrast =
        0;                ///< largest change of a window against the last recorded picture, in multiples of its noise
    double meanLuma = 0;  ///< grey levels
    double lightingGain = 1;  ///< brightness now / in the last recorded picture, of what stands still
    double lightingContrast =
        0;              ///< largest change explained by lighting alone, in multiples of the noise of a 64x64 tile
    double shiftX = 0;  ///< of the picture as a whole since the picture before, pixels of the main picture
    double shiftY = 0;
    bool cameraMoved = false;  ///< the picture moved as a whole since the picture before
    bool sceneCut = false;     ///< the picture before shows something else altogether
    bool lighting = false;     ///< brightness changed, and most of what changed is explained by that
};

}  // namespace smartcodec
