#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "analysis/analyzer.h"
#include "analysis/decision.h"

namespace smartcodec {

enum class ChromaLayout { Planar /* YUV420: Cb, Cr */, Interleaved /* NV12: one plane CbCr */ };

/// A borrowed 8-bit 4:2:0 picture of the stabiliser's size, valid for the call it is passed to. Chroma has half as many
/// columns and rows as luma; with ChromaLayout::Interleaved chroma[0] has the pairs, and chroma[1] is not used.
struct YuvView {
    std::uint8_t* luma = nullptr;
    std::ptrdiff_t lumaStrideBytes = 0;  ///< from a row to the next
    std::uint8_t* chroma[2] = {nullptr, nullptr};
    std::ptrdiff_t chromaStrideBytes = 0;  ///< of either plane
};

struct StabiliserConfig {
    int width = 0;  ///< pixels of the main picture, even, at least 16
    int height = 0;
    ChromaLayout layout = ChromaLayout::Planar;
};

/// Keeps sensor noise out of the recording: where nothing moves the picture is replaced by a slowly learnt background,
/// where something moves, or might, it is left alone or filtered lightly. Pure like the analyzer. Thread-bound, on the
/// analyzer's thread. One that was moved from may only be destroyed or assigned to.
///
/// Every picture goes through one of the two functions, after `analyzer` has measured it (the main picture or a smaller
/// one of the same view). Memory is allocated at the start, and little at a change of light; nothing else fails.
///
/// Its limit: an object of 8x8 pixels with five times the deviation of white noise, or of 32x32 with three times, keeps
/// at least 0.8 of its contrast in every picture. Smaller and fainter ones keep less for up to half a second, and where
/// neighbouring samples share their noise the limit lies higher.
class Stabiliser {
  public:
    /// Throws std::invalid_argument if width or height is odd or below 16.
    explicit Stabiliser(const StabiliserConfig& config);
    ~Stabiliser();
    Stabiliser(Stabiliser&&) noexcept;
    Stabiliser& operator=(Stabiliser&&) noexcept;

    /// A picture that is recorded: reads `in`, writes every sample of `out`. They may be the same memory, not overlap
    /// otherwise. `decision` is of this picture: at a key frame everything is shown as it is known best.
    void process(const YuvView& in, const YuvView& out, const Analyzer& analyzer, const Decision& decision);

    /// A picture that is dropped: the background learns from it.
    void learn(const YuvView& in, const Analyzer& analyzer);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
