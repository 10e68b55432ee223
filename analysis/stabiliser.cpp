#include "analysis/stabiliser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include "analysis/analyzer_state.h"
#include "analysis/stabiliser_kernels.h"
#include "analysis/stabiliser_motion.h"
#include "analysis/stabiliser_planes.h"
#include "analysis/stabiliser_rest.h"

namespace smartcodec {
namespace {

using namespace stabiliser;

// What moves is a running mean along its path of at most so many: its shape changes and each step's match is inexact.
constexpr int kLongestMoving = 8;

// The picture shown is renewed when the mean behind it is of three times as many pictures as when it was taken: each
// step then takes away more noise than all later ones together.
constexpr int kRenewal = 3;

// A block that rested for so many pictures is remembered when something comes before it.
constexpr int kWorthKeeping = 8;

// What a block's past is worth, in pictures, when something new is in it or it has only just come to rest.
constexpr int kAnew = 3;

// Of 8,160 areas of 1080p one stands out in 18 pictures by chance.
constexpr float kAreaDeviations = 4.5F;

// Samples that are off by so much are no noise: they are taken as they came.
constexpr float kSampleDeviations = 2.5F;
// A tile of which more than a fifth changed beyond its light holds an object: its own gain is not to be trusted.
constexpr int kObjectShare = 5;

int roundedUp(int value, int unit) {
    return (value + unit - 1) / unit * unit;
}

// Whether more than light has changed in a tile of the lighting field.
bool mostlyChanged(const ChangeMap& change, int tileX, int tileY) {
    constexpr int kTile = LightingField::kTile;
    int changed = 0, cells = 0;
    for (int y = tileY * kTile; y < std::min(change.rows, (tileY + 1) * kTile); ++y)
        for (int x = tileX * kTile; x < std::min(change.columns, (tileX + 1) * kTile); ++x, ++cells)
            changed += change.row(y)[x];
    return changed * kObjectShare > cells;
}

}  // namespace

struct Stabiliser::State {
    explicit State(const StabiliserConfig& c)
        : config(c),
          width(roundedUp(c.width, kArea)),
          height(roundedUp(c.height, kArea)),
          columns(width / kBlock),
          models(static_cast<std::size_t>(columns) * static_cast<std::size_t>(height / kBlock)),
          remembered(models.size()),
          standing(models.size()),
          motion(width, height),
          before(width, height),
          now(width, height),
          strip(width, kArea) {}

    /// A block of the picture at hand.
    struct Block {
        std::size_t index = 0;
        int x = 0;  // luma samples
        int y = 0;
        BlockView samples;
        const NoiseLimits* limits = nullptr;
    };

    void run(const YuvView& in, const YuvView* out, const Analyzer& analyzer, bool keyFrame);
    void setGains();
    void findCells(const ChangeMap& map);
    void area(int x, int y);
    [[nodiscard]] Block load(int x, int y) const;
    [[nodiscard]] std::size_t indexOf(int x, int y) const {
        return static_cast<std::size_t>(y / kBlock) * static_cast<std::size_t>(columns) +
               static_cast<std::size_t>(x / kBlock);
    }
    [[nodiscard]] bool changed(int x, int y) const;
    [[nodiscard]] bool restTogether(const std::array<Block, 4>& blocks,
                                    const std::array<Difference, 4>& differences) const;
    [[nodiscard]] bool rest(const Block& block, const Difference* difference);
    void still(const Block& block, const Difference& difference);
    void moving(const Block& block, const Motion& path, int gain);

    StabiliserConfig config;
    int width;  // rounded up to whole areas
    int height;
    int columns;  // of blocks
    std::vector<Model> models;
    std::vector<Model> remembered;  // what was there before something came
    std::vector<Standing> standing;
    MotionSearch motion;
    PlanarPicture before;  // as given out
    PlanarPicture now;
    PlanarPicture strip;  // rows of one area as they came: `out` may be the same memory as `in`
    int top = 0;          // of the strip

