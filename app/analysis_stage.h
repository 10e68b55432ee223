#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>

#include "analysis/analyzer.h"
#include "analysis/decider.h"
#include "analysis/stabiliser.h"
#include "app/plain_decider.h"
#include "app/settings.h"
#include "app/stage.h"
#include "app/summary.h"
#include "app/trace.h"
#include "capture/frame_pool.h"
#include "capture/source.h"

namespace smartcodec {

/// Looks at every frame, decides what becomes of it, and rids those that are recorded of their noise.
///
/// A frame that the stabiliser does not touch travels on as it came. If a smart function fails, the recording goes on
/// without it and says so once: without the analysis every frame is recorded. With nothing smart to do no picture is
/// looked at.
class AnalysisStage {
  public:
    struct Queues {
        Queue<CaptureItem>& in;
        Queue<JobItem>& out;
        Queue<QpMap>& spareMaps;  ///< maps that the encoder is done with, for their memory
    };

    /// Queues, `trace` (which may be null) and `failure` are borrowed for the stage's life.
    AnalysisStage(const Settings& settings, const SourceInfo& source, const Queues& queues, TraceWriter* trace,
                  FirstFailure& failure);

    /// Until End, which it hands on. For the stage's own thread.
    void run();

    // Valid once `run` has returned.
    [[nodiscard]] const std::map<FrameReason, std::uint64_t>& recorded() const { return recorded_; }
    [[nodiscard]] const std::map<FrameReason, std::uint64_t>& dropped() const { return dropped_; }
    [[nodiscard]] const std::map<KeyFrameReason, std::uint64_t>& keyFrames() const { return keyFrames_; }
    [[nodiscard]] const StageTime& analysisTime() const { return analysisTime_; }
    [[nodiscard]] const StageTime& stabilisingTime() const { return stabilisingTime_; }

  private:
    void pass(CaptureItem item);
    /// The job, if the frame is to be recorded.
    [[nodiscard]] std::optional<Job> process(Frame frame);
    [[nodiscard]] const Decision& decide(const Frame& frame);
    [[nodiscard]] const Decision& decideByAnalysis(const Frame& frame);
    void giveUpAnalysing(const Frame& frame, const std::exception& error);
    [[nodiscard]] Frame stabilise(Frame frame, const Decision& decision);
    void learn(const Frame& frame);
    void giveUpStabilising(const std::exception& error);
    void count(const Decision& decision);
    [[nodiscard]] Job makeJob(Frame frame, const Decision& decision);

    const Queues queues_;
    TraceWriter* const trace_;
    FirstFailure& failure_;
    std::optional<CaptureTime> failedAt_;  // no memory left, say: what comes is taken and forgotten
    std::optional<Analyzer> analyzer_;     // empty: nothing smart is on, or it failed
    Decider decider_;
    PlainDecider plainDecider_;             // where there is no analyzer
    std::optional<Stabiliser> stabiliser_;  // only with the analyzer
    FramePool pool_;
    std::optional<CaptureTime> first_;

    std::map<FrameReason, std::uint64_t> recorded_;
    std::map<FrameReason, std::uint64_t> dropped_;
    std::map<KeyFrameReason, std::uint64_t> keyFrames_;
    StageTime analysisTime_;
    StageTime stabilisingTime_;
};

}  // namespace smartcodec
