#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/bitrate.h"
#include "app/settings.h"
#include "capture/picture.h"

namespace smartcodec {

/// The user asked for something that cannot be: one line that names the option, the value and what is allowed.
class UsageError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An option as the user gave it, on the command line or in the configuration file.
struct GivenOption {
    std::string name;   ///< for messages: "--quality", "settings.toml: quality"
    std::string value;  ///< "99"
};

struct WholeRange {
    long long least;
    long long most;
};

struct DecimalRange {
    double least;
    double most;
    std::string_view unit;  ///< for the message: "seconds"
};

// Each reads the whole value or throws UsageError.

[[nodiscard]] long long parseWhole(const GivenOption& option, WholeRange range);
[[nodiscard]] double parseDecimal(const GivenOption& option, const DecimalRange& range);
[[nodiscard]] std::chrono::nanoseconds parseSeconds(const GivenOption& option, const DecimalRange& range);
/// With its unit: 30s, 10min, 1h, 7d. Empty if the text is none; from zero to a century.
[[nodiscard]] std::optional<std::chrono::nanoseconds> readTimeSpan(std::string_view text);
/// Bytes, with a decimal unit behind: 500kB, 100MB, 20GB, 1TB, or a binary one: MiB. Empty if the text is none.
[[nodiscard]] std::optional<std::uint64_t> readByteCount(std::string_view text);

/// Bits per second, with a decimal k or M behind: 800k, 6M, 2.5M.
[[nodiscard]] Bitrate parseBitrate(const GivenOption& option);
/// 25, 29.97 or 30000/1001.
[[nodiscard]] FrameRate parseFrameRate(const GivenOption& option);
/// all, off, or names of functions. `option` is what messages call it.
[[nodiscard]] SmartFunctions parseSmart(const std::string& option, const std::vector<std::string>& names);
/// The position of the value among `choices`.
[[nodiscard]] std::size_t parseChoice(const GivenOption& option, const std::vector<std::string>& choices);

}  // namespace smartcodec