    struct CellSpan {
        int first = 0;
        int last = 0;
    };
    std::vector<CellSpan> cellColumns, cellRows;  // of the analyzer's grid, by block

    // for the picture at hand
    const Analyzer::State* seen = nullptr;
    NoiseLimitsCurve limits;
    cv::Mat gains;  // of areas since the picture before, float; empty: the light is the same
    Motion global;
    bool mayFreeze = false;  // not while the camera moves
    bool renewAll = false;   // show every model as it now is
};

Stabiliser::Stabiliser(const StabiliserConfig& config) {
    if (config.width < 16 || config.height < 16 || config.width % 2 != 0 || config.height % 2 != 0)
        throw std::invalid_argument("stabiliser: width and height must be even and at least 16");
    state_ = std::make_unique<State>(config);
}
Stabiliser::~Stabiliser() = default;
Stabiliser::Stabiliser(Stabiliser&&) noexcept = default;
Stabiliser& Stabiliser::operator=(Stabiliser&&) noexcept = default;

void Stabiliser::State::setGains() {
    gains.release();
    const LightingField& field = seen->comparison.field;
    if (field.gain.empty() || seen->measurement.sceneCut || seen->measurement.cameraMoved)
        return;
    const cv::Size areas(width / kArea, height / kArea);
    if (seen->measurement.lighting) {  // a lamp, perhaps: each place its own
        cv::Mat tiles(field.rows, field.columns, CV_32F);
        for (int y = 0; y < field.rows; ++y)
            for (int x = 0; x < field.columns; ++x)
                tiles.at<float>(y, x) =
                    static_cast<float>(mostlyChanged(seen->comparison.change, x, y)
                                           ? field.medianGain
                                           : field.gain[static_cast<std::size_t>(y * field.columns + x)]);
        cv::resize(tiles, gains, areas, 0, 0, cv::INTER_LINEAR);
        return;
    }
    if (lightChanged(field, seen->estimator.noise()))
        gains = cv::Mat(areas, CV_32F, cv::Scalar(field.medianGain));
}

void Stabiliser::State::still(const Block& block, const Difference& difference) {
    Standing& s = standing[block.index];
    Model& model = models[block.index];
    if (s.rest == 0)
        s.pictures = std::min<std::uint8_t>(s.pictures, kAnew);
    s.pictures = static_cast<std::uint8_t>(std::min(s.pictures + 1, kLongest));
    s.rest = static_cast<std::uint8_t>(std::min(s.rest + 1, 255));
    const SlowChange change = follow(difference, *block.limits, s);
    if (change.anew)
        s.pictures = std::min<std::uint8_t>(s.pictures, kAnew);
    stabiliser::learn(block.samples, s.pictures, change.offset, model);

    const bool far = drifted(difference, change.offset, *block.limits, s);
    if (!renewAll && !change.anew && !far && s.pictures < kRenewal * s.shown) {
        // `now` still holds the picture before the last
        if (!s.held)
            copy(std::as_const(before).block(block.x, block.y), now.block(block.x, block.y));
        s.held = true;
        return;
    }
    show(model, now.block(block.x, block.y));
    s.held = false;
    s.shown = s.pictures;
    s.drift = {};
}

void Stabiliser::State::moving(const Block& block, const Motion& path, int gain) {
    const int x = block.x, y = block.y;
    const View& source = block.samples.luma;
    const View prediction = before.luma().view(x + path.x, y + path.y);
    Standing& s = standing[block.index];

    // The best mean of two estimates weighs each with the other's variance. The sample's is the noise's; the
    // prediction's is what is left of the noise in it, and how far it is off: what is left of their difference beyond
    // both noises.
    const Standing& origin = standing[indexOf(std::clamp(x + path.x + kBlock / 2, 0, width - 1),
                                              std::clamp(y + path.y + kBlock / 2, 0, height - 1))];
    const float worth = std::max<float>(1, origin.shown);
    const float noise = block.limits->variance;
    const BlockDifference d = blockDifference(source, prediction);
    // What light has changed since is no fault of the prediction; but what moves may have its light with it.
    int offset =
        (prediction.row(kBlock / 2)[kBlock / 2] * (gain - kSameBrightness) + kSameBrightness / 2) / kSameBrightness;
    int energy = d.energy + offset * (kLuma * offset - 2 * d.sum);
    if (energy >= d.energy) {
        offset = 0;
        energy = d.energy;
    }
    const float off = std::max(0.0F, static_cast<float>(energy) / kLuma - noise * (1 + 1 / worth));
    const float predictionVariance = off + noise / worth;
    const float weight = s.pictures == 0 ? 1.0F : predictionVariance / (predictionVariance + noise);
    const float left = weight * weight * noise + (1 - weight) * (1 - weight) * predictionVariance;

    Blend how{.weight = static_cast<int>(weight * kWholeWeight + 0.5F),
              .limit = static_cast<int>(kSampleDeviations * std::sqrt(noise * (1 + 1 / worth)) + 0.5F),
              .offset = offset};
    const WritableBlock out = now.block(x, y);
    blendLuma(source, prediction, how, out.luma);
    how.offset = 0;
    for (std::size_t plane = 0; plane < 2; ++plane)
        blendChroma(block.samples.chroma[plane], before.chroma(plane).view((x + path.x) / 2, (y + path.y) / 2), how,
                    out.chroma[plane]);

    if (s.rest >= kWorthKeeping) {
        remembered[block.index] = models[block.index];
        s.remembered = s.pictures;
    }
    s.pictures = s.shown =
        static_cast<std::uint8_t>(std::clamp(noise / std::max(left, 1e-6F), 1.0F, static_cast<float>(kLongestMoving)));
    s.drift = s.bias = {};
    s.rest = 0;
    s.held = false;
    start(std::as_const(now).block(x, y), models[block.index]);
}

// Whether the analyzer, which also looks at more than a block, saw a change there since the picture before.
bool Stabiliser::State::changed(int x, int y) const {
    const ChangeMap& map = seen->comparison.change;
    if (!seen->comparable || map.count == 0)
        return false;
    const auto [left, right] = cellColumns[static_cast<std::size_t>(x / kBlock)];
    const auto [above, below] = cellRows[static_cast<std::size_t>(y / kBlock)];
    return (map.row(above)[left] | map.row(above)[right] | map.row(below)[left] | map.row(below)[right]) != 0;
}

// Which of the analyzer's cells the first and the last sample of a block lie in, across and down: its picture may be a
// smaller one.
void Stabiliser::State::findCells(const ChangeMap& map) {
    const auto find = [](std::vector<CellSpan>& spans, int blocks, double cellSize, int cells) {
        spans.resize(static_cast<std::size_t>(blocks));
        for (int block = 0; block < blocks; ++block) {
            const auto cell = [&](int at) { return std::min(static_cast<int>(at / cellSize), cells - 1); };
            spans[static_cast<std::size_t>(block)] = {cell(block * kBlock), cell(block * kBlock + kBlock - 1)};
        }
    };
    find(cellColumns, columns, seen->cellWidth, map.columns);
    find(cellRows, height / kBlock, seen->cellHeight, map.rows);
}

Stabiliser::State::Block Stabiliser::State::load(int x, int y) const {
    Block block{.index = indexOf(x, y), .x = x, .y = y, .samples = strip.block(x, y - top)};
    const View& luma = block.samples.luma;
    const int brightness =
        luma.row(0)[0] + luma.row(3)[3] + luma.row(4)[4] + luma.row(7)[7];  // enough to find the noise
    block.limits = &limits[static_cast<std::size_t>(Noise::bin(brightness / 4))];
    return block;
}

// Whether four blocks that make up an area differ from their backgrounds by no more than noise when taken together:
// what is too faint to stand out in one of them may do so in all.
bool Stabiliser::State::restTogether(const std::array<Block, 4>& blocks,
                                     const std::array<Difference, 4>& differences) const {
    float sum = 0, variance = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const int pictures = standing[blocks[i].index].pictures;
        if (pictures == 0)
            return false;
        sum += static_cast<float>(differences[i].sum);
        variance += blocks[i].limits->block * blocks[i].limits->block * (1 + 1.0F / static_cast<float>(pictures));
    }
    return sum * sum <= kAreaDeviations * kAreaDeviations * variance;
}

