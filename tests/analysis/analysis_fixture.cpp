#include "tests/analysis/analysis_fixture.h"

#include <algorithm>
#include <cmath>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

template <class Function>
void eachSample(const ScenePicture& picture, const Area& area, Function function) {
    const auto width = static_cast<std::size_t>(picture.view().size.width);
    for (int y = area.y; y < area.y + area.height; ++y)
        for (int x = area.x; x < area.x + area.width; ++x)
            function(static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x));
}

double samples(const Area& area) {
    return static_cast<double>(area.width) * area.height;
}

}  // namespace

LumaView lumaOf(const ScenePicture& picture) {
    const Picture& view = picture.view();
    return {reinterpret_cast<const std::uint8_t*>(view.planes[0].data), view.size.width, view.size.height,
            static_cast<std::ptrdiff_t>(view.planes[0].strideBytes)};
}

YuvView yuvOf(const ScenePicture& picture) {
    const Picture& view = picture.view();
    const auto plane = [&](std::size_t i) { return reinterpret_cast<std::uint8_t*>(view.planes[i].data); };
    return {plane(0),
            static_cast<std::ptrdiff_t>(view.planes[0].strideBytes),
            {plane(1), plane(2)},
            static_cast<std::ptrdiff_t>(view.planes[1].strideBytes)};
}

void copyPicture(const ScenePicture& from, ScenePicture& to) {
    for (int plane = 0; plane < 3; ++plane)
        std::ranges::copy(from.plane(plane), to.plane(plane).begin());
}

void fillLuma(ScenePicture& picture, const Area& area, int value) {
    const auto luma = picture.plane(0);
    eachSample(picture, area, [&](std::size_t i) { luma[i] = static_cast<std::uint8_t>(value); });
}

void addLuma(ScenePicture& picture, const Area& area, double value) {
    const auto luma = picture.plane(0);
    eachSample(picture, area, [&](std::size_t i) {
        luma[i] = static_cast<std::uint8_t>(std::clamp(std::lround(luma[i] + value), 0L, 255L));
    });
}

double meanLuma(const ScenePicture& picture, const Area& area) {
    double sum = 0;
    eachSample(picture, area, [&](std::size_t i) { sum += picture.plane(0)[i]; });
    return sum / samples(area);
}

double errorPower(const ScenePicture& a, const ScenePicture& b, const Area& area) {
    double sum = 0;
    eachSample(a, area, [&](std::size_t i) {
        const double d = a.plane(0)[i] - b.plane(0)[i];
        sum += d * d;
    });
    return sum / samples(area);
}

Studio::Studio(Size size, const SceneNoiseLevel& noise, int luma)
    : truth(size), shot(size), noise_(noise, 7), luma_(luma) {
    std::ranges::fill(truth.plane(0), static_cast<std::uint8_t>(luma));
    std::ranges::fill(truth.plane(1), std::uint8_t{120});
    std::ranges::fill(truth.plane(2), std::uint8_t{134});
}

void Studio::shoot() {
    copyPicture(truth, shot);
    noise_.add(shot.view(), {.index = index_++});
}

void Studio::paintTexture(int amplitude, int square, int shiftX, int shiftY) {
    const Size size = truth.view().size;
    const auto luma = truth.plane(0);
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x) {
            const auto key = mixBits(static_cast<std::uint64_t>((x + shiftX + 10'000) / square),
                                     static_cast<std::uint64_t>((y + shiftY + 10'000) / square));
            luma[static_cast<std::size_t>(y) * static_cast<std::size_t>(size.width) + static_cast<std::size_t>(x)] =
                static_cast<std::uint8_t>(luma_ + static_cast<int>(key % static_cast<unsigned>(2 * amplitude + 1)) -
                                          amplitude);
        }
}

Recorder::Recorder(const DeciderConfig& config, Options options)
    : analyzer({.width = config.width, .height = config.height}),
      decider(config),
      options_(options),
      output_({config.width, config.height}) {
    if (options.stabilise)
        stabiliser_ = std::make_unique<Stabiliser>(
            StabiliserConfig{.width = config.width, .height = config.height, .layout = ChromaLayout::Planar});
}

DeciderConfig Recorder::configFor(Size size) {
    DeciderConfig config;
    config.width = size.width;
    config.height = size.height;
    config.levels = defaultLevels({6'000'000});
    return config;
}

const Decision& Recorder::take(const ScenePicture& picture, std::chrono::nanoseconds time) {
    analyzer.measure(lumaOf(picture), {.time = time});
    const Decision& decision = decider.decide(analyzer);
    if (stabiliser_) {
        if (decision.record)
            stabiliser_->process(yuvOf(picture), yuvOf(output_), analyzer, decision);
        else
            stabiliser_->learn(yuvOf(picture), analyzer);
    }
    if (decision.record && options_.record)
        confirm();
    return decision;
}

Rehearsal::Rehearsal(const SceneDescription& description, Size size, Recorder::Options options)
    : scene(description, size, {30, 1}), recorder(Recorder::configFor(size), options), picture(size), truth(size) {}

const Decision& Rehearsal::next() {
    scene.render(index, picture.view());
    return recorder.take(picture, scene.time(index++));
}

SceneDescription sceneOf(SceneView view, const SceneNoiseLevel& noise) {
    SceneDescription description;
    description.backgrounds = {{.view = view}};
    description.noise = noise;
    return description;
}

}  // namespace smartcodec
