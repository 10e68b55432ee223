#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/retry_plan.h"
#include "app/settings.h"
#include "app/summary.h"
#include "app/wall_clock.h"
#include "capture/source.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// How far a running recording is. A snapshot; the figures need not be of the same moment.
struct Progress {
    std::uint64_t framesIn = 0;
    std::uint64_t framesRecorded = 0;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds sourceTime{0};                 ///< recorded so far
    std::optional<std::chrono::nanoseconds> duration = {};  ///< of the whole, if known beforehand
};

/// Where a recording gets its parts from. What is left empty is the real thing that the settings name.
struct PipelineParts {
    std::function<std::unique_ptr<Source>(const Settings&)> openSource = {};
    std::function<std::unique_ptr<Encoder>(const EncoderConfig&)> openEncoder = {};
    V4l2System* v4l2 = nullptr;               ///< borrowed for the recording's life
    CameraSystem* cameras = nullptr;          ///< likewise
    ReadClocks readClocks = {};               ///< called on several threads at once
    RetryPlan::Config retries = {};           ///< of a disk that has failed
    std::function<void()> beforeOutput = {};  ///< called when all else is open and the files are about to be created
};

/// One recording: a source, the analysis, an encoder and a file, each on its own thread, with a lock-free queue between
/// neighbours. Whoever fails, the others carry on until they have dealt with everything before the failure, so that
/// the file is whole up to there. A live recording outlives a disk that fails, unless it is full. `stop`, `signalEvent`
/// and `progress` may be called from any thread, the rest from one.
class Recording {
  public:
    /// Opens everything and creates the files; throws std::system_error or std::runtime_error that names the thing and
    /// the remedy, and leaves nothing behind then.
    explicit Recording(const Settings& settings, const PipelineParts& parts = {});
    /// Stops as `stop` does, if it is still running, and waits.
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    void start();
    /// Takes no more frames; everything taken so far is still recorded.
    void stop();
    /// Makes an event of the next picture; without `Settings::events` nothing happens.
    void signalEvent();
    /// Becomes readable when the recording is done. Belongs to the recording.
    [[nodiscard]] int doneDescriptor() const;
    [[nodiscard]] Progress progress() const;
    /// Since when a live recording that is to end has waited for a disk that does not answer; 0: it has not. A call
    /// that hangs cannot be ended.
    [[nodiscard]] std::chrono::nanoseconds waitingForDisk() const;
    /// What the user did not choose, one line each: which encoder it became and why, what that does in another way than
    /// designed, what of the source does not come into the file.
    [[nodiscard]] std::vector<std::string> notes() const;

    /// Waits for the end. Of files without a picture none is left. Called once.
    [[nodiscard]] RecordingSummary finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A recording from its start to its end, or until `stop`. Throws as Recording's constructor does; what goes wrong
/// later is in the summary.
[[nodiscard]] RecordingSummary record(const Settings& settings, std::stop_token stop = {},
                                      const PipelineParts& parts = {});

}  // namespace smartcodec
