#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "app/summary.h"
#include "bench/quality.h"

namespace smartcodec::bench {

/// What is recorded.
struct TableInput {
    std::string name;  ///< for the table
    std::variant<FileSourceConfig, SceneConfig> source;
    std::optional<std::chrono::nanoseconds> duration;  ///< of a file; the whole if not given. A scene has its own
};

/// One recording of the input and how it came out.
struct TableRun {
    std::string name;  ///< "off", "all", or the one function that is on
    RecordingSummary summary;
    Quality quality;
};

/// All recordings of one input.
struct TableResult {
    std::string input;
    std::string reference;  ///< what quality was measured against
    Size size;
    std::chrono::nanoseconds duration{0};
    std::vector<TableRun> runs;  ///< the first is "off"
};

struct TableOptions {
    std::vector<std::string> runs;  ///< of kTableRuns, "off" first
    std::string folder;             ///< where recordings go, as NAME.mp4; must exist
    int quality = 23;
    int ssimEvery = 5;  ///< pictures
};

/// off, all, and each function alone.
extern const std::vector<std::string> kTableRuns;

/// Records `input` once per run and compares. Throws std::runtime_error if a recording fails.
[[nodiscard]] TableResult makeTable(const TableInput& input, const TableOptions& options);

[[nodiscard]] std::string toText(const TableResult& result);
/// The vendor's own table: two columns, its published figures beside ours. For runs "off" and "all".
[[nodiscard]] std::string toVendorText(const TableResult& result);
/// An array with an object per input; units are in the names.
[[nodiscard]] std::string toJson(const std::vector<TableResult>& results);

}  // namespace smartcodec::bench
