#include "analysis/decider.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

#include "analysis/analyzer_state.h"
#include "analysis/block_grid.h"

namespace smartcodec {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Share of blocks that move, from which on a picture is at level medium and high: the vendor's first generation
// switched its bit rate at 4 % and 7 % of motion. Anything that moves at all is at level low.
constexpr double kMediumShare = 0.04;
constexpr double kHighShare = 0.07;

constexpr double kPlainlyChanged = 0.01;  // of a picture's cells

// A level falls by one step when nothing has held it up for this long. It rises at once.
constexpr nanoseconds kLevelFall = seconds(1);

// Without smart key frames there is one every second, as cameras do.
constexpr nanoseconds kPlainGop = seconds(1);

// Times come rounded to a clock's or a container's tick: half a frame of 60 per second is no shortfall.
constexpr nanoseconds kTimeTolerance = std::chrono::milliseconds(8);

// Regions of interest, in steps of QP; six double the quantiser's step. What moves is followed by the eye and by those
// who look at a recording afterwards; what has stood still for long was sent finely when it came to rest. Coarser by
// one step only, and after ten seconds: two after two seconds took half the contrast from leaves in a light wind.
constexpr int kMovingDelta = -2;
constexpr int kStillDelta = 1;
constexpr nanoseconds kMovingHold =
    std::chrono::milliseconds(300);  // an object's place is held for so long after it left
constexpr nanoseconds kStillAfter = seconds(10);

// What moves is a mean of so many pictures behind the stabiliser, as a rule: the noise left is what a quantiser need
// not undercut. Never coarser than twice the step asked for, in case that what was measured is not all noise.
constexpr double kMovingWorth = 3;
constexpr int kCoarsestMovingDelta = 6;

// With the camera everything moves, and is new: error shows where there is no texture to hide it, and texture is what
// bits go into. So QP follows texture, as adaptive quantisation has it: a step for each doubling of a block's variance,
// finer where it is flatter than the picture's mean. A fifth of that strength x264 adds itself.
constexpr double kTextureStrength = 0.8;
constexpr int kFinestDelta = -12;
constexpr int kCoarsestDelta = 8;

// The step of H.264's and HEVC's quantisers is 1 at this QP and doubles with every six.
constexpr double kUnitStepQp = 4;
constexpr double kQpPerDoubling = 6;

}  // namespace

struct Decider::State {
    explicit State(const DeciderConfig& c) : config(c), blocks(c.width, c.height), lastMoved(blocks.size()) {}

    [[nodiscard]] FrameReason frameReason(const Measurement& m, bool keyFrame) const;
    [[nodiscard]] KeyFrameReason keyFrameReason(const Measurement& m) const;
    [[nodiscard]] Level level(const Measurement& m);
    void compareWithRecorded(const Analyzer::State& now, Measurement& m);
    void fillQpMap(const Analyzer::State& now, const Measurement& m);
    void addTexture(const std::vector<float>& texture);
    [[nodiscard]] std::array<std::int8_t, Noise::kBins> movingDeltas(const Analyzer::State& now,
                                                                     const Measurement& m) const;

    DeciderConfig config;
    Decision decision;
    BlockGrid blocks;
    std::vector<nanoseconds> lastMoved;  // per block

    CellGrid reference;  // the last recorded picture
    bool anyRecorded = false;
    nanoseconds lastRecorded{0};
    nanoseconds lastKeyFrame{0};
    std::optional<nanoseconds> lastSeen;
    nanoseconds interval{0};  // between the last two pictures
    KeyFrameReason keyFrameRequested = KeyFrameReason::None;
    bool cutPending = false;  // a cut came since the last recorded picture

    Level heldLevel = Level::Static;
    nanoseconds heldSince{0};

    LightingComparison comparison;                 // with the last recorded picture
    std::uint64_t recordedNumber = 0;              // of the analyzer's count
    const LightingComparison* compared = nullptr;  // of this picture with the last recorded one
};

Decider::Decider(const DeciderConfig& config) {
    if (config.width < 16 || config.height < 16)
        throw std::invalid_argument("decider: the picture must be at least 16x16");
    if (!(config.minFrameRate > 0) || config.maxGop <= nanoseconds(0))
        throw std::invalid_argument("decider: minFrameRate and maxGop must be above 0");
    state_ = std::make_unique<State>(config);
}
Decider::~Decider() = default;
Decider::Decider(Decider&&) noexcept = default;
Decider& Decider::operator=(Decider&&) noexcept = default;

void Decider::requestKeyFrame(KeyFrameReason reason) {
    state_->keyFrameRequested = reason;
}

