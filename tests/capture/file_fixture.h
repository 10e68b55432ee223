#pragma once

#include <string>

#include "tests/capture/recording_sink.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {

/// A video made under the name `file`, then read; gone afterwards.
[[nodiscard]] SeenFile seen(VideoRecipe recipe, const std::string& file, FileSourceConfig config = {});

/// Every frame has the grey of its number, and no number is missing.
void checkGreys(const SeenFile& file, double tolerance = 2);

}  // namespace smartcodec::test
