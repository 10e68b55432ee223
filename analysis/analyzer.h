#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "analysis/luma_view.h"
#include "analysis/measurement.h"

namespace smartcodec {

struct CellGrid;
struct Noise;

/// Size of the main picture, the one that is encoded: at least 16x16 pixels.
struct AnalyzerConfig {
    int width = 0;  ///< pixels
    int height = 0;
};

/// What is known of a picture besides its pixels.
struct PictureContext {
    std::chrono::nanoseconds time{0};      ///< capture time, from any beginning; each later than the one before
    std::chrono::nanoseconds duration{0};  ///< until the next picture, where the source knows; 0 if not
    /// Gain (analogue times digital) and exposure that the picture was taken with, where the sensor tells: a step of
    /// more than a tenth of either has the noise measured anew.
    std::optional<double> sensorGain{};
    std::optional<std::chrono::microseconds> exposure{};
};

/// Looks at every picture once, for all outputs: its 4x4-pixel cells, its noise, its brightness, whether it moved as a
/// whole. What to do about it each output's `Decider` says. Pure: no clock, thread, file or log; the same pictures give
/// the same result. Thread-bound: to be used by one thread at a time, with its deciders and stabiliser; other analyzers
/// share nothing with it. One that was moved from may only be destroyed or assigned to.
class Analyzer {
  public:
    /// Throws std::invalid_argument if the size is below 16x16.
    explicit Analyzer(const AnalyzerConfig& config);
    ~Analyzer();
    Analyzer(Analyzer&&) noexcept;
    Analyzer& operator=(Analyzer&&) noexcept;

    /// Takes the next picture: the main one, or a smaller picture of the same view (any size of the same aspect, at
    /// least 4x4). It is borrowed for the call. Every picture is to be measured, recorded or not, since what moved is
    /// seen from one to the next. The first one, and one of another size than the one before, are compared with none.
    /// Memory is allocated for a new size only (std::bad_alloc); nothing else fails.
    void measure(const LumaView& picture, const PictureContext& context);

    struct State;
    [[nodiscard]] const State& state() const { return *state_; }  ///< for Decider and Stabiliser

  private:
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