void Decider::State::compareWithRecorded(const Analyzer::State& now, Measurement& m) {
    m.movingShare = 1;
    blocks.setAll(true);
    compared = &comparison;
    if (!anyRecorded || reference.columns != now.cells.columns || reference.rows != now.cells.rows)
        return;
    // Where plainly more than noise has changed since the picture before, and that was recorded, the analyzer has done
    // this already. A picture in which hardly anything changed is worth a second look: the noise is known better now.
    if (now.comparable && recordedNumber + 1 == now.picturesSeen && now.comparison.change.share() > kPlainlyChanged)
        compared = &now.comparison;
    else
        m.lighting = comparison.compare(now.cells, reference, now.estimator.noise());
    m.lightingGain = compared->field.medianGain;
    m.lightingContrast = compared->field.peakContrast;
    m.peakContrast = compared->change.peakContrast;
    if (m.cameraMoved)
        return;
    blocks.fill(compared->change);
    m.movingShare = blocks.share();
}

KeyFrameReason Decider::State::keyFrameReason(const Measurement& m) const {
    if (!anyRecorded)
        return KeyFrameReason::FirstFrame;
    if (keyFrameRequested != KeyFrameReason::None)
        return keyFrameRequested;
    if (config.smartGop && cutPending)
        return KeyFrameReason::SceneCut;
    const nanoseconds longest = config.smartGop ? config.maxGop : std::min(kPlainGop, config.maxGop);
    // the frame after this one would come too late
    return m.time + interval - lastKeyFrame > longest + kTimeTolerance ? KeyFrameReason::MaxGop : KeyFrameReason::None;
}

FrameReason Decider::State::frameReason(const Measurement& m, bool keyFrame) const {
    if (!anyRecorded)
        return FrameReason::FirstFrame;
    if (m.sceneCut || cutPending)
        return FrameReason::SceneCut;
    if (m.cameraMoved)
        return FrameReason::CameraMoved;
    if (compared->change.count > 0)
        return FrameReason::Motion;
    if (m.lighting || compared->field.changedShare >= kLightingShare)
        return FrameReason::Lighting;
    if (!config.smartFrameRate)
        return FrameReason::SmartOff;
    if (keyFrame)
        return FrameReason::KeyFrameDue;
    const auto longestHold = nanoseconds(static_cast<nanoseconds::rep>(1e9 / config.minFrameRate));
    if (m.time + interval - lastRecorded > longestHold + kTimeTolerance)
        return FrameReason::MinFrameRate;
    return FrameReason::NothingMoved;
}

Level Decider::State::level(const Measurement& m) {
    Level now = Level::Static;
    if (!anyRecorded || m.cameraMoved || m.sceneCut || m.movingShare >= kHighShare)
        now = Level::High;
    else if (m.movingShare >= kMediumShare)
        now = Level::Medium;
    else if (m.movingShare > 0)
        now = Level::Low;
    if (now >= heldLevel) {
        heldLevel = now;
        heldSince = m.time;
    } else if (m.time - heldSince >= kLevelFall) {
        heldLevel = static_cast<Level>(static_cast<int>(heldLevel) - 1);
        heldSince = m.time;
    }
    return heldLevel;
}

// By brightness. A quantiser of step d adds an error of d^2 / 12 (uniform over a step); noise of the deviation s has
// s^2 / kMovingWorth left behind the stabiliser: below d = s * sqrt(12 / kMovingWorth) bits go into noise. s is that of
// a coefficient of the transform (of unit norm), a cell's mean's times the cell's side: a sample's own where noise is
// white, more where neighbours share it. The more of the picture moves, the less what moves is of interest beside it.
std::array<std::int8_t, Noise::kBins> Decider::State::movingDeltas(const Analyzer::State& now,
                                                                   const Measurement& m) const {
    const int finestDelta = now.texture.empty() ? static_cast<int>(std::lround(kMovingDelta * (1 - m.movingShare))) : 0;
    std::array<std::int8_t, Noise::kBins> deltas;
    deltas.fill(static_cast<std::int8_t>(finestDelta));
    if (!config.quality)
        return deltas;
    const Noise::Curve& cell = now.estimator.noise().cell;
    for (std::size_t bin = 0; bin < deltas.size(); ++bin) {
        const double step = cell[bin] * std::sqrt(now.cellWidth * now.cellHeight * 12 / kMovingWorth);
        if (step <= 1)
            continue;
        const auto finest = static_cast<int>(std::lround(kUnitStepQp + kQpPerDoubling * std::log2(step)));
        deltas[bin] = static_cast<std::int8_t>(std::clamp(finest - *config.quality, finestDelta, kCoarsestMovingDelta));
    }
    return deltas;
}

