#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/stabiliser.h"
#include "analysis/stabiliser_kernels.h"

namespace smartcodec::stabiliser {

constexpr int kMargin = 16;  ///< samples around a plane

/// One plane of 8-bit samples with room around it, for edges that are mirrored up to whole areas.
class BytePlane {
  public:
    BytePlane(int width, int height)
        : strideBytes_(width + 2 * kMargin),
          samples_(static_cast<std::size_t>(strideBytes_) * static_cast<std::size_t>(height + 2 * kMargin)) {}

    [[nodiscard]] std::ptrdiff_t strideBytes() const { return strideBytes_; }
    [[nodiscard]] std::uint8_t* at(int x, int y) { return samples_.data() + offset(x, y); }
    [[nodiscard]] WritableView writable(int x, int y) { return {at(x, y), strideBytes_}; }
    [[nodiscard]] View view(int x, int y) const { return {samples_.data() + offset(x, y), strideBytes_}; }

  private:
    [[nodiscard]] std::ptrdiff_t offset(int x, int y) const { return (y + kMargin) * strideBytes_ + x + kMargin; }

    std::ptrdiff_t strideBytes_;
    std::vector<std::uint8_t> samples_;
};

/// A planar 4:2:0 picture: luma, Cb, Cr. Blocks are addressed by their luma position.
class PlanarPicture {
  public:
    PlanarPicture(int width, int height)
        : planes_{BytePlane(width, height), BytePlane(width / 2, height / 2), BytePlane(width / 2, height / 2)} {}

    [[nodiscard]] BytePlane& luma() { return planes_[0]; }
    [[nodiscard]] const BytePlane& luma() const { return planes_[0]; }
    [[nodiscard]] BytePlane& chroma(std::size_t plane) { return planes_[1 + plane]; }
    [[nodiscard]] const BytePlane& chroma(std::size_t plane) const { return planes_[1 + plane]; }

    [[nodiscard]] BlockView block(int x, int y) const {
        return {planes_[0].view(x, y), {planes_[1].view(x / 2, y / 2), planes_[2].view(x / 2, y / 2)}};
    }
    [[nodiscard]] WritableBlock block(int x, int y) {
        return {planes_[0].writable(x, y), {planes_[1].writable(x / 2, y / 2), planes_[2].writable(x / 2, y / 2)}};
    }

    /// Takes rows `top`.. of a picture of `config`'s size as rows 0..kArea - 1 of this one, its right and lower edge
    /// mirrored up to whole areas.
    void loadStrip(const StabiliserConfig& config, const YuvView& in, int top);

    /// Gives rows `top`..top + kArea - 1, as far as there are, to a picture of `config`'s size.
    void storeStrip(const StabiliserConfig& config, int top, const YuvView& out) const;

  private:
    std::array<BytePlane, 3> planes_;
};

}  // namespace smartcodec::stabiliser
