#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace smartcodec {

/// Wall clock, UTC; for names and indexes only, since it may jump.
using WallTime = std::chrono::system_clock::time_point;

/// Names the segments of a recording by a pattern: what strftime makes of the local time, `%i` for the segment's number
/// (`%04i` with at least so many digits), `%%` for a percent sign. A pattern with none of them gets `-%04i` in front of
/// its extension. Conversions may stand in names of folders too. Immutable.
class SegmentName {
  public:
    /// Throws std::runtime_error that names the conversion that has no place in a name.
    explicit SegmentName(const std::string& pattern);

    /// The folder that all segments lie in, at whatever depth: the pattern's part before the first name with a
    /// conversion; "." where there is none.
    [[nodiscard]] const std::string& folder() const { return folder_; }

    /// Inside that folder, for a segment that begins at `start`.
    [[nodiscard]] std::string name(WallTime start, std::uint64_t number) const;

    /// Whether another number makes another name.
    [[nodiscard]] bool hasNumber() const { return hasNumber_; }

  private:
    std::string folder_;
    std::string pattern_;  // of the rest
    bool hasNumber_ = false;
};

}  // namespace smartcodec
