#include "app/values.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "encoder/encoder.h"

namespace smartcodec {

namespace {

constexpr DecimalRange kFrameRateRange{0.1, 240, ""};

[[noreturn]] void refuse(const GivenOption& option, const std::string& allowed) {
    throw UsageError(fmt::format("{} {}: give {}", option.name, option.value.empty() ? "''" : option.value, allowed));
}

template <typename Number>
std::optional<Number> readNumber(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::optional<double> readFinite(std::string_view text) {
    const auto number = readNumber<double>(text);
    return number && std::isfinite(*number) ? number : std::nullopt;
}

struct Unit {
    std::string_view name;
    double factor;
};

/// A number with one of the units behind it, times its factor; at most what a double has exactly.
std::optional<double> readWithUnit(std::string_view text, std::initializer_list<Unit> units, double most) {
    const std::size_t letters = text.find_last_of("0123456789.") + 1;
    for (const Unit& unit : units) {
        if (letters == 0 || text.substr(letters) != unit.name)
            continue;
        const auto number = readFinite(text.substr(0, letters));
        if (number && *number >= 0 && *number * unit.factor <= most)
            return *number * unit.factor;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> readTimeSpan(std::string_view text) {
    constexpr double kMostSeconds = 4e9;  // 128 years
    const auto seconds = readWithUnit(text, {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}, kMostSeconds);
    return seconds ? std::optional(std::chrono::nanoseconds(std::llround(*seconds * 1e9))) : std::nullopt;
}

std::optional<std::uint64_t> readByteCount(std::string_view text) {
    constexpr double kMostBytes = 9e15;
    constexpr double kKibi = 1024;
    const auto bytes = readWithUnit(text,
                                    {{"kB", 1e3},
                                     {"KB", 1e3},
                                     {"MB", 1e6},
                                     {"GB", 1e9},
                                     {"TB", 1e12},
                                     {"KiB", kKibi},
                                     {"MiB", kKibi * kKibi},
                                     {"GiB", kKibi * kKibi * kKibi},
                                     {"TiB", kKibi * kKibi * kKibi * kKibi}},
                                    kMostBytes);
    return bytes ? std::optional(static_cast<std::uint64_t>(std::llround(*bytes))) : std::nullopt;
}

long long parseWhole(const GivenOption& option, WholeRange range) {
    const auto number = readNumber<long long>(option.value);
    if (!number || *number < range.least || *number > range.most)
        refuse(option, fmt::format("a whole number from {} to {}", range.least, range.most));
    return *number;
}

double parseDecimal(const GivenOption& option, const DecimalRange& range) {
    const auto number = readFinite(option.value);
    if (!number || *number < range.least || *number > range.most) {
        refuse(option,
               fmt::format("{} from {} to {}", range.unit.empty() ? "a number" : range.unit, range.least, range.most));
    }
    return *number;
}

std::chrono::nanoseconds parseSeconds(const GivenOption& option, const DecimalRange& range) {
    return std::chrono::nanoseconds(std::llround(parseDecimal(option, range) * 1e9));
}

Bitrate parseBitrate(const GivenOption& option) {
    std::string_view text = option.value;
    double factor = 1;
    if (!text.empty() && (text.back() == 'k' || text.back() == 'K'))
        factor = 1e3;
    else if (!text.empty() && text.back() == 'M')
        factor = 1e6;
    if (factor > 1)
        text.remove_suffix(1);
    const auto number = readFinite(text);
    const double bitsPerSecond = number.value_or(0) * factor;
    if (bitsPerSecond < static_cast<double>(kMinBitrate.bitsPerSecond) ||
        bitsPerSecond > static_cast<double>(kMaxBitrate.bitsPerSecond)) {
        refuse(option, fmt::format("bits per second from {}k to {}M, such as 800k or 6M",
                                   kMinBitrate.bitsPerSecond / 1000, kMaxBitrate.bitsPerSecond / 1'000'000));
    }
    return {std::llround(bitsPerSecond)};
}

FrameRate parseFrameRate(const GivenOption& option) {
    const std::string_view text = option.value;
    const auto slash = text.find('/');
    FrameRate rate{0, 1};
    if (slash != std::string_view::npos) {
        rate = {readNumber<int>(text.substr(0, slash)).value_or(0),
                readNumber<int>(text.substr(slash + 1)).value_or(0)};
    } else if (const auto number = readFinite(text); number && *number <= kFrameRateRange.most && *number > 0) {
        // 29.97 means 30000/1001, and so for the other rates of that family; anything else is thousandths.
        const double ntsc = std::round(*number * 1.001);
        if (std::abs(*number - ntsc / 1.001) < 0.005 && std::abs(*number - std::round(*number)) > 0.001)
            rate = {static_cast<int>(ntsc) * 1000, 1001};
        else
            rate = {static_cast<int>(std::lround(*number * 1000)), 1000};
    }
    if (!rate.known() || rate.value() < kFrameRateRange.least || rate.value() > kFrameRateRange.most)
        refuse(option, fmt::format("frames per second from {} to {}, such as 25, 29.97 or 30000/1001",
                                   kFrameRateRange.least, kFrameRateRange.most));
    const int divisor = std::gcd(rate.numerator, rate.denominator);
    return {rate.numerator / divisor, rate.denominator / divisor};
}

SmartFunctions parseSmart(const std::string& option, const std::vector<std::string>& names) {
    if (names == std::vector<std::string>{"all"})
        return {};
    if (names == std::vector<std::string>{"off"})
        return SmartFunctions::none();
    SmartFunctions smart = SmartFunctions::none();
    for (const std::string& name : names) {
        if (name == "framerate")
            smart.frameRate = true;
        else if (name == "gop")
            smart.gop = true;
        else if (name == "bitrate")
            smart.bitrate = true;
        else if (name == "roi")
            smart.roi = true;
        else if (name == "stabilize")
            smart.stabilize = true;
        else
            refuse({option, name}, "all, off, or a list of framerate,gop,bitrate,roi,stabilize");
    }
    return smart;
}

std::size_t parseChoice(const GivenOption& option, const std::vector<std::string>& choices) {
    const auto found = std::find(choices.begin(), choices.end(), option.value);
    if (found == choices.end()) {
        if (choices.size() == 1)
            refuse(option, choices.front());
        refuse(option, fmt::format("{} or {}", fmt::join(choices.begin(), choices.end() - 1, ", "), choices.back()));
    }
    return static_cast<std::size_t>(found - choices.begin());
}

}  // namespace smartcodec
