#include "app/segment_options.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "app/segment_hook.h"
#include "app/segment_record.h"
#include "mux/segment_folder.h"
#include "mux/segment_name.h"

namespace smartcodec {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kShortest = std::chrono::seconds(1);
constexpr nanoseconds kDay = std::chrono::hours(24);
constexpr nanoseconds kLongest = 31 * kDay;
constexpr std::uint64_t kSmallest = 100'000;

struct RollRange {
    nanoseconds least;
    nanoseconds most;
    const char* text;
};
constexpr RollRange kPreRolls{nanoseconds(0), std::chrono::minutes(5), "0s to 5min"};
constexpr RollRange kPostRolls{std::chrono::seconds(1), std::chrono::hours(1), "1s to 1h"};
/// Nobody wants a key frame in every picture, however short the pre-roll.
constexpr nanoseconds kShortestGop = std::chrono::seconds(1);

[[noreturn]] void refuse(const GivenOption& option, const std::string& what) {
    throw UsageError(fmt::format("{} {}: {}", option.name, option.value.empty() ? "''" : option.value, what));
}

/// What "10min", "100MB" or both limit; either at most once.
struct Limits {
    std::optional<nanoseconds> time;
    std::optional<std::uint64_t> bytes;
};

Limits readLimits(const RawOptions& raw, const char* name, const std::vector<std::string>& values,
                  const char* allowed) {
    Limits limits;
    for (const std::string& value : values) {
        const GivenOption given = raw.given(name, value);
        const auto time = readTimeSpan(value);
        const auto bytes = readByteCount(value);
        if ((!time && !bytes) || (time && *time < kShortest) || (bytes && *bytes < kSmallest))
            refuse(given, fmt::format("give {}", allowed));
        if ((time && limits.time) || (bytes && limits.bytes))
            refuse(given, fmt::format("there is another {} already: give one", time ? "time" : "size"));
        if (time)
            limits.time = time;
        else
            limits.bytes = bytes;
    }
    return limits;
}

void refuseWithoutSegments(const RawOptions& raw) {
    const auto refuseIf = [&raw](bool given, const char* name) {
        if (given)
            throw UsageError(fmt::format("{}: only with --segment or --events", raw.label(name)));
    };
    if (raw.segmentAlign)
        throw UsageError(fmt::format("{}: only with --segment", raw.label("--segment-align")));
    refuseIf(!raw.keep.empty(), "--keep");
    refuseIf(raw.keepFree.has_value(), "--keep-free");
    refuseIf(raw.onSegment.has_value(), "--on-segment");
    if (raw.onFull && parseChoice(raw.given("--on-full", *raw.onFull), {"stop", "rotate"}) == 1)
        throw UsageError(
            fmt::format("{} rotate: only with --segment or --events: a single file has no old ones to make room",
                        raw.label("--on-full")));
}

void checkAlignment(const RawOptions& raw, const SegmentSettings& settings) {
    if (!settings.aligned)
        return;
    if (!settings.length)
        throw UsageError(
            fmt::format("{}: only with a length: give --segment 10min, say", raw.label("--segment-align")));
    if (*settings.length > kDay || kDay % *settings.length != nanoseconds(0))
        throw UsageError(
            fmt::format("{}: days are not made of pieces of {}: give a length such as 10min, 15min, 1h, 1d",
                        raw.label("--segment-align"), fmt::join(raw.segment, ",")));
}

std::vector<std::string> readCommand(const RawOptions& raw) {
    const GivenOption given = raw.given("--on-segment", *raw.onSegment);
    try {
        std::vector<std::string> words = commandWords(given.value);
        checkCommand(words);
        return words;
    } catch (const std::runtime_error& error) {
        refuse(given, error.what());
    }
}

void checkName(const RawOptions& raw) {
    try {
        const SegmentName name(*raw.output);
        const std::string example = name.name({}, 1);
        if (!SegmentFolder::isInside(example))
            throw std::runtime_error("'" + example + "' is no name of a file in '" + name.folder() + "'");
        (void)toLine({.file = example});
    } catch (const std::runtime_error& error) {
        throw UsageError(fmt::format("{} {}", raw.label("--output"), error.what()));
    }
}

nanoseconds readRoll(const GivenOption& given, const RollRange& range) {
    const auto roll = readTimeSpan(given.value);
    if (!roll || *roll < range.least || *roll > range.most)
        refuse(given, fmt::format("give a time such as 5s, from {}", range.text));
    return *roll;
}

}  // namespace

std::optional<SegmentSettings> readSegments(const RawOptions& raw) {
    if (raw.segment.empty() && !raw.events) {
        refuseWithoutSegments(raw);
        return std::nullopt;
    }
    SegmentSettings settings;
    const Limits limits = readLimits(raw, "--segment", raw.segment,
                                     "a length such as 30s, 10min, 1h, at most 31d, or a size such as 100MB");
    if (limits.time && *limits.time > kLongest)
        refuse(raw.given("--segment", raw.segment.front()), "give a length of at most 31d");
    settings.length = limits.time;
    settings.bytes = limits.bytes;
    settings.aligned = raw.segmentAlign;
    checkAlignment(raw, settings);
    checkName(raw);
    const Limits keep = readLimits(raw, "--keep", raw.keep, "an age such as 12h or 7d, or a size such as 20GB");
    settings.keep.age = keep.time;
    settings.keep.bytes = keep.bytes;
    if (raw.keepFree) {
        settings.keep.freeBytes = readByteCount(*raw.keepFree);
        if (!settings.keep.freeBytes)
            refuse(raw.given("--keep-free", *raw.keepFree), "give a size such as 1GB");
    }
    if (raw.onFull)
        settings.rotateWhenFull = parseChoice(raw.given("--on-full", *raw.onFull), {"stop", "rotate"}) == 1;
    if (raw.onSegment)
        settings.command = readCommand(raw);
    return settings;
}

std::optional<EventSettings> readEvents(const RawOptions& raw) {
    if (!raw.events) {
        for (const auto& [value, name] : {std::pair(&raw.preRoll, "--pre-roll"), {&raw.postRoll, "--post-roll"}}) {
            if (*value)
                throw UsageError(fmt::format("{} {}: only with --events", raw.label(name), **value));
        }
        return std::nullopt;
    }
    EventSettings settings;
    if (raw.preRoll)
        settings.preRoll = readRoll(raw.given("--pre-roll", *raw.preRoll), kPreRolls);
    if (raw.postRoll)
        settings.postRoll = readRoll(raw.given("--post-roll", *raw.postRoll), kPostRolls);
    return settings;
}

nanoseconds longestGop(nanoseconds maxGop, const EventSettings& events) {
    return std::min(maxGop, std::max(events.preRoll, kShortestGop));
}

}  // namespace smartcodec
