#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "capture/file_source.h"
#include "capture/scene_source.h"

namespace smartcodec::bench {

struct SegmentsBenchmarkOptions {
    std::variant<FileSourceConfig, SceneConfig> source;
    std::optional<std::chrono::nanoseconds> duration;  ///< of source time; empty: all of it
    int runs = 5;
    std::chrono::nanoseconds segment = std::chrono::seconds(10);  ///< length of each
};

/// What one recording took, seconds.
struct RecordingCost {
    double wall = 0;
    double processor = 0;  ///< user and system time of this process and of those that the hook ran
};

struct SegmentsBenchmark {
    std::string source;
    std::vector<RecordingCost> plain;      ///< into one MP4 that is never synced
    std::vector<RecordingCost> segmented;  ///< in segments, with retention, a hook, and syncs every second

    /// Medians, and how much more the segments took, in percent.
    [[nodiscard]] RecordingCost plainMedian() const;
    [[nodiscard]] RecordingCost segmentedMedian() const;
    [[nodiscard]] RecordingCost surplusPercent() const;
};

/// Records the same source both ways in turn, as fast as it goes, with the default settings and the software encoder;
/// one run of each before those that count. Files are written to a scratch folder (TMPDIR). Throws std::runtime_error
/// if a recording fails.
[[nodiscard]] SegmentsBenchmark benchmarkSegments(const SegmentsBenchmarkOptions& options);

[[nodiscard]] std::string toText(const SegmentsBenchmark& result);
[[nodiscard]] std::string toJson(const SegmentsBenchmark& result);

}  // namespace smartcodec::bench
