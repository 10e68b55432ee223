#include "bench/scene_benchmark.h"

#include <sched.h>
#include <spdlog/fmt/fmt.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "app/stage.h"
#include "capture/frame_pool.h"
#include "capture/scene.h"
#include "capture/scene_script.h"
#include "encoder/software_encoder.h"

namespace smartcodec::bench {
namespace {

constexpr FrameRate kFrameRate{30, 1};

/// Binds the calling thread to the core that it runs on, and with it all threads that it starts: libx264 then makes
/// one.
class OneCore {
  public:
    OneCore() {
        if (sched_getaffinity(0, sizeof(before_), &before_) != 0)
            fail("reading on which cores this thread may run");
        const int core = sched_getcpu();
        if (core < 0)
            fail("reading on which core this thread runs");
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(core), &one);
        if (sched_setaffinity(0, sizeof(one), &one) != 0)
            fail("binding this thread to core " + std::to_string(core));
    }
    ~OneCore() { (void)sched_setaffinity(0, sizeof(before_), &before_); }  // what was allowed before is allowed again
    OneCore(const OneCore&) = delete;
    OneCore& operator=(const OneCore&) = delete;

  private:
    [[noreturn]] static void fail(const std::string& what) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    cpu_set_t before_{};
};

void check(const Status& status) {
    if (!status.ok())
        throw std::runtime_error(status.message());
}

int takePackets(Encoder& encoder) {
    int count = 0;
    while (encoder.takePacket())
        ++count;
    return count;
}

double perSecond(int pictures, std::chrono::nanoseconds time) {
    return pictures / std::chrono::duration<double>(time).count();
}

SceneBenchmark timeScript(const std::string& script, const SceneBenchmarkOptions& options) {
    SceneConfig sceneConfig;
    sceneConfig.script = script;
    Scene scene(describeScene(sceneConfig), options.size, kFrameRate);
    FramePool pool(kYuv420, options.size);
    EncoderConfig config;
    config.format = kYuv420;
    config.size = options.size;
    config.frameRate = kFrameRate;
    const auto encoder = openSoftwareEncoder(config);

    std::chrono::nanoseconds drawing{0};
    std::chrono::nanoseconds encoding{0};
    int packets = 0;
    for (int i = 0; i < options.pictures; ++i) {
        const auto index = static_cast<std::uint64_t>(i);
        const Stopwatch drawingOne;
        Frame::Description description;
        description.time = CaptureTime{scene.time(index)};
        Frame frame = pool.make(description);
        scene.render(index, frame->picture);
        drawing += drawingOne.elapsed();

        const Stopwatch encodingOne;
        check(encoder->encode(std::move(frame), {.keyFrame = i == 0, .bitrate = config.maxBitrate}));
        packets += takePackets(*encoder);
        encoding += encodingOne.elapsed();
    }
    const Stopwatch draining;
    check(encoder->drain());
    packets += takePackets(*encoder);
    encoding += draining.elapsed();
    return {.script = script,
            .pictures = packets,
            .scenePicturesPerSecond = perSecond(options.pictures, drawing),
            .encoderPicturesPerSecond = perSecond(options.pictures, encoding)};
}

}  // namespace

std::vector<SceneBenchmark> benchmarkScene(const SceneBenchmarkOptions& options) {
    std::vector<std::string> scripts = options.scripts;
    if (scripts.empty())
        for (const SceneScript& script : sceneScripts())
            scripts.push_back(script.name);
    const OneCore bound;
    std::vector<SceneBenchmark> results;
    for (const std::string& script : scripts)
        results.push_back(timeScript(script, options));
    return results;
}

std::string toText(const std::vector<SceneBenchmark>& results) {
    std::string text = "pictures per second, both on the same core; ratio: how many times faster the scene is\n";
    text += fmt::format("{:<10} {:>8} {:>8} {:>10} {:>8}\n", "script", "pictures", "scene", "libx264", "ratio");
    for (const SceneBenchmark& result : results)
        text += fmt::format("{:<10} {:>8} {:>8.0f} {:>10.0f} {:>8.2f}\n", result.script, result.pictures,
                            result.scenePicturesPerSecond, result.encoderPicturesPerSecond, result.ratio());
    return text;
}

std::string toJson(const std::vector<SceneBenchmark>& results) {
    nlohmann::json array = nlohmann::json::array();
    for (const SceneBenchmark& result : results)
        array.push_back({{"script", result.script},
                         {"pictures", result.pictures},
                         {"scenePicturesPerSecond", result.scenePicturesPerSecond},
                         {"encoderPicturesPerSecond", result.encoderPicturesPerSecond},
                         {"ratio", result.ratio()}});
    return array.dump(2) + "\n";
}

}  // namespace smartcodec::bench
