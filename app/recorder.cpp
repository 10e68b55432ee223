#include "app/recorder.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>

#include "app/pipeline.h"
#include "app/progress_line.h"

namespace smartcodec {

namespace {

/// Until the recording is done. Sleeps in poll; wakes for signals, for the end, and to renew the progress line.
void attend(Recording& recording, StopSignals& signals) {
    ProgressLine progress;
    const int timeout = progress.enabled() ? static_cast<int>(ProgressLine::kPeriod.count()) : -1;
    bool stopping = false;
    for (;;) {
        pollfd descriptors[] = {{.fd = recording.doneDescriptor(), .events = POLLIN, .revents = 0},
                                {.fd = signals.descriptor(), .events = POLLIN, .revents = 0}};
        if (poll(descriptors, std::size(descriptors), timeout) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "waiting for the recording");
        while (const int signal = signals.take()) {
            if (stopping)
                dieOf(signal);
            stopping = true;
            recording.stop();
            progress.clear();
            spdlog::info("ending the recording properly; once more ends it at once, and the file is lost");
        }
        if (descriptors[0].revents != 0)
            return;
        progress.show(recording.progress());
    }
}

/// What the user did not choose, said once: which encoder it became, and what it cannot do as designed;
/// what of the source is left out.
void announce(const CommandLine& commandLine, const Recording& recording) {
    const EncoderCapabilities& encoder = recording.encoder();
    std::string text;
    if (commandLine.automaticEncoder)
        text = fmt::format("--encoder auto: software ({}), since this build has no V4L2", encoder.name);
    if (commandLine.settings.smart.bitrate && !encoder.bitrateWhileRunning) {
        text += fmt::format("{}{} keeps its first bit rate: the levels act on the QP instead", text.empty() ? "" : "; ",
                            encoder.name);
    }
    if (!text.empty())
        spdlog::info(text);
    for (const std::string& note : recording.notes())
        spdlog::info(note);
}

}  // namespace

int runRecorder(const CommandLine& commandLine, StopSignals& signals) {
    std::optional<EndAtOnce> settingUp(signals);
    Recording recording(commandLine.settings);
    settingUp.reset();
    announce(commandLine, recording);
    recording.start();
    attend(recording, signals);
    const RecordingSummary summary = recording.finish();

    if (!summary.warning.empty())
        spdlog::warn(summary.warning);
    if (!summary.failure.empty())
        spdlog::error(summary.failure);
    if (summary.framesRecorded > 0) {
        const std::string report = commandLine.summary == SummaryFormat::Json ? toJson(summary) : toText(summary);
        std::fputs(report.c_str(), stdout);
    }
    return summary.exitStatus();
}

}  // namespace smartcodec
