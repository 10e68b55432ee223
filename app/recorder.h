#pragma once

#include "app/options.h"
#include "app/pipeline.h"
#include "app/signals.h"

namespace smartcodec {

/// Records as the command line says, until the source ends or a signal comes: the first ends the recording properly, a
/// second the program at once. Prints the summary on standard output. Returns the exit status; throws what kept the
/// recording from starting.
[[nodiscard]] int runRecorder(const CommandLine& commandLine, StopSignals& signals, const PipelineParts& parts = {});

}  // namespace smartcodec
