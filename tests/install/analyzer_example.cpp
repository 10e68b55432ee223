// Says of each picture of a raw 8-bit YUV 4:2:0 video whether it is worth recording, and why:
//   ffmpeg -i street.mp4 -r 25 -f rawvideo -pix_fmt yuv420p - | analyzer_example 1920 1080
#include <smartcodec/analyzer.h>
#include <smartcodec/decider.h>
#include <smartcodec/stabiliser.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
    const int width = argc == 3 ? std::atoi(argv[1]) : 1920, height = argc == 3 ? std::atoi(argv[2]) : 1080;
    smartcodec::Analyzer analyzer({.width = width, .height = height});
    smartcodec::Decider decider({.width = width, .height = height, .levels = smartcodec::defaultLevels({6'000'000})});
    smartcodec::Stabiliser stabiliser({.width = width, .height = height});

    const auto samples = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    std::vector<std::uint8_t> picture(samples * 3 / 2);
    std::uint8_t* luma = picture.data();
    const smartcodec::YuvView view{
        luma, width, {luma + samples, luma + samples * 5 / 4}, width / 2};  // strides in bytes
    for (int number = 0; std::cin.read(reinterpret_cast<char*>(luma), std::streamsize(picture.size())); ++number) {
        analyzer.measure({.data = luma, .width = width, .height = height, .strideBytes = width},
                         {.time = number * std::chrono::milliseconds(40)});
        const smartcodec::Decision& decision = decider.decide(analyzer);
        std::cout << number << (decision.record ? " recorded: " : " dropped: ") << name(decision.reason);
        if (decision.record) {
            stabiliser.process(view, view, analyzer, decision);  // in place
            // here `picture` goes to the encoder, with decision.keyFrame, decision.bitrate and decision.qpMap
            decider.recorded(analyzer);
            std::cout << ", " << decision.bitrate.bitsPerSecond << " bit/s" << (decision.keyFrame ? ", key frame" : "");
        } else {
            stabiliser.learn(view, analyzer);
        }
        std::cout << '\n';
    }
}