// Whether the block stands still, before its background (`d`, null if that is out of the question) or before what was
// there earlier; if so it is done with.
bool Stabiliser::State::rest(const Block& block, const Difference* d) {
    if (!mayFreeze)
        return false;
    Standing& s = standing[block.index];
    if (d && !changed(block.x, block.y) && rests(*d, s.pictures, *block.limits)) {
        still(block, *d);
        return true;
    }
    if (s.remembered == 0)
        return false;
    const Difference old = difference(block.samples, remembered[block.index]);
    if (!rests(old, s.remembered, *block.limits))
        return false;
    std::swap(models[block.index], remembered[block.index]);
    const std::uint8_t pictures = s.remembered;
    s.remembered = s.rest >= kWorthKeeping ? s.pictures : std::uint8_t{0};
    s.pictures = pictures;
    s.shown = 0;
    s.rest = kWorthKeeping;
    s.bias = {};
    still(block, old);
    return true;
}

void Stabiliser::State::area(int x0, int y0) {
    const int gain = gains.empty()
                         ? kSameBrightness
                         : static_cast<int>(std::lround(gains.at<float>(y0 / kArea, x0 / kArea) * kSameBrightness));
    // initialised at once: this runs 8,000 times for a picture
    const std::array<Block, 4> blocks{load(x0, y0), load(x0 + kBlock, y0), load(x0, y0 + kBlock),
                                      load(x0 + kBlock, y0 + kBlock)};
    if (gain != kSameBrightness)
        for (const Block& block : blocks) {
            brighten(gain, models[block.index]);
            if (standing[block.index].remembered > 0)
                brighten(gain, remembered[block.index]);
        }
    const auto fromModel = [this](const Block& block) { return difference(block.samples, models[block.index]); };
    const std::array<Difference, 4> differences{fromModel(blocks[0]), fromModel(blocks[1]), fromModel(blocks[2]),
                                                fromModel(blocks[3])};
    const bool together = restTogether(blocks, differences);
    std::optional<Motion> path;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (rest(blocks[i], together ? &differences[i] : nullptr))
            continue;
        if (!path)
            path = motion.search(strip.luma().view(x0, y0 - top), x0, y0, before.luma(), global,
                                 std::sqrt(blocks[i].limits->variance));
        moving(blocks[i], *path, gain);
    }
    if (!path)
        motion.setStill(x0, y0);
}

void Stabiliser::State::run(const YuvView& in, const YuvView* out, const Analyzer& analyzer, bool keyFrame) {
    seen = &analyzer.state();
    const Measurement& measured = seen->measurement;
    limits = noiseLimits(seen->estimator.noise());
    if (seen->comparable && seen->comparison.change.count > 0)
        findCells(seen->comparison.change);
    setGains();
    renewAll = keyFrame || !gains.empty();  // a key frame codes everything anyway
    mayFreeze = !measured.cameraMoved && !measured.sceneCut;
    global = {static_cast<int>(std::lround(-measured.shiftX)), static_cast<int>(std::lround(-measured.shiftY))};
    std::swap(before, now);
    for (top = 0; top < height; top += kArea) {
        strip.loadStrip(config, in, top);
        for (int x = 0; x < width; x += kArea)
            area(x, top);
        if (out)
            now.storeStrip(config, top, *out);
    }
}

void Stabiliser::process(const YuvView& in, const YuvView& out, const Analyzer& analyzer, const Decision& decision) {
    state_->run(in, &out, analyzer, decision.keyFrame);
}

void Stabiliser::learn(const YuvView& in, const Analyzer& analyzer) {
    state_->run(in, nullptr, analyzer, false);
}

}  // namespace smartcodec
