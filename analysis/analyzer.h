#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "analysis/luma_view.h"
#include "analysis/measurement.h"

namespace smartcodec {

struct CellGrid;
struct Noise;

struct AnalyzerConfig {
    int width = 0;  ///< of the main picture, pixels
    int height = 0;
};

/// What is known of a picture besides its pixels.
struct PictureContext {
    std::chrono::nanoseconds time{0};      ///< capture time, rising
    std::chrono::nanoseconds duration{0};  ///< until the next picture, where the source knows; 0 if not
    std::optional<double> sensorGain{};    ///< analogue times digital
    std::optional<std::chrono::microseconds> exposure{};
};

/// Looks at every picture once, for all outputs: its 4x4-pixel cells, its noise, its brightness, whether it moved as a
/// whole. What to do about it each output's `Decider` says. Pure: no clock, thread, file or log; the same pictures give
/// the same result. Thread-bound.
class Analyzer {
  public:
    explicit Analyzer(const AnalyzerConfig& config);
    ~Analyzer();
    Analyzer(Analyzer&&) noexcept;
    Analyzer& operator=(Analyzer&&) noexcept;

    /// Takes the next picture: the main one, or a smaller picture of the same view (any size of the same aspect).
    void measure(const LumaView& picture, const PictureContext& context);

    struct State;
    [[nodiscard]] const State& state() const { return *state_; }  ///< for Decider and Stabiliser

  private:
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
