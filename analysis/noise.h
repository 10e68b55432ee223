#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analysis/cells.h"
#include "analysis/luma_view.h"

namespace smartcodec {

/// Standard deviation of the noise of one picture at 16 brightnesses, in grey levels of a mean: of one sample, of a
/// cell of 4x4, of a window of 8x8. For a bare sensor the three are as 8 : 2 : 1; where a camera's processing has left
/// neighbours alike, means over cells and windows keep more of it, so each is measured by itself.
struct Noise {
    static constexpr int kBins = 16;
    static constexpr int kBinShift = 4;  ///< brightness >> kBinShift is the bin

    using Curve = std::array<float, kBins>;
    Curve sample{};
    Curve cell{};
    Curve window{};

    [[nodiscard]] static int bin(int brightness) { return brightness >> kBinShift; }
};

struct ChangeMap;

/// Measures the noise from what differs between a picture and the one before. Moving things and lighting make
/// differences larger, never smaller, so a low quantile of them is taken at each brightness: it stays true while up to
/// three quarters of the picture move. Falls at once with a lower measurement, rises over about a second of pictures.
class NoiseEstimator {
  public:
    /// Whether a measurement may be believed when it is higher than those before (not while the whole picture moves).
    enum class Trend { Any, FallOnly };

    NoiseEstimator();

    /// `picture` and its cells; every call is one picture later than the call before. `change`, where it is known, is
    /// against the picture before: cells that changed are left out.
    void update(const LumaView& picture, const CellGrid& cells, const ChangeMap* change, Trend trend = Trend::Any);

    /// A picture that says nothing about the noise (its brightness changed) but that the next one is compared with.
    void skip(const LumaView& picture, const CellGrid& cells);

    [[nodiscard]] bool measured() const { return pictures_ > 0; }

    /// The sensor's gain is so many times as high from the next picture on.
    void amplify(float gain);
    /// The pictures before are of another scene or another sensor setting: the next two start anew.
    void restart();

    [[nodiscard]] const Noise& noise() const { return noise_; }

  private:
    void collectSamples(const LumaView& picture, const ChangeMap* change);
    void collectCells(const CellGrid& cells, const ChangeMap* change);
    void keep(const LumaView& picture, const CellGrid& cells);
    static void limitSpread(const std::vector<std::uint32_t>& histogram, int classes, Noise::Curve& measured);
    void limitToTexture(const LumaView& picture, Noise::Curve& sample, Noise::Curve& cell, Noise::Curve& window);
    [[nodiscard]] Noise::Curve measure(const std::vector<std::uint32_t>& histogram, int classes, float unit);
    [[nodiscard]] float quietness(const CellGrid& cells, const Noise::Curve& cell);
    void blend(const Noise::Curve& measured, float scale, float floor, Noise::Curve& curve) const;

    Noise noise_;
    int pictures_ = 0;  // measured since the start
    bool mayRise_ = true;
    bool comparable_ = false;  // whether `previous…` hold the picture before
    CellGrid previousCells_;
    std::vector<std::uint8_t> previousRows_;  // every rowStep-th row of the picture before
    int rowStep_ = 1;
    std::vector<std::uint32_t> sampleHistogram_, cellHistogram_,
        windowHistogram_;  // kBins rows of classes of |difference|
    std::vector<std::uint32_t> scratchHistogram_;
    std::vector<float> tiles_;                   // scratch
    std::vector<std::uint32_t> tileDifference_;  // scratch
};

}  // namespace smartcodec
