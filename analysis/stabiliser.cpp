#include "analysis/stabiliser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include "analysis/analyzer_state.h"
#include "analysis/stabiliser_kernels.h"

namespace smartcodec {
namespace {

using namespace stabiliser;

// The background is a mean of at most so many pictures, then a running one: about a second. Longer would take more
// noise out (this leaves a 32nd of its power) but follow slow changes later.
constexpr int kLongest = 32;

// What moves is a running mean along its path of at most so many: its shape changes and each step's match is inexact.
constexpr int kLongestMoving = 8;

// The picture shown is renewed when the mean behind it is of three times as many pictures as when it was taken: each
// step then takes away more noise than all later ones together.
constexpr int kRenewal = 3;

// A block that rested for so many pictures is remembered when something comes before it.
constexpr int kWorthKeeping = 8;

// Deviations of noise. Of the four quarters of 32,400 blocks of 1080p, 4.5 lets one stand out in eight pictures by
// chance.
constexpr float kQuarterDeviations = 4.5F;
constexpr float kBlockDeviations = 4.5F;
constexpr float kEnergyDeviations = 5.0F;
constexpr float kDriftDeviations = 3.0F;

// Slow changes: running means over about `kRunning` pictures of differences, and the deviation of such a mean.
constexpr int kRunning = 4;
constexpr float kRunningVariance = 1.0F / 7;  // of such a mean: a / (2 - a), a = 1 / kRunning
constexpr float kSlowDeviations = 4.5F;
constexpr int kAnew = 3;  // pictures that a block's past is worth when something new is in it

// Samples that are off by so much are no noise: they are taken as they came.
constexpr float kSampleDeviations = 2.5F;
// An area that differs from its match by this much more than noise alone has no better one.
constexpr float kGoodMatch = 1.05F;

// A change of the light of the whole picture that is this far beyond the noise of its measurement is followed at once.
constexpr double kGainDeviations = 5.0;

// A tile of which more than a fifth changed beyond its light holds an object: its own gain is not to be trusted.
constexpr int kObjectShare = 5;

constexpr int kMargin = 16;                   // samples around strips and pictures
constexpr int kUnit = 1 << kDifferenceShift;  // of Difference, per grey level

int roundedUp(int value, int unit) {
    return (value + unit - 1) / unit * unit;
}

/// What noise alone does to a block at one brightness.
struct Limits {
    float variance = 0;         // of a sample
    float quarter = 0;          // deviation of the sum over a quarter, units of Difference
    float block = 0;            // of the sum over a block
    float energy = 0;           // mean of the energy, units of Difference
    float energyDeviation = 0;  // relative
};

struct Motion {
    int x = 0;
    int y = 0;
};

/// One plane of the pictures given out, with room around for motion.
struct Plane8 {
    int stride = 0;
    std::vector<std::uint8_t> samples;

