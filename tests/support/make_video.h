#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "capture/picture.h"

namespace smartcodec::test {

/// Three components of one pixel, 8 bits: Y Cb Cr, or R G B if the pixel format is one of RGB.
using Pixel = std::array<int, 3>;

/// Grey level of the picture `number` in a video painted as by default: pictures can be told apart by their mean.
[[nodiscard]] constexpr int greyOf(int number) {
    return 40 + 12 * (number % 15);
}

/// A small video for a test to read. Every field has a value that works; frames are grey, each of another level.
struct VideoRecipe {
    std::string path = {};                                               ///< the extension chooses the container
    std::string codec = "libx264";                                       ///< an encoder of libavcodec
    std::vector<std::pair<std::string, std::string>> codecOptions = {};  ///< the encoder's own, after the defaults
    std::string pixelFormat = "yuv420p";
    Size size{64, 48};
    int frames = 10;
    FrameRate frameRate{25, 1};
    std::vector<std::chrono::milliseconds> times = {};  ///< presentation times instead of the rate's, one per frame
    std::function<Pixel(int number, int x, int y)> paint = {};

    Color color = {};         ///< tags; `fullRange` is tagged only when set
    Ratio sampleAspect = {};  ///< 0/1: not written
    int rotation = 0;         ///< degrees clockwise for the player

    std::string audioCodec = {};  ///< empty: no audio. A tone, mono, as long as the video
    std::string audioLanguage = {};
    int sampleRate = 48000;
    bool video = true;  ///< false: audio alone

    std::vector<std::pair<std::string, std::string>> muxerOptions = {};
};

/// Writes the file; throws std::runtime_error naming the step that libav refused.
void makeVideo(const VideoRecipe& recipe);

}  // namespace smartcodec::test
