#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "analysis/luma_view.h"

namespace smartcodec::bench {

/// Fidelity of a recording, apart for what moves and for the rest. Empty where there was nothing to look at.
struct Quality {
    std::optional<double> movingPsnr;  ///< dB of luma, peak 255, errors pooled over all pictures; at most 99
    std::optional<double> restPsnr;
    std::optional<double> movingSsim;  ///< mean over pixels
    std::optional<double> restSsim;
    double movingShare = 0;  ///< of all pixels, 0..1
    int pictures = 0;
};

/// Compares pictures as shown with pictures as they should be. SSIM as in Wang, Bovik, Sheikh, Simoncelli: "Image
/// quality assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004: Gaussian window of 11x11,
/// sigma 1.5, K1 0.01, K2 0.03; at the edges the picture is mirrored. Thread-bound.
class QualityMeter {
  public:
    struct Pair {
        LumaView reference;
        LumaView shown;                      ///< of the same size
        std::span<const std::uint8_t> mask;  ///< a byte per pixel without padding; not 0: moves
        bool ssim = true;                    ///< costs about twenty times what the rest does
    };
    void add(const Pair& pair);

    [[nodiscard]] Quality quality() const;

  private:
    struct Sum {
        double value = 0;
        std::uint64_t pixels = 0;
    };
    struct Split {
        Sum moving;
        Sum rest;
    };

    void addSquaredError(const Pair& pair);
    void addSsim(const Pair& pair);

    Split squaredError_;
    Split ssim_;
    int pictures_ = 0;
};

}  // namespace smartcodec::bench
