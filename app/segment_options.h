#pragma once

#include <optional>

#include "app/raw_options.h"
#include "app/settings.h"

namespace smartcodec {

/// How the recording is to be cut into files, and what becomes of them; empty: it is not. `raw.output` is given. Throws
/// UsageError.
[[nodiscard]] std::optional<SegmentSettings> readSegments(const RawOptions& raw);

}  // namespace smartcodec