void Decider::State::fillQpMap(const Analyzer::State& now, const Measurement& m) {
    QpMap& map = decision.qpMap;
    map.delta.clear();
    if (!config.smartRoi || m.sceneCut || !anyRecorded)  // where nothing is known of before, the encoder knows best
        return;
    map.columns = blocks.columns();
    map.rows = blocks.rows();
    map.delta.resize(blocks.size());
    const std::array<std::int8_t, Noise::kBins> moving = movingDeltas(now, m);
    const CellGrid& cells = now.cells;
    const auto brightness = [&](int column, int row) {
        const auto cell = [](int block, double cellSize, int count) {
            return std::min(static_cast<int>((block + 0.5) * QpMap::kBlock / cellSize), count - 1);
        };
        return cells.row(cell(row, now.cellHeight, cells.rows))[cell(column, now.cellWidth, cells.columns)] /
               CellGrid::kSamples;
    };
    std::size_t i = 0;
    for (int row = 0; row < map.rows; ++row)
        for (int column = 0; column < map.columns; ++column, ++i) {
            const nanoseconds since = m.time - lastMoved[i];
            map.delta[i] = since <= kMovingHold ? moving[static_cast<std::size_t>(Noise::bin(brightness(column, row)))]
                           : since >= kStillAfter ? static_cast<std::int8_t>(kStillDelta)
                                                  : std::int8_t{0};
        }
    if (!now.texture.empty())
        addTexture(now.texture);
}

void Decider::State::addTexture(const std::vector<float>& texture) {
    std::vector<std::int8_t>& deltas = decision.qpMap.delta;
    const double mean = std::accumulate(texture.begin(), texture.end(), 0.0) / static_cast<double>(texture.size());
    for (std::size_t i = 0; i < deltas.size(); ++i) {
        const double delta = deltas[i] + kTextureStrength * (texture[i] - mean);
        deltas[i] = static_cast<std::int8_t>(std::clamp(std::lround(delta), long{kFinestDelta}, long{kCoarsestDelta}));
    }
}

const Decision& Decider::decide(const Analyzer& analyzer) {
    State& s = *state_;
    const Analyzer::State& now = analyzer.state();
    Measurement m = now.measurement;
    if (!s.lastSeen)  // what has not been seen to move yet is neither moving nor known to stand still
        std::fill(s.lastMoved.begin(), s.lastMoved.end(), m.time - kMovingHold - nanoseconds(1));
    s.interval = std::max(m.duration, s.lastSeen ? m.time - *s.lastSeen : nanoseconds(0));
    s.lastSeen = m.time;
    s.cutPending = s.cutPending || m.sceneCut;
    s.compareWithRecorded(now, m);
    for (std::size_t i = 0; i < s.blocks.size(); ++i)
        if (s.anyRecorded && s.blocks.moved(i))
            s.lastMoved[i] = m.time;

    Decision& decision = s.decision;
    decision.keyFrameReason = s.keyFrameReason(m);
    decision.keyFrame = decision.keyFrameReason != KeyFrameReason::None;
    decision.reason = s.frameReason(m, decision.keyFrame);
    decision.record = decision.reason != FrameReason::NothingMoved;
    decision.level = s.level(m);
    decision.bitrate = s.config.levels[static_cast<std::size_t>(s.config.smartBitrate ? decision.level : Level::High)];
    decision.measurement = m;
    s.fillQpMap(now, m);
    return decision;
}

void Decider::recorded(const Analyzer& analyzer) {
    State& s = *state_;
    s.reference = analyzer.state().cells;
    s.recordedNumber = analyzer.state().picturesSeen;
    s.lastRecorded = s.decision.measurement.time;
    if (s.decision.keyFrame) {
        s.lastKeyFrame = s.lastRecorded;
        s.keyFrameRequested = KeyFrameReason::None;
        s.cutPending = false;
    }
    if (!s.config.smartGop)
        s.cutPending = false;
    s.anyRecorded = true;
}

std::array<Bitrate, 4> defaultLevels(Bitrate max) {
    std::array<Bitrate, 4> levels;
    constexpr std::array<std::int64_t, 4> kShare{160, 358, 700, 1400};
    for (std::size_t i = 0; i < levels.size(); ++i)
        levels[i].bitsPerSecond = max.bitsPerSecond * kShare[i] / kShare[3];
    return levels;
}

}  // namespace smartcodec
