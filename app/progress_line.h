#pragma once

#include <chrono>

#include "app/pipeline.h"

namespace smartcodec {

/// One line on a terminal that says how far a recording is, written again and again over itself; nothing at all where
/// standard error is no terminal that can do so.
class ProgressLine {
  public:
    static constexpr std::chrono::milliseconds kPeriod{250};

    ProgressLine();
    /// Wipes the line, so that what is printed next starts on an empty one.
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    [[nodiscard]] bool enabled() const { return enabled_; }
    void show(const Progress& progress);
    void clear();

  private:
    bool enabled_;
    bool shown_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace smartcodec
