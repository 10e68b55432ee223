#include "app/recorder.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>

#include "app/print.h"
#include "app/progress_line.h"

namespace smartcodec {

namespace {

/// As for a recording that ended early: what was recorded is whole, but not all that was asked for is there.
constexpr int kSummaryLost = 1;
/// For a disk that does not answer, once the recording is to end, and between two looks at that.
constexpr std::chrono::seconds kPatience(10);
constexpr std::chrono::milliseconds kLook(2000);

/// Whatever waits for that disk cannot be ended otherwise; a call that the kernel does not let go holds even so.
[[noreturn]] void leave() {
    spdlog::error(
        "the disk has not answered for {} s: the recording is left without its end. What the disk has plays; check it",
        kPatience.count());
    spdlog::shutdown();
    std::_Exit(kSummaryLost);
}

/// Until the recording is done. Sleeps in poll; wakes for signals, for the end, and to renew the progress line.
void attend(Recording& recording, StopSignals& signals) {
    ProgressLine progress;
    const int timeout =
        progress.enabled() ? static_cast<int>(ProgressLine::kPeriod.count()) : static_cast<int>(kLook.count());
    bool stopping = false;
    for (;;) {
        pollfd descriptors[] = {{.fd = recording.doneDescriptor(), .events = POLLIN, .revents = 0},
                                {.fd = signals.descriptor(), .events = POLLIN, .revents = 0},
                                {.fd = signals.userDescriptor(), .events = POLLIN, .revents = 0}};
        if (poll(descriptors, std::size(descriptors), timeout) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "waiting for the recording");
        while (const int signal = signals.take()) {
            if (stopping)
                dieOf(signal);
            stopping = true;
            recording.stop();
            progress.clear();
            spdlog::info("ending the recording properly; once more ends it at once, and the last second is lost");
        }
        if (signals.takeUser())
            recording.signalEvent();
        if (descriptors[0].revents != 0)
            return;
        if (recording.waitingForDisk() >= kPatience) {
            progress.clear();
            leave();
        }
        progress.show(recording.progress());
    }
}

}  // namespace

int runRecorder(const CommandLine& commandLine, StopSignals& signals, const PipelineParts& parts) {
    std::optional<EndAtOnce> nothingToLose(signals);
    PipelineParts own = parts;
    own.beforeOutput = [&] { nothingToLose.reset(); };  // or an empty file might be left
    Recording recording(commandLine.settings, own);
    for (const std::string& note : recording.notes())
        spdlog::info(note);
    recording.start();
    attend(recording, signals);
    const RecordingSummary summary = recording.finish();

    if (!summary.warning.empty())
        spdlog::warn(summary.warning);
    if (!summary.failure.empty())
        spdlog::error(summary.failure);
    if (summary.isRecording()) {
        try {
            print(commandLine.summary == SummaryFormat::Json ? toJson(summary) : toText(summary));
        } catch (const std::exception& error) {
            spdlog::error("the summary is lost, the recording is whole: {}", error.what());
            return std::max(summary.exitStatus(), kSummaryLost);
        }
    }
    nothingToLose.emplace(signals);  // a camera that has gone may take its time to be left
    return summary.exitStatus();
}

}  // namespace smartcodec
