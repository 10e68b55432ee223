#include "app/segment_record.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>

#include "mux/segment_folder.h"

namespace smartcodec {

namespace {

using Json = nlohmann::ordered_json;
using State = SegmentRecord::State;

constexpr const char* kStates[] = {"recording", "finished", "cut off", "removed"};
/// What clocks may say, such that times can be added and subtracted: more is no recorder's.
constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24) * 365 * 70;
constexpr int kLastYear = 2100;

template <typename Time>
Json nanosecondsOf(const std::optional<Time>& time) {
    return time ? Json(time->time_since_epoch().count()) : Json(nullptr);
}

/// Empty for null and for what is missing; throws for what is no number.
template <typename Number>
std::optional<Number> number(const Json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || found->is_null())
        return std::nullopt;
    const bool fits = std::is_floating_point_v<Number> ? found->is_number()
                      : std::is_signed_v<Number>       ? found->is_number_integer()
                                                       : found->is_number_unsigned();
    if (!fits)
        throw std::runtime_error(key);
    return found->get<Number>();
}

std::optional<CaptureTime> captureTime(const Json& line, const char* key) {
    const auto count = number<std::int64_t>(line, key);
    if (!count)
        return std::nullopt;
    const std::chrono::nanoseconds time(*count);
    if (time > kLongest || time < -kLongest)
        throw std::runtime_error(key);
    return CaptureTime(time);
}

SegmentRecord read(const Json& line) {
    SegmentRecord record;
    record.file = line.at("file").get<std::string>();
    record.number = number<std::uint64_t>(line, "number").value_or(0);
    const auto state = std::ranges::find(kStates, line.at("state").get<std::string>());
    const auto start = fromText(line.at("start").get<std::string>());
    if (state == std::end(kStates) || !start)
        throw std::runtime_error("unknown");
    record.state = static_cast<State>(state - std::begin(kStates));
    record.start = *start;
    if (line.contains("end") && line["end"].is_string())
        record.end = fromText(line["end"].get<std::string>());
    record.sensorStart = captureTime(line, "sensor_start_ns");
    record.sensorEnd = captureTime(line, "sensor_end_ns");
    record.bytes = number<std::uint64_t>(line, "bytes").value_or(0);
    record.frames = number<std::uint64_t>(line, "frames");
    if (const auto given = number<double>(line, "motion_s")) {
        const std::chrono::duration<double> motion(*given);
        if (motion.count() < 0 || motion > kLongest)
            throw std::runtime_error("motion_s");
        record.motion = std::chrono::round<std::chrono::nanoseconds>(motion);
    }
    record.boot = line.value("boot", std::string());
    record.bootEnd = captureTime(line, "boot_end_ns");
    record.event = number<std::uint64_t>(line, "event");
    record.reason = line.value("reason", std::string());
    return record;
}

}  // namespace

std::string toLine(const SegmentRecord& record) {
    Json line;
    line["file"] = record.file;
    line["number"] = record.number;
    line["state"] = kStates[static_cast<std::size_t>(record.state)];
    line["start"] = toText(record.start);
    line["end"] = record.end ? Json(toText(*record.end)) : Json(nullptr);
    line["sensor_start_ns"] = nanosecondsOf(record.sensorStart);
    line["sensor_end_ns"] = nanosecondsOf(record.sensorEnd);
    line["bytes"] = record.bytes;
    line["frames"] = record.frames ? Json(*record.frames) : Json(nullptr);
    line["motion_s"] = record.motion ? Json(std::chrono::duration<double>(*record.motion).count()) : Json(nullptr);
    if (record.event) {
        line["event"] = *record.event;
        line["reason"] = record.reason;
    }
    line["boot"] = record.boot;
    line["boot_end_ns"] = nanosecondsOf(record.bootEnd);
    try {
        return line.dump() + "\n";
    } catch (const Json::type_error&) {
        throw std::runtime_error("'" + record.file + "': a segment's name must be UTF-8");
    }
}

std::optional<SegmentRecord> fromLine(const std::string& line) {
    try {
        SegmentRecord record = read(Json::parse(line));
        return SegmentFolder::isInside(record.file) ? std::optional(std::move(record)) : std::nullopt;
    } catch (const std::exception&) {  // of the parser, of what is missing, of what has another type
        return std::nullopt;
    }
}

std::string toText(WallTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
    std::tm local{};
    localtime_r(&seconds, &local);
    const long offset = local.tm_gmtoff / 60;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}{:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1,
                       local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                       std::chrono::duration_cast<std::chrono::microseconds>(time - whole).count(),
                       offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

std::optional<WallTime> fromText(const std::string& text) {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int microseconds = 0;
    char sign = 0;
    int offsetHours = 0;
    int offsetMinutes = 0;
    int read = 0;
    if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6d%c%2d:%2d%n", &year, &month, &day, &hour, &minute,
                    &second, &microseconds, &sign, &offsetHours, &offsetMinutes, &read) != 10 ||
        static_cast<std::size_t>(read) != text.size() || (sign != '+' && sign != '-'))
        return std::nullopt;
    // the epoch is in 1969 where clocks are behind UTC
    const bool plausible = year >= 1969 && year <= kLastYear && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
                           hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60 &&
                           microseconds >= 0 && offsetHours >= 0 && offsetMinutes >= 0;
    if (!plausible)
        return std::nullopt;
    std::tm utc{};
    utc.tm_year = year - 1900;
    utc.tm_mon = month - 1;
    utc.tm_mday = day;
    utc.tm_hour = hour;
    utc.tm_min = minute;
    utc.tm_sec = second;
    const std::chrono::minutes offset((sign == '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes));
    return std::chrono::system_clock::from_time_t(timegm(&utc)) - offset + std::chrono::microseconds(microseconds);
}

}  // namespace smartcodec
