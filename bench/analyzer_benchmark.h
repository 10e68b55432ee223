#pragma once

#include <string>
#include <vector>

#include "capture/picture.h"

namespace smartcodec::bench {

/// Medians per picture, one thread, in milliseconds.
struct StageTimes {
    double measure = 0;
    double decide = 0;
    double stabilise = 0;
    double mog2 = 0;  ///< OpenCV's background subtractor on a picture of half the width and height, shrunk beforehand

    [[nodiscard]] double analyzer() const { return measure + decide; }
};

struct AnalyzerBenchmark {
    Size size;
    std::string content;  ///< "static" or "moving"
    StageTimes times;
};

/// Times the analyzer's stages on pictures of the built-in scene, noise included, drawn beforehand; all stages in turn
/// on each picture, so that whatever disturbs the machine disturbs them alike. Every picture is recorded.
[[nodiscard]] std::vector<AnalyzerBenchmark> benchmarkAnalyzer(const std::vector<Size>& sizes, int pictures);

[[nodiscard]] std::string toText(const std::vector<AnalyzerBenchmark>& results);
[[nodiscard]] std::string toJson(const std::vector<AnalyzerBenchmark>& results);

}  // namespace smartcodec::bench
