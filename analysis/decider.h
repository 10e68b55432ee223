#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "analysis/analyzer.h"
#include "analysis/decision.h"

namespace smartcodec {

/// Which of the smart functions act, and their bounds. Defaults are those of the command line.
struct DeciderConfig {
    int width = 0;  ///< of the main picture, pixels
    int height = 0;
    bool smartFrameRate = true;                                  ///< off: every frame is recorded
    bool smartGop = true;                                        ///< off: a key frame every second
    bool smartBitrate = true;                                    ///< off: `Decision::bitrate` is always `levels[High]`
    bool smartRoi = true;                                        ///< off: `Decision::qpMap` stays empty
    double minFrameRate = 1;                                     ///< recorded frames per second at the least; > 0
    std::chrono::nanoseconds maxGop = std::chrono::seconds(10);  ///< longest time between key frames
    std::array<Bitrate, 4> levels{};                             ///< cap per Level, static first
    /// The QP, 1..51 on the scale of H.264 and HEVC, that the encoder aims at where the map says 0. Known, what moves
    /// is coded no finer than the noise that the stabiliser leaves in it; unknown, always finer than the rest.
    std::optional<int> quality = std::nullopt;
};

/// Decides for one output what becomes of each picture, against the last picture that this output recorded, so that
/// slow changes add up and are never lost. Thread-bound, on the analyzer's thread.
class Decider {
  public:
    explicit Decider(const DeciderConfig& config);
    ~Decider();
    Decider(Decider&&) noexcept;
    Decider& operator=(Decider&&) noexcept;

    /// What to do with the picture that `analyzer` measured last. The result is valid until the next call.
    [[nodiscard]] const Decision& decide(const Analyzer& analyzer);

    /// The picture decided on last was really recorded. Not called if it was dropped, for whatever reason.
    void recorded(const Analyzer& analyzer);

    /// The next frame shall be recorded, as a key frame (a new segment, a new viewer).
    void requestKeyFrame();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The vendor's steps between the levels, 160 : 358 : 700 : 1400 kbit/s (its sample's), scaled to `max` at High.
[[nodiscard]] std::array<Bitrate, 4> defaultLevels(Bitrate max);

}  // namespace smartcodec