    Plane8(int width, int height)
        : stride(width + 2 * kMargin),
          samples(static_cast<std::size_t>(stride) * static_cast<std::size_t>(height + 2 * kMargin)) {}
    [[nodiscard]] View view(int x, int y) { return {at(x, y), stride}; }
    [[nodiscard]] std::uint8_t* at(int x, int y) {
        return samples.data() + static_cast<std::ptrdiff_t>(y + kMargin) * stride + x + kMargin;
    }
};

struct Picture8 {
    Plane8 luma, cb, cr;
    Picture8(int width, int height) : luma(width, height), cb(width / 2, height / 2), cr(width / 2, height / 2) {}
};

/// A block's standing.
struct Standing {
    std::uint8_t pictures = 0;            // that the model is worth; 0: there is none yet
    std::uint8_t shown = 0;               // that the model was worth when it was shown
    std::uint8_t rest = 0;                // pictures since it came to rest
    std::uint8_t remembered = 0;          // pictures that the remembered model is worth; 0: none
    std::array<std::int16_t, 4> bias{};   // running means of what the quarters differ from the model: 1/16 grey level
    std::array<std::int16_t, 4> drift{};  // of the model's quarters since it was shown: means, 1/128 grey level
};

void loadLuma(const std::uint8_t* in, std::ptrdiff_t stride, LumaBlock& block) {
    for (int y = 0; y < kBlock; ++y)
        std::memcpy(block.data() + y * kBlock, in + y * stride, kBlock);
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

void copyRows(const std::uint8_t* in, std::ptrdiff_t inStride, int width, int height, std::uint8_t* out,
              std::ptrdiff_t outStride) {
    for (int y = 0; y < height; ++y)
        std::memcpy(out + y * outStride, in + y * inStride, static_cast<std::size_t>(width));
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
          motion(static_cast<std::size_t>(width / kArea) * static_cast<std::size_t>(height / kArea)),
          before(width, height),
          now(width, height),
          lumaStrip(width, kArea),
          chromaStrip{Plane8(width / 2, kArea / 2), Plane8(width / 2, kArea / 2)},
          aboveStrip(static_cast<std::size_t>(width)) {}

    void setLimits(const Noise& noise);
    void setGains();
    void fillStrip(const YuvView& in, int top);
    [[nodiscard]] bool changed(int x, int y) const;
    void area(int x, int y, bool frozenAllowed, const Motion& global);
    [[nodiscard]] bool rests(std::size_t block, const Difference& difference, int pictures, const Limits& limit) const;
    bool follow(Standing& s, const Difference& d, const Limits& limit, int& offset) const;
    void still(std::size_t block, int x, int y, const LumaBlock& luma, const ChromaBlock& chroma,
               const Difference& difference, const Limits& limit);
    void moving(std::size_t block, int x, int y, const Motion& path, int gain, const Limits& limit);
    [[nodiscard]] Motion search(int x, int y, const Motion& global, float noise);
    void writeRows(const YuvView& out, int top);
    void run(const YuvView& in, const YuvView* out, const Analyzer& analyzer, bool keyFrame);

    StabiliserConfig config;
    int width;  // rounded up to whole areas
    int height;
    int columns;  // of blocks
    std::vector<Model> models;
    std::vector<Model> remembered;  // what was there before something came
    std::vector<Standing> standing;
    std::vector<Motion> motion;  // of areas, in the picture before until it is found anew
    Picture8 before;             // as given out
    Picture8 now;
    std::array<Limits, Noise::kBins> limits;
    const Analyzer::State* seen = nullptr;  // for the call
    bool renewAll = false;
    cv::Mat gains;     // of areas since the picture before, float; empty: the light is the same
    int top = 0;       // of the strip
    Plane8 lumaStrip;  // rows of one area as they came, one more above and below, edges repeated
    std::array<Plane8, 2> chromaStrip;
    std::vector<std::uint8_t> aboveStrip;  // the row above the strip as it came: `out` may have replaced it in `in`
};

Stabiliser::Stabiliser(const StabiliserConfig& config) {
    if (config.width < 16 || config.height < 16 || config.width % 2 != 0 || config.height % 2 != 0)
        throw std::invalid_argument("stabiliser: width and height must be even and at least 16");
    state_ = std::make_unique<State>(config);
}
Stabiliser::~Stabiliser() = default;
Stabiliser::Stabiliser(Stabiliser&&) noexcept = default;
Stabiliser& Stabiliser::operator=(Stabiliser&&) noexcept = default;

void Stabiliser::State::setLimits(const Noise& noise) {
    for (std::size_t b = 0; b < limits.size(); ++b) {
        Limits& limit = limits[b];
        limit.variance = noise.sample[b] * noise.sample[b];
        limit.quarter = noise.cell[b] * kLuma / 4 * kUnit;
        limit.block = noise.window[b] * kLuma * kUnit;
        limit.energy = limit.variance * kLuma * kUnit * kUnit;
        // of independent samples in a block: 64 of a bare sensor, fewer where neighbours share their noise
        const float independent =
            std::clamp(limit.variance / (noise.window[b] * noise.window[b]), 4.0F, static_cast<float>(kLuma));
        limit.energyDeviation = std::sqrt(2 / independent);
    }
}

void Stabiliser::State::setGains() {
    gains.release();
    const LightingField& field = seen->lighting;
    if (field.gain.empty() || seen->measurement.sceneCut || seen->measurement.cameraMoved)
        return;
    const cv::Size areas(width / kArea, height / kArea);
    if (seen->measurement.lighting) {  // a lamp, perhaps: each place its own
        cv::Mat tiles(field.rows, field.columns, CV_32F);
        for (int y = 0; y < field.rows; ++y)
            for (int x = 0; x < field.columns; ++x)
                tiles.at<float>(y, x) = static_cast<float>(
                    mostlyChanged(seen->change, x, y) ? field.medianGain
                                                     : field.gain[static_cast<std::size_t>(y * field.columns + x)]);
        cv::resize(tiles, gains, areas, 0, 0, cv::INTER_LINEAR);
        return;
    }
    // Automatic exposure goes in steps too small to be seen in one place; the median of all tiles shows them. A tile is
    // 64 windows; the median of many normal values has 1.25 times the deviation of their mean.
    const auto bin = static_cast<std::size_t>(Noise::bin(static_cast<int>(seen->measurement.meanLuma)));
    const double noise = 1.25 * std::sqrt(2.0) * seen->estimator.noise().window[bin] / 8 /
                         std::sqrt(static_cast<double>(field.gain.size()));
    if (std::abs(field.medianGain - 1) * seen->measurement.meanLuma > kGainDeviations * noise)
        gains = cv::Mat(areas, CV_32F, cv::Scalar(field.medianGain));
}

void Stabiliser::State::fillStrip(const YuvView& in, int y0) {
    top = y0;
    const int w = config.width, h = config.height;
    for (int y = -1; y <= kArea; ++y) {
        std::uint8_t* row = lumaStrip.at(0, y);
        const std::uint8_t* from =
            y < 0 && y0 > 0 ? aboveStrip.data() : in.luma + std::clamp(y0 + y, 0, h - 1) * in.lumaStrideBytes;
        std::memcpy(row, from, static_cast<std::size_t>(w));
        std::memset(row + w, row[w - 1], static_cast<std::size_t>(width - w + kMargin));
        row[-1] = row[0];
    }
    std::memcpy(aboveStrip.data(), lumaStrip.at(0, kArea - 1), static_cast<std::size_t>(w));
    for (int y = 0; y < kArea / 2; ++y) {
        const std::ptrdiff_t offset = std::min(y0 / 2 + y, h / 2 - 1) * in.chromaStrideBytes;
        std::uint8_t* rows[2] = {chromaStrip[0].at(0, y), chromaStrip[1].at(0, y)};
        if (config.layout == ChromaLayout::Planar) {
            for (int plane = 0; plane < 2; ++plane)
                std::memcpy(rows[plane], in.chroma[plane] + offset, static_cast<std::size_t>(w / 2));
        } else {
            const std::uint8_t* pairs = in.chroma[0] + offset;
            for (int x = 0; x < w / 2; ++x) {
                rows[0][x] = pairs[2 * x];
                rows[1][x] = pairs[2 * x + 1];
            }
        }
        for (std::uint8_t* row : rows)
            std::memset(row + w / 2, row[w / 2 - 1], static_cast<std::size_t>((width - w) / 2));
    }
}

void Stabiliser::State::writeRows(const YuvView& out, int y0) {
    const int w = config.width;
    const int rows = std::min(kArea, config.height - y0);
    copyRows(now.luma.at(0, y0), now.luma.stride, w, rows, out.luma + y0 * out.lumaStrideBytes, out.lumaStrideBytes);
    for (int y = 0; y < rows / 2; ++y) {
        const std::uint8_t* cb = now.cb.at(0, y0 / 2 + y);
        const std::uint8_t* cr = now.cr.at(0, y0 / 2 + y);
        const std::ptrdiff_t offset = (y0 / 2 + y) * out.chromaStrideBytes;
        if (config.layout == ChromaLayout::Planar) {
            std::memcpy(out.chroma[0] + offset, cb, static_cast<std::size_t>(w / 2));
            std::memcpy(out.chroma[1] + offset, cr, static_cast<std::size_t>(w / 2));
        } else {
            std::uint8_t* pairs = out.chroma[0] + offset;
            for (int x = 0; x < w / 2; ++x) {
                pairs[2 * x] = cb[x];
                pairs[2 * x + 1] = cr[x];
            }
        }
    }
}

bool Stabiliser::State::rests(std::size_t, const Difference& d, int pictures, const Limits& limit) const {
    if (pictures == 0)
        return false;
    const float spread = 1 + 1.0F / static_cast<float>(pictures);  // the model's own noise on top of the picture's
    const float root = std::sqrt(spread);
    for (const std::int32_t quarter : d.quarter)
        if (static_cast<float>(std::abs(quarter)) > kQuarterDeviations * limit.quarter * root)
            return false;
    for (const std::int32_t chroma : d.chroma)
        if (static_cast<float>(std::abs(chroma)) > kQuarterDeviations * limit.quarter * root)
            return false;
    return static_cast<float>(std::abs(d.sum)) <= kBlockDeviations * limit.block * root &&
           static_cast<float>(d.energy) <= limit.energy * spread * (1 + kEnergyDeviations * limit.energyDeviation);
}

// A change too slow or too faint to stand out in one picture does in the mean of a few: the running mean of a block's
// (or a quarter's) difference has 0.38 of one difference's deviation. A whole block's is light, or a shadow's inside:
// its samples keep what they have learnt and become brighter by `offset` (1/128 grey level). A quarter's is something
// new: returns whether the block must be learnt anew.
bool Stabiliser::State::follow(Standing& s, const Difference& d, const Limits& limit, int& offset) const {
    // the model's own noise is the same in every difference: no running mean lessens it
    const float spread = std::sqrt(kRunningVariance + 1.0F / static_cast<float>(s.pictures));
    int sum = 0;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        s.bias[quarter] = static_cast<std::int16_t>(s.bias[quarter] +
                                                    (d.quarter[quarter] / (kLuma / 4) - s.bias[quarter]) / kRunning);
        sum += s.bias[quarter];
    }
    if (static_cast<float>(std::abs(sum) * (kLuma / 4)) > kSlowDeviations * spread * limit.block) {
        offset = sum / 4 << (kMeanShift - kDifferenceShift);
        for (std::int16_t& bias : s.bias)
            bias = static_cast<std::int16_t>(bias - sum / 4);
    }
    bool anew = false;
    for (const std::int16_t bias : s.bias)
        anew = anew || static_cast<float>(std::abs(bias) * (kLuma / 4)) > kSlowDeviations * spread * limit.quarter;
    if (anew)
        s.bias = {};
    return anew;
}

void Stabiliser::State::still(std::size_t block, int x, int y, const LumaBlock& luma, const ChromaBlock& chroma,
                              const Difference& d, const Limits& limit) {
    Standing& s = standing[block];
    Model& model = models[block];
    if (s.rest == 0)
        s.pictures = std::min<std::uint8_t>(s.pictures, kAnew);
    s.pictures = static_cast<std::uint8_t>(std::min(s.pictures + 1, kLongest));
    s.rest = static_cast<std::uint8_t>(std::min(s.rest + 1, 255));
    int offset = 0;
    const bool anew = follow(s, d, limit, offset);
    if (anew)
        s.pictures = std::min<std::uint8_t>(s.pictures, kAnew);
    stabiliser::learn(luma, chroma, s.pictures, offset, model);

    // Slow changes are in the model but not yet in the picture shown: a quarter that has moved away from it by a grey
    // level, and by more than the noise that the two means have left, is shown anew.
    const float noise =
        kDriftDeviations * limit.quarter / (kLuma / 4 * kUnit) *
        std::sqrt(1.0F / static_cast<float>(std::max<int>(s.shown, 1)) + 1.0F / static_cast<float>(s.pictures));
    const float most = std::max(1.0F, noise) * (1 << kMeanShift);
    bool renew = renewAll || anew || s.pictures >= kRenewal * s.shown;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        const int step = (d.quarter[quarter] << (kMeanShift - kDifferenceShift)) / (kLuma / 4) / s.pictures + offset;
        s.drift[quarter] = static_cast<std::int16_t>(std::clamp(s.drift[quarter] + step, -32000, 32000));
        renew = renew || static_cast<float>(std::abs(s.drift[quarter])) >= most;
    }
    if (!renew) {
        copyRows(before.luma.at(x, y), before.luma.stride, kBlock, kBlock, now.luma.at(x, y), now.luma.stride);
        copyRows(before.cb.at(x / 2, y / 2), before.cb.stride, kBlock / 2, kBlock / 2, now.cb.at(x / 2, y / 2),
                 now.cb.stride);
        copyRows(before.cr.at(x / 2, y / 2), before.cr.stride, kBlock / 2, kBlock / 2, now.cr.at(x / 2, y / 2),
                 now.cr.stride);
        return;
    }
    LumaBlock shownLuma;
    ChromaBlock shownChroma;
    show(model, shownLuma, shownChroma);
    s.shown = s.pictures;
    s.drift = {};
    copyRows(shownLuma.data(), kBlock, kBlock, kBlock, now.luma.at(x, y), now.luma.stride);
    copyRows(shownChroma.data(), kBlock / 2, kBlock / 2, kBlock / 2, now.cb.at(x / 2, y / 2), now.cb.stride);
    copyRows(shownChroma.data() + kChroma / 2, kBlock / 2, kBlock / 2, kBlock / 2, now.cr.at(x / 2, y / 2),
             now.cr.stride);
}

Motion Stabiliser::State::search(int x, int y, const Motion& global, float noise) {
    const int areaColumns = width / kArea;
    const int ax = x / kArea, ay = y / kArea;
    const View source = lumaStrip.view(x, y - top);
    // the area must stay inside the picture and its margin
    const int left = -x - kMargin, right = width - kArea - x + kMargin;
    const int up = -y - kMargin, down = height - kArea - y + kMargin;

    Motion best;
    std::uint32_t bestDistance = areaDistance(source, before.luma.view(x, y));
    const auto attempt = [&](int mx, int my) {
        mx = std::clamp(mx, left, right);
        my = std::clamp(my, up, down);
        if (mx == best.x && my == best.y)
            return false;
        const std::uint32_t distance = areaDistance(source, before.luma.view(x + mx, y + my));
        if (distance >= bestDistance)
            return false;
        bestDistance = distance;
        best = {mx, my};
        return true;
    };
    const auto area = static_cast<std::size_t>(ay * areaColumns + ax);
    const Motion candidates[] = {
        global, motion[area], ax > 0 ? motion[area - 1] : Motion{},
        ay > 0 ? motion[area - static_cast<std::size_t>(areaColumns)] : Motion{},
        ay > 0 && ax + 1 < areaColumns ? motion[area - static_cast<std::size_t>(areaColumns) + 1] : Motion{}};
    for (const Motion& candidate : candidates)
        if (candidate.x != 0 || candidate.y != 0)
            attempt(candidate.x, candidate.y);
    // the mean of |x| of a normal x is 0.8 of its deviation
    const auto enough = static_cast<std::uint32_t>(kGoodMatch * 0.8F * noise * kArea * kArea);
    for (int step = 4; step >= 1 && bestDistance > enough; step /= 2) {
        const Motion centre = best;
        attempt(centre.x - step, centre.y);
        attempt(centre.x + step, centre.y);
        attempt(centre.x, centre.y - step);
        attempt(centre.x, centre.y + step);
    }
    motion[area] = best;
    return best;
}

void Stabiliser::State::moving(std::size_t block, int x, int y, const Motion& path, int gain, const Limits& limit) {
    const View source = lumaStrip.view(x, y - top);
    const View prediction = before.luma.view(x + path.x, y + path.y);
    std::uint8_t* out = now.luma.at(x, y);
    Standing& s = standing[block];

    // The best mean of two estimates weighs each with the other's variance. The sample's is the noise's; the
    // prediction's is what is left of the noise in it, and how far it is off: what is left of their difference beyond
    // both noises.
    const int px = std::clamp(x + path.x + kBlock / 2, 0, width - 1) / kBlock,
              py = std::clamp(y + path.y + kBlock / 2, 0, height - 1) / kBlock;
    const float worth = std::max<float>(
        1, standing[static_cast<std::size_t>(py) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(px)]
               .shown);
    const float noise = limit.variance;
    const BlockDifference d = blockDifference(source, prediction);
    // What light has changed since is no fault of the prediction; but what moves may have its light with it.
    int offset =
        (prediction.row(kBlock / 2)[kBlock / 2] * (gain - kSameBrightness) + kSameBrightness / 2) / kSameBrightness;
    if (offset * (kLuma * offset - 2 * d.sum) >= 0)
        offset = 0;
    const float energy = static_cast<float>(d.energy + offset * (kLuma * offset - 2 * d.sum)) / kLuma;
    const float off = std::max(0.0F, energy - noise * (1 + 1 / worth));
    const float predictionVariance = off + noise / worth;
    const float weight = s.pictures == 0 ? 1.0F : predictionVariance / (predictionVariance + noise);
    const float left = weight * weight * noise + (1 - weight) * (1 - weight) * predictionVariance;

    const Blend how{.weight = static_cast<int>(weight * kWholeWeight + 0.5F),
                    .limit = static_cast<int>(kSampleDeviations * std::sqrt(noise * (1 + 1 / worth)) + 0.5F),
                    .offset = offset};
    Blend chromaHow = how;
    chromaHow.offset = 0;
    blendLuma(source, prediction, how, out, now.luma.stride);
    const int cx = x / 2, cy = y / 2;
    Plane8* const chromaNow[2] = {&now.cb, &now.cr};
    Plane8* const chromaBefore[2] = {&before.cb, &before.cr};
    for (std::size_t plane = 0; plane < 2; ++plane)
        blendChroma(chromaStrip[plane].view(cx, (y - top) / 2),
                    chromaBefore[plane]->view(cx + path.x / 2, cy + path.y / 2), chromaHow,
                    chromaNow[plane]->at(cx, cy), chromaNow[plane]->stride);

    if (s.rest >= kWorthKeeping) {
        remembered[block] = models[block];
        s.remembered = s.pictures;
    }
    const float worthNow = std::clamp(noise / std::max(left, 1e-6F), 1.0F, static_cast<float>(kLongestMoving));
    s.pictures = s.shown = static_cast<std::uint8_t>(worthNow);
    s.drift = s.bias = {};
    s.rest = 0;
    LumaBlock luma;
    ChromaBlock chroma;
    loadLuma(out, now.luma.stride, luma);
    for (int row = 0; row < kBlock / 2; ++row)
        for (std::size_t plane = 0; plane < 2; ++plane)
            std::memcpy(&chroma[plane * kChroma / 2 + static_cast<std::size_t>(row * kBlock / 2)],
                        chromaNow[plane]->at(cx, cy + row), kBlock / 2);
    start(luma, chroma, models[block]);
}

// Whether the analyzer, which also looks at more than a block, saw a change there since the picture before.
bool Stabiliser::State::changed(int x, int y) const {
    if (!seen->comparable)
        return false;
    const ChangeMap& map = seen->change;
    const auto cell = [](int at, double size, int cells) { return std::min(static_cast<int>(at / size), cells - 1); };
    const int left = cell(x, seen->cellWidth, map.columns), right = cell(x + kBlock - 1, seen->cellWidth, map.columns);
    const int above = cell(y, seen->cellHeight, map.rows), below = cell(y + kBlock - 1, seen->cellHeight, map.rows);
    return (map.row(above)[left] | map.row(above)[right] | map.row(below)[left] | map.row(below)[right]) != 0;
}

void Stabiliser::State::area(int x0, int y0, bool frozenAllowed, const Motion& global) {
    bool searched = false;
    Motion path;
    const int gain = gains.empty()
                         ? kSameBrightness
                         : static_cast<int>(std::lround(gains.at<float>(y0 / kArea, x0 / kArea) * kSameBrightness));
    for (int by = 0; by < kArea; by += kBlock)
        for (int bx = 0; bx < kArea; bx += kBlock) {
            const int x = x0 + bx, y = y0 + by;
            const auto block = static_cast<std::size_t>(y / kBlock) * static_cast<std::size_t>(columns) +
                               static_cast<std::size_t>(x / kBlock);
            LumaBlock luma;
            ChromaBlock chroma;
            loadLuma(lumaStrip.at(x, y - top), lumaStrip.stride, luma);
            for (int row = 0; row < kBlock / 2; ++row)
                for (std::size_t plane = 0; plane < 2; ++plane)
                    std::memcpy(&chroma[plane * kChroma / 2 + static_cast<std::size_t>(row * kBlock / 2)],
                                chromaStrip[plane].at(x / 2, (y - top) / 2 + row), kBlock / 2);
            Standing& s = standing[block];
            if (gain != kSameBrightness) {
                brighten(gain, models[block]);
                if (s.remembered > 0)
                    brighten(gain, remembered[block]);
            }
            Difference d = difference(luma, chroma, models[block]);
            const int brightness =
                luma[0] + luma[27] + luma[36] + luma[63];  // of four samples: enough to find the noise
            const Limits& limit = limits[static_cast<std::size_t>(Noise::bin(brightness / 4))];
            bool rest = frozenAllowed && !changed(x, y) && rests(block, d, s.pictures, limit);
            if (frozenAllowed && !rest && s.remembered > 0) {
                const Difference old = difference(luma, chroma, remembered[block]);
                if (rests(block, old, s.remembered, limit)) {
                    std::swap(models[block], remembered[block]);
                    const std::uint8_t pictures = s.remembered;
                    s.remembered = s.rest >= kWorthKeeping ? s.pictures : std::uint8_t{0};
                    s.pictures = pictures;
                    s.shown = 0;
                    s.rest = kWorthKeeping;
                    s.bias = {};
                    d = old;
                    rest = true;
                }
            }
            if (rest) {
                still(block, x, y, luma, chroma, d, limit);
                continue;
            }
            if (!searched)
                path = search(x0, y0, global, std::sqrt(limit.variance));
            searched = true;
            moving(block, x, y, path, gain, limit);
        }
    if (!searched)
        motion[static_cast<std::size_t>(y0 / kArea * (width / kArea) + x0 / kArea)] = {};
}

void Stabiliser::State::run(const YuvView& in, const YuvView* out, const Analyzer& analyzer, bool keyFrame) {
    seen = &analyzer.state();
    setLimits(seen->estimator.noise());
    setGains();
    renewAll = keyFrame || !gains.empty();  // a key frame codes everything anyway
    std::swap(before, now);
    const Motion global{static_cast<int>(std::lround(-seen->measurement.shiftX)),
                        static_cast<int>(std::lround(-seen->measurement.shiftY))};
    const bool frozenAllowed = !seen->measurement.cameraMoved && !seen->measurement.sceneCut;
    for (int y = 0; y < height; y += kArea) {
        fillStrip(in, y);
        for (int x = 0; x < width; x += kArea)
            area(x, y, frozenAllowed, global);
        if (out)
            writeRows(*out, y);
    }
}

void Stabiliser::process(const YuvView& in, const YuvView& out, const Analyzer& analyzer, const Decision& decision) {
    state_->run(in, &out, analyzer, decision.keyFrame);
}

void Stabiliser::learn(const YuvView& in, const Analyzer& analyzer) {
    state_->run(in, nullptr, analyzer, false);
}

}  // namespace smartcodec
