// Says of each picture of a raw 8-bit YUV 4:2:0 video whether it is worth recording, and why:
//   ffmpeg -i street.mp4 -f rawvideo -pix_fmt yuv420p - | analyzer_example 1920 1080
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "analysis/analyzer.h"
#include "analysis/decider.h"
#include "analysis/stabiliser.h"

int main(int argc, char** argv) {
    const int width = argc == 3 ? std::atoi(argv[1]) : 1920;
    const int height = argc == 3 ? std::atoi(argv[2]) : 1080;
    const std::chrono::milliseconds frameTime(40);

    smartcodec::Analyzer analyzer({.width = width, .height = height});
    smartcodec::Decider decider(
        {.width = width, .height = height, .levels = smartcodec::defaultLevels({.bitsPerSecond = 6'000'000})});
    smartcodec::Stabiliser stabiliser({.width = width, .height = height});

    const auto samples = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    std::vector<std::uint8_t> picture(samples * 3 / 2);
    std::uint8_t* luma = picture.data();
    const smartcodec::YuvView view{.luma = luma,
                                   .lumaStrideBytes = width,
                                   .chroma = {luma + samples, luma + samples * 5 / 4},
                                   .chromaStrideBytes = width / 2};

    const auto read = [&] {
        const auto size = static_cast<std::streamsize>(picture.size());
        return static_cast<bool>(std::cin.read(reinterpret_cast<char*>(luma), size));
    };
    for (int number = 0; read(); ++number) {
        analyzer.measure({.data = luma, .width = width, .height = height, .strideBytes = width},
                         {.time = number * frameTime});
        const smartcodec::Decision& decision = decider.decide(analyzer);
        if (!decision.record) {
            stabiliser.learn(view, analyzer);
            std::cout << number << " dropped: " << name(decision.reason) << '\n';
            continue;
        }
        stabiliser.process(view, view, analyzer, decision);
        // Here `picture` goes to the encoder, with decision.keyFrame, decision.bitrate and decision.qpMap.
        std::cout << number << " recorded: " << name(decision.reason) << ", " << decision.bitrate.bitsPerSecond
                  << " bit/s" << (decision.keyFrame ? ", key frame" : "") << '\n';
        decider.recorded(analyzer);
    }
}
