#include "bench/analyzer_benchmark.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/video/background_segm.hpp>

#include "analysis/analyzer.h"
#include "analysis/decider.h"
#include "analysis/stabiliser.h"
#include "bench/picture_reader.h"
#include "capture/frame_pool.h"
#include "capture/scene.h"
#include "capture/scene_script.h"

namespace smartcodec::bench {
namespace {

constexpr FrameRate kFrameRate{30, 1};
constexpr Bitrate kMaxBitrate{6'000'000};
/// Pictures held in memory, played forwards and backwards; at 4K they take 300 MB.
constexpr int kDrawn = 24;
/// Where people walk in the scene "street", so that something moves in every picture.
constexpr std::uint64_t kFirstDrawn = 150;
/// Pictures before times count: caches, the noise and the background settle.
constexpr int kWarmUp = 40;

class Stopwatch {
  public:
    /// Milliseconds since construction or the last lap.
    double lap() {
        const auto now = std::chrono::steady_clock::now();
        const double result = std::chrono::duration<double, std::milli>(now - begin_).count();
        begin_ = now;
        return result;
    }

  private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

YuvView yuvOf(const Picture& picture) {
    const auto bytes = [&picture](std::size_t plane) {
        return reinterpret_cast<std::uint8_t*>(picture.planes[plane].data);
    };
    return {.luma = bytes(0),
            .lumaStrideBytes = static_cast<std::ptrdiff_t>(picture.planes[0].strideBytes),
            .chroma = {bytes(1), bytes(2)},
            .chromaStrideBytes = static_cast<std::ptrdiff_t>(picture.planes[1].strideBytes)};
}

/// Pictures of one content in memory.
struct Footage {
    std::vector<Frame> frames;
    std::vector<cv::Mat> quarters;
};

Footage draw(FramePool& pool, Size size, bool moving) {
    SceneConfig config{
        .script = "street", .size = size, .frameRate = kFrameRate, .shotNoise = {}, .readNoise = {}, .duration = {}};
    SceneDescription description = describeScene(config);
    if (!moving) {
        description.cycle = {};
        description.repeat = nullptr;
    }
    Scene scene(description, size, kFrameRate);
    Footage footage;
    for (int i = 0; i < kDrawn; ++i) {
        Frame frame = pool.make({});
        scene.render(kFirstDrawn + static_cast<std::uint64_t>(i), frame->picture);
        const LumaView luma = lumaOf(frame->picture);
        const cv::Mat whole(luma.height, luma.width, CV_8UC1, const_cast<std::uint8_t*>(luma.data),
                            static_cast<std::size_t>(luma.strideBytes));
        cv::Mat quarter;
        cv::resize(whole, quarter, {size.width / 2, size.height / 2}, 0, 0, cv::INTER_AREA);
        footage.frames.push_back(std::move(frame));
        footage.quarters.push_back(quarter);
    }
    return footage;
}

StageTimes timeStages(const Footage& footage, FramePool& pool, Size size, int pictures) {
    Analyzer analyzer({.width = size.width, .height = size.height});
    DeciderConfig config;
    config.width = size.width;
    config.height = size.height;
    config.smartFrameRate = false;  // what a recorded picture costs is asked for
    config.levels = defaultLevels(kMaxBitrate);
    Decider decider(config);
    Stabiliser stabiliser({.width = size.width, .height = size.height});
    const cv::Ptr<cv::BackgroundSubtractorMOG2> mog2 = cv::createBackgroundSubtractorMOG2();
    const Frame out = pool.make({});
    cv::Mat foreground;

    std::vector<double> measure;
    std::vector<double> decide;
    std::vector<double> stabilise;
    std::vector<double> background;
    const int turn = 2 * (kDrawn - 1);
    for (int i = 0; i < kWarmUp + pictures; ++i) {
        const int phase = i % turn;
        const auto index = static_cast<std::size_t>(phase < kDrawn ? phase : turn - phase);
        const Picture& picture = footage.frames[index]->picture;
        const std::chrono::nanoseconds time = std::chrono::seconds(i) / (kFrameRate.numerator / kFrameRate.denominator);

        Stopwatch watch;
        analyzer.measure(lumaOf(picture), {.time = time, .sensorGain = {}, .exposure = {}});
        const double measured = watch.lap();
        const Decision& decision = decider.decide(analyzer);
        const double decided = watch.lap();
        stabiliser.process(yuvOf(picture), yuvOf(out->picture), analyzer, decision);
        const double stabilised = watch.lap();
        decider.recorded(analyzer);
        const double recorded = watch.lap();
        mog2->apply(footage.quarters[index], foreground);
        const double subtracted = watch.lap();
        if (i < kWarmUp)
            continue;
        measure.push_back(measured);
        decide.push_back(decided + recorded);
        stabilise.push_back(stabilised);
        background.push_back(subtracted);
    }
    return {median(measure), median(decide), median(stabilise), median(background)};
}

}  // namespace

std::vector<AnalyzerBenchmark> benchmarkAnalyzer(const std::vector<Size>& sizes, int pictures) {
    const int threadsBefore = cv::getNumThreads();
    cv::setNumThreads(1);
    std::vector<AnalyzerBenchmark> results;
    for (const Size size : sizes) {
        for (const bool moving : {false, true}) {
            FramePool pool(kYuv420, size);
            const Footage footage = draw(pool, size, moving);
            results.push_back({size, moving ? "moving" : "static", timeStages(footage, pool, size, pictures)});
        }
    }
    cv::setNumThreads(threadsBefore);
    return results;
}

std::string toText(const std::vector<AnalyzerBenchmark>& results) {
    std::string text =
        "milliseconds per picture, medians, one thread; MOG2 on a picture of half the width and height\n";
    text += fmt::format("{:<10} {:<8} {:>8} {:>8} {:>9} {:>10} {:>8} {:>14} {:>16}\n", "size", "content", "measure",
                        "decide", "analyzer", "stabiliser", "MOG2", "analyzer/MOG2", "stabiliser/MOG2");
    for (const AnalyzerBenchmark& result : results) {
        const StageTimes& times = result.times;
        text += fmt::format("{:<10} {:<8} {:>8.3f} {:>8.3f} {:>9.3f} {:>10.3f} {:>8.3f} {:>14.3f} {:>16.3f}\n",
                            fmt::format("{}x{}", result.size.width, result.size.height), result.content, times.measure,
                            times.decide, times.analyzer(), times.stabilise, times.mog2, times.analyzer() / times.mog2,
                            times.stabilise / times.mog2);
    }
    return text;
}

std::string toJson(const std::vector<AnalyzerBenchmark>& results) {
    nlohmann::json array = nlohmann::json::array();
    for (const AnalyzerBenchmark& result : results) {
        const StageTimes& times = result.times;
        array.push_back({{"width", result.size.width},
                         {"height", result.size.height},
                         {"content", result.content},
                         {"measureMs", times.measure},
                         {"decideMs", times.decide},
                         {"analyzerMs", times.analyzer()},
                         {"stabiliserMs", times.stabilise},
                         {"mog2QuarterMs", times.mog2},
                         {"analyzerToMog2", times.analyzer() / times.mog2},
                         {"stabiliserToMog2", times.stabilise / times.mog2}});
    }
    return array.dump(2) + "\n";
}

}  // namespace smartcodec::bench
