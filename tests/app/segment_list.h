#pragma once

#include <string>
#include <vector>

#include "app/segment_record.h"

namespace smartcodec::test {

/// What the index of a folder says of each file last, in the order in which they were recorded; of those that are not
/// removed. Read by itself, as any other program would. Throws std::runtime_error for a line that is none.
[[nodiscard]] std::vector<SegmentRecord> listedSegments(const std::string& folder);

/// The files of a folder, at whatever depth, but for the index; their names relative to it, sorted.
[[nodiscard]] std::vector<std::string> filesIn(const std::string& folder);

}  // namespace smartcodec::test
