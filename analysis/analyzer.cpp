#include "analysis/analyzer.h"

#include <numeric>
#include <stdexcept>

#include "analysis/analyzer_state.h"

namespace smartcodec {
namespace {

// Of what changed, lighting must explain away all but this part; another scene's tiles never fit as well.
constexpr std::size_t kExplainedMost = 4;

constexpr double kNearlyAll = 0.75;  // of a picture's cells

// A step of the sensor's gain or exposure of this ratio changes the noise.
constexpr double kSensorStep = 1.1;

// A camera that moved is being moved: what hands do to it does not show in every picture.
constexpr std::chrono::seconds kCameraHold{2};

bool stepped(double now, double before) {
    return now > before * kSensorStep || now * kSensorStep < before;
}

}  // namespace

bool LightingComparison::compare(const CellGrid& now, const CellGrid& reference, const Noise& noise) {
    using Light = ChangeDetector::Light;
    measureLighting(now, reference, noise, field);
    const auto compareIn = [&](Light light) {
        detector.compare({.now = now, .reference = reference, .noise = noise, .lighting = field, .light = light},
                         change);
    };
    const Light uniform = lightChanged(field, noise) ? Light::Uniform : Light::Same;
    if (field.changedShare < kLightingShare) {
        compareIn(uniform);
        return false;
    }
    compareIn(Light::Same);
    std::swap(change, unexplained);
    for (const Light light : {Light::Uniform, Light::Tiles}) {
        compareIn(light);
        if (change.count * kExplainedMost <= unexplained.count)
            return true;
    }
    std::swap(change, unexplained);
    return false;
}

SensorStep Analyzer::State::sensorStep(const PictureContext& now) {
    SensorStep step;
    const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
    if (now.sensorGain && sensor.sensorGain && stepped(*now.sensorGain, *sensor.sensorGain))
        step = {.happened = true, .gain = static_cast<float>(*now.sensorGain / *sensor.sensorGain)};
    if (step.happened || !sensor.sensorGain)
        sensor.sensorGain = now.sensorGain;
    const bool exposed = now.exposure && sensor.exposure && stepped(seconds(*now.exposure), seconds(*sensor.exposure));
    if (exposed || !sensor.exposure)
        sensor.exposure = now.exposure;
    step.happened = step.happened || exposed;
    return step;
}

Analyzer::Analyzer(const AnalyzerConfig& config) : state_(std::make_unique<State>()) {
    if (config.width < 16 || config.height < 16)
        throw std::invalid_argument("analyzer: the picture must be at least 16x16");
    state_->config = config;
}
Analyzer::~Analyzer() = default;
Analyzer::Analyzer(Analyzer&&) noexcept = default;
Analyzer& Analyzer::operator=(Analyzer&&) noexcept = default;

void Analyzer::measure(const LumaView& picture, const PictureContext& context) {
    State& s = *state_;
    std::swap(s.cells, s.previous);
    ++s.picturesSeen;
    computeCells(picture, s.cells);
    s.cellWidth = static_cast<double>(s.config.width) / picture.width * CellGrid::kCell;
    s.cellHeight = static_cast<double>(s.config.height) / picture.height * CellGrid::kCell;

    Measurement& m = s.measurement;
    m = {};
    m.time = context.time;
    m.duration = context.duration;
    m.meanLuma =
        static_cast<double>(std::accumulate(s.cells.tileSum.begin(), s.cells.tileSum.end(), std::uint64_t{0})) /
        static_cast<double>(s.cells.sum.size() * CellGrid::kSamples);

    // Noise grows with the gain at most (all of it, if it is made before the amplifier), and two pictures are compared
    // by the noisier one: more gain counts at once, less only when the noise has been measured again.
    const SensorStep step = s.sensorStep(context);
    if (step.gain > 1)
        s.estimator.amplify(step.gain);

    s.comparable = !s.first && s.previous.columns == s.cells.columns && s.previous.rows == s.cells.rows;
    if (s.comparable && !s.estimator.measured())  // nothing can be told from noise before the noise is known
        s.estimator.update(picture, s.cells, nullptr, NoiseEstimator::Trend::Any);
    if (s.comparable) {
        const Noise& noise = s.estimator.noise();
        m.lighting = s.comparison.compare(s.cells, s.previous, noise);
        const GlobalChange global = s.cameraMotion.measure(
            s.cells, s.previous, m.lighting ? s.comparison.unexplained : s.comparison.change, noise);
        m.cameraMoved = global.moved;
        m.sceneCut = global.cut;
        m.shiftX = global.shiftX * s.cellWidth;
        m.shiftY = global.shiftY * s.cellHeight;
    }
    if (m.sceneCut || step.happened)
        s.estimator.restart();
    // When nearly everything changed for no other reason, it is the noise itself that has grown.
    const bool nearlyAll = s.comparable && s.comparison.change.share() > kNearlyAll;
    const bool light = s.comparable && (m.lighting || lightChanged(s.comparison.field, s.estimator.noise()));
    if (light && s.estimator.measured())
        s.estimator.skip(picture, s.cells);
    else
        s.estimator.update(picture, s.cells, s.comparable && !nearlyAll ? &s.comparison.change : nullptr,
                           m.cameraMoved ? NoiseEstimator::Trend::FallOnly : NoiseEstimator::Trend::Any);
    if (m.cameraMoved)
        s.cameraMovedAt = m.time;
    if (s.cameraMovedAt && m.time - *s.cameraMovedAt < kCameraHold)
        measureTexture(picture, s.config.width, s.config.height, s.texture);
    else
        s.texture.clear();
    m.noiseSigma = s.estimator.noise().sample[static_cast<std::size_t>(Noise::bin(static_cast<int>(m.meanLuma)))];
    s.first = false;
}

}  // namespace smartcodec
