#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>

#include "analysis/decision.h"

namespace smartcodec {

/// The file of `--trace`: one JSON object per line and source frame, with the decision and what it was drawn from, each
/// with its unit in its name. Thread-bound.
class TraceWriter {
  public:
    /// Creates or replaces the file. Throws std::system_error.
    explicit TraceWriter(const std::string& path);

    /// `index` counts the source's frames; `time` is since the first of them.
    void write(std::uint64_t index, std::chrono::nanoseconds time, const Decision& decision);

    /// False if a line could not be written (a full disk), then or before.
    [[nodiscard]] bool finish();
    /// Closes and removes the file: the recording did not start.
    void discard() noexcept;

  private:
    std::string path_;
    std::ofstream file_;
};

}  // namespace smartcodec
