#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/analyzer.h"
#include "analysis/decider.h"
#include "analysis/stabiliser.h"
#include "app/key_frame_request.h"
#include "app/load_shedder.h"
#include "app/plain_decider.h"
#include "app/segment_plan.h"
#include "app/settings.h"
#include "app/stage.h"
#include "app/summary.h"
#include "app/trace.h"
#include "capture/frame_pool.h"
#include "capture/source.h"

namespace smartcodec {

/// Looks at every frame, decides what becomes of it, and rids those that are recorded of their noise.
///
/// Of a live source that comes faster than this machine works, ever more is left undone until it keeps up again
/// (Shedding), which is said. On dmabufs the stabiliser runs only if its first pictures show that it fits in a third of
/// the frame time: a processor may read uncached memory very slowly.
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

    /// Queues, `trace`, `segments` and `requests` (which may be null) and `failure` are borrowed for the stage's life.
    AnalysisStage(const Settings& settings, const SourceInfo& source, const Queues& queues, TraceWriter* trace,
                  FirstFailure& failure, SegmentPlan* segments = nullptr, KeyFrameRequest* requests = nullptr);

    /// Until End, which it hands on. For the stage's own thread.
    void run();

    // Valid once `run` has returned.
    [[nodiscard]] const std::map<FrameReason, std::uint64_t>& recorded() const { return recorded_; }
    [[nodiscard]] const std::map<FrameReason, std::uint64_t>& dropped() const { return dropped_; }
    [[nodiscard]] const std::map<KeyFrameReason, std::uint64_t>& keyFrames() const { return keyFrames_; }
    [[nodiscard]] const StageTime& analysisTime() const { return analysisTime_; }
    [[nodiscard]] const StageTime& stabilisingTime() const { return stabilisingTime_; }
    /// Frames recorded without a look, and without the stabiliser, while the machine could not keep up.
    [[nodiscard]] std::uint64_t unseen() const { return unseen_; }
    [[nodiscard]] std::uint64_t unstabilised() const { return unstabilised_; }

  private:
    void pass(CaptureItem item);
    /// The job, if the frame is to be recorded.
    [[nodiscard]] std::optional<Job> process(Frame frame);
    [[nodiscard]] const Decision& decide(const Frame& frame);
    void request(KeyFrameReason reason);
    [[nodiscard]] const Decision& decideByAnalysis(const Frame& frame);
    void giveUpAnalysing(const Frame& frame, const std::exception& error);
    void shed(const Frame& frame);
    [[nodiscard]] Frame stabilise(Frame frame, const Decision& decision);
    void checkStabiliserPace(std::chrono::nanoseconds time);
    void learn(const Frame& frame);
    void giveUpStabilising(const std::exception& error);
    void count(const Decision& decision);
    void noteMotion(const Frame& frame, const Decision& decision);
    [[nodiscard]] Job makeJob(Frame frame, const Decision& decision);

    const Queues queues_;
    TraceWriter* const trace_;
    FirstFailure& failure_;
    SegmentPlan* const segments_;
    KeyFrameRequest* const requests_;
    bool segmentDue_ = false;              // with the frame in work
    std::optional<CaptureTime> failedAt_;  // no memory left, say: what comes is taken and forgotten
    std::optional<Analyzer> analyzer_;     // empty: nothing smart is on, or it failed
    Decider decider_;
    PlainDecider plainDecider_;                         // where there is no analyzer
    std::optional<Stabiliser> stabiliser_;              // only with the analyzer
    std::optional<StabiliserConfig> stabiliserConfig_;  // empty: not wanted, not for this format, or given up
    FramePool pool_;
    std::optional<CaptureTime> first_;
    std::optional<CaptureTime> last_;
    bool moving_ = false;                             // when last looked at
    std::optional<std::chrono::nanoseconds> motion_;  // up to the frame in work; empty: nobody looks

    std::optional<LoadShedder> shedder_;  // of a live source
    std::uint64_t number_ = 0;            // of the frame in work
    bool looking_ = true;                 // at it
    std::uint64_t unseen_ = 0;
    std::uint64_t unstabilised_ = 0;
    std::chrono::nanoseconds stabiliserBudget_;            // on dmabufs
    std::vector<std::chrono::nanoseconds> firstPictures_;  // how long the stabiliser took, until that is judged

    std::map<FrameReason, std::uint64_t> recorded_;
    std::map<FrameReason, std::uint64_t> dropped_;
    std::map<KeyFrameReason, std::uint64_t> keyFrames_;
    StageTime analysisTime_;
    StageTime stabilisingTime_;
};

}  // namespace smartcodec
