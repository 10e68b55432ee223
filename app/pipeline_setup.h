#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "app/encoder_choice.h"
#include "app/output_series.h"
#include "app/pipeline.h"
#include "app/settings.h"
#include "capture/source.h"
#include "mux/file_writer.h"

namespace smartcodec {

// What a recording is made of, from its settings. All throw std::system_error or std::runtime_error that names the
// thing and the remedy.

/// Refuses what can be refused before anything is opened.
void checkFiles(const Settings& settings);

[[nodiscard]] std::unique_ptr<Source> openSource(const Settings& settings, const PipelineParts& parts);
[[nodiscard]] ChosenEncoder openEncoder(const Settings& settings, const SourceInfo& source, const PipelineParts& parts);

/// Of every file of the recording. Shows what `source` holds.
[[nodiscard]] FileConfig fileConfig(const Settings& settings, const SourceInfo& source);
/// Of a recording that is not in segments.
[[nodiscard]] OutputSeries::Config filesConfig(const Settings& settings, const SourceInfo& source);

/// Whether the source waits for nobody: what comes too fast is lost.
[[nodiscard]] bool isLive(const Settings& settings, const SourceInfo& source);

/// Of the whole recording, if known beforehand.
[[nodiscard]] std::optional<std::chrono::nanoseconds> expectedDuration(const Settings& settings,
                                                                       const SourceInfo& source);

}  // namespace smartcodec
