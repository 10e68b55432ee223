#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "analysis/analyzer.h"
#include "analysis/decision.h"

namespace smartcodec {

/// Which of the smart functions act, and their bounds. Defaults are those of the recorder's command line, but for
/// `levels`.
struct DeciderConfig {
    int width = 0;  ///< of the main picture, pixels; at least 16x16, the analyzer's
    int height = 0;
    bool smartFrameRate = true;                                  ///< off: every frame is recorded
    bool smartGop = true;                                        ///< off: a key frame every second
    bool smartBitrate = true;                                    ///< off: `Decision::bitrate` is always `levels[High]`
    bool smartRoi = true;                                        ///< off: `Decision::qpMap` stays empty
    double minFrameRate = 1;                                     ///< recorded frames per second at the least; > 0
    std::chrono::nanoseconds maxGop = std::chrono::seconds(10);  ///< longest time between key frames; > 0
    std::array<Bitrate, 4> levels{};                             ///< cap per Level, static first: `defaultLevels`
    /// The QP, 1..51 on the scale of H.264 and HEVC, that the encoder aims at where the map says 0. Known, what moves
    /// is coded no finer than the noise that the stabiliser leaves in it; unknown, always finer than the rest.
    std::optional<int> quality = std::nullopt;
};

/// Decides for one output what becomes of each picture, against the last picture that this output recorded, so that
/// slow changes add up and are never lost. Several may share an analyzer. Thread-bound, on the analyzer's thread. One
/// that was moved from may only be destroyed or assigned to.
///
/// For every picture: `Analyzer::measure`, then `decide`, then, if the picture was given to the encoder, `recorded`.
class Decider {
  public:
    /// Throws std::invalid_argument if the size is below 16x16, or minFrameRate or maxGop is not above 0.
    explicit Decider(const DeciderConfig& config);
    ~Decider();
    Decider(Decider&&) noexcept;
    Decider& operator=(Decider&&) noexcept;

    /// What to do with the picture that `analyzer` measured last; once for every picture, since it also counts the time
    /// that passed. The result is valid until the next call. Memory is allocated for a new size of the measured picture
    /// only (std::bad_alloc); nothing else fails.
    [[nodiscard]] const Decision& decide(const Analyzer& analyzer);

    /// The picture decided on last was really recorded, as a key frame if that was decided: the next ones are compared
    /// with it. Not called if it was dropped, for whatever reason: a key frame that is due then stays due.
    void recorded(const Analyzer& analyzer);

    /// The next frame shall be recorded, as a key frame, for that reason (a new segment, a new viewer).
    void requestKeyFrame(KeyFrameReason reason = KeyFrameReason::Requested);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The vendor's steps between the levels, 160 : 358 : 700 : 1400 kbit/s (its sample's), scaled to `max` at High.
[[nodiscard]] std::array<Bitrate, 4> defaultLevels(Bitrate max);

}  // namespace smartcodec
