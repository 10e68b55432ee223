#include "app/summary.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace smartcodec {

namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

template <typename Reason>
std::string listed(const std::map<Reason, std::uint64_t>& counts) {
    std::string text;
    for (const auto& [reason, count] : counts)
        text += fmt::format("{}{} {}", text.empty() ? " (" : ", ", name(reason), count);
    return text.empty() ? text : text + ")";
}

template <typename Reason>
std::uint64_t total(const std::map<Reason, std::uint64_t>& counts) {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : counts)
        sum += count;
    return sum;
}

template <typename Reason>
Json keyed(const std::map<Reason, std::uint64_t>& counts) {
    Json object = Json::object();
    for (const auto& [reason, count] : counts) {
        std::string key = name(reason);
        std::replace(key.begin(), key.end(), ' ', '_');
        object[key] = count;
    }
    return object;
}

std::string bitrateText(Bitrate rate) {
    const auto bits = static_cast<double>(rate.bitsPerSecond);
    return bits < 1e6 ? fmt::format("{:.0f} kbit/s", bits / 1e3) : fmt::format("{:.2f} Mbit/s", bits / 1e6);
}

std::string stageText(const RecordingSummary& summary) {
    std::string text;
    const std::pair<const char*, const StageTime&> stages[] = {{"capture", summary.capture},
                                                               {"analysis", summary.analysis},
                                                               {"stabiliser", summary.stabilising},
                                                               {"encoder", summary.encoding},
                                                               {"writer", summary.writing}};
    for (const auto& [stage, time] : stages)
        text += fmt::format("{}{} {:.2f}", text.empty() ? "" : ", ", stage, time.millisecondsEach());
    return text;
}

/// Nothing of a single file: it is named above.
std::string filesText(const RecordingSummary& summary) {
    std::string text;
    for (const WrittenFile& file : summary.files)
        text += fmt::format("  {:<15}{} (from {:.2f} s on, {} frames, {:.0f} KB)\n", text.empty() ? "files" : "",
                            file.path, seconds(file.start), file.pictures, static_cast<double>(file.bytes) / 1000);
    return summary.files.size() > 1 ? text : std::string();
}

std::string lossText(const RecordingSummary& summary) {
    if (summary.framesLostToDisk > 0)
        return fmt::format("{} of them to the disk", summary.framesLostToDisk);
    return summary.failure.empty() ? "by the encoder" : "to the failure";
}

std::string outagesText(const RecordingSummary& summary) {
    return summary.diskOutages == 0
               ? std::string()
               : fmt::format("; it failed {} time{}", summary.diskOutages, summary.diskOutages == 1 ? "" : "s");
}

Json filesJson(const RecordingSummary& summary) {
    Json list = Json::array();
    for (const WrittenFile& file : summary.files)
        list.push_back(
            {{"path", file.path}, {"start_s", seconds(file.start)}, {"frames", file.pictures}, {"bytes", file.bytes}});
    return list;
}

Json stageJson(const StageTime& time) {
    return {{"total_s", seconds(time.total)}, {"count", time.count}, {"mean_ms", time.millisecondsEach()}};
}

}  // namespace

Bitrate RecordingSummary::videoBitrate() const {
    const double length = seconds(duration - timeLost);
    return {length > 0 ? static_cast<std::int64_t>(static_cast<double>(videoBytes) * 8 / length) : 0};
}

std::optional<double> RecordingSummary::savedShare() const {
    const double compared = static_cast<double>(comparedRate.bitsPerSecond) * seconds(duration - timeLost) / 8;
    if (compared <= 0)
        return std::nullopt;
    return 1 - static_cast<double>(videoBytes) / compared;
}

int RecordingSummary::exitStatus() const {
    if (!isRecording())
        return 2;
    return failure.empty() ? 0 : 1;
}

std::string toText(const RecordingSummary& summary) {
    std::string text = fmt::format("{} -> {}: {}x{}, {:.2f} s, {}\n", summary.source, summary.output,
                                   summary.size.width, summary.size.height, seconds(summary.duration), summary.encoder);
    text += fmt::format("  frames in      {}\n", summary.framesIn);
    text += fmt::format("  recorded       {}{}\n", summary.framesRecorded, listed(summary.recordedByReason));
    text += fmt::format("  dropped        {}{}\n", total(summary.droppedByReason), listed(summary.droppedByReason));
    if (const std::uint64_t tooFast = summary.framesDroppedAtSource - summary.framesFailed; tooFast > 0)
        text += fmt::format("  too fast       {} (dropped at the source)\n", tooFast);
    if (summary.framesFailed > 0)
        text += fmt::format("  failed         {} (the camera could not take them, or they came damaged)\n",
                            summary.framesFailed);
    if (summary.framesUnstabilised > 0)
        text += fmt::format("  overload       {} frames left with their noise, {} of them not looked at\n",
                            summary.framesUnstabilised, summary.framesUnseen);
    if (summary.framesLost > 0)
        text += fmt::format("  lost           {} ({})\n", summary.framesLost, lossText(summary));
    if (summary.framesDiskBusy > 0)
        text += fmt::format("  disk busy      {} (left out while the disk was too slow for them, or away)\n",
                            summary.framesDiskBusy);
    if (summary.framesLostToDisk + summary.framesDiskBusy > 0)
        text += fmt::format("  disk           lacks {:.1f} s{}\n", seconds(summary.timeLost), outagesText(summary));
    if (summary.events)
        text += fmt::format("  events         {}, {:.2f} s together; {} frames between them are left out\n",
                            summary.events->count, seconds(summary.events->time), summary.events->framesBetween);
    text += fmt::format("  key frames     {}{}\n", total(summary.keyFramesByReason), listed(summary.keyFramesByReason));
    text += fmt::format("  size           {:.0f} KB, video {}\n", static_cast<double>(summary.bytes) / 1000,
                        bitrateText(summary.videoBitrate()));
    if (const auto saved = summary.savedShare())
        text += fmt::format("  bits saved     {:.1f} % (estimate: against a fixed {}, as --smart off has)\n",
                            *saved * 100, bitrateText(summary.comparedRate));
    text += filesText(summary);
    if (summary.segments)
        text += fmt::format("  segments       {}, listed in {}{}\n", summary.segments->written, summary.segments->index,
                            summary.segments->removed == 0
                                ? std::string()
                                : fmt::format("; {} old ones removed", summary.segments->removed));
    text += fmt::format("  longest hold   {:.2f} s, longest time between key frames {:.2f} s\n",
                        seconds(summary.longestHold), seconds(summary.longestKeyGap));
    text += fmt::format("  ms per frame   {}\n", stageText(summary));
    text += fmt::format("  took           {:.2f} s, {:.0f} MB of memory at most\n", seconds(summary.wallTime),
                        static_cast<double>(summary.peakMemoryBytes) / 1e6);
    return text;
}

std::string toJson(const RecordingSummary& summary) {
    Json json;
    json["source"] = summary.source;
    json["output"] = summary.output;
    json["files"] = filesJson(summary);
    if (summary.segments)
        json["segments"] = {{"index", summary.segments->index},
                            {"written", summary.segments->written},
                            {"removed", summary.segments->removed}};
    if (summary.events)
        json["events"] = {{"count", summary.events->count},
                          {"time_s", seconds(summary.events->time)},
                          {"frames_between", summary.events->framesBetween}};
    json["encoder"] = summary.encoder;
    json["width_px"] = summary.size.width;
    json["height_px"] = summary.size.height;
    json["duration_s"] = seconds(summary.duration);
    json["frames_in"] = summary.framesIn;
    json["frames_recorded"] = summary.framesRecorded;
    json["frames_dropped"] = total(summary.droppedByReason);
    json["frames_dropped_at_source"] = summary.framesDroppedAtSource;
    json["frames_failed"] = summary.framesFailed;
    json["frames_lost"] = summary.framesLost;
    json["frames_lost_to_disk"] = summary.framesLostToDisk;
    json["frames_disk_busy"] = summary.framesDiskBusy;
    json["disk_outages"] = summary.diskOutages;
    json["lost_s"] = seconds(summary.timeLost);
    json["frames_unseen"] = summary.framesUnseen;
    json["frames_unstabilised"] = summary.framesUnstabilised;
    json["recorded_by_reason"] = keyed(summary.recordedByReason);
    json["dropped_by_reason"] = keyed(summary.droppedByReason);
    json["key_frames"] = total(summary.keyFramesByReason);
    json["key_frames_by_reason"] = keyed(summary.keyFramesByReason);
    json["file_bytes"] = summary.bytes;
    json["video_bytes"] = summary.videoBytes;
    json["video_bitrate_bps"] = summary.videoBitrate().bitsPerSecond;
    if (const auto saved = summary.savedShare()) {
        json["saved_share_estimate"] = *saved;
        json["saved_against_fixed_bitrate_bps"] = summary.comparedRate.bitsPerSecond;
    }
    json["longest_hold_s"] = seconds(summary.longestHold);
    json["longest_key_frame_gap_s"] = seconds(summary.longestKeyGap);
    json["stages"] = {{"capture", stageJson(summary.capture)},
                      {"analysis", stageJson(summary.analysis)},
                      {"stabiliser", stageJson(summary.stabilising)},
                      {"encoder", stageJson(summary.encoding)},
                      {"writer", stageJson(summary.writing)}};
    json["wall_time_s"] = seconds(summary.wallTime);
    json["peak_memory_bytes"] = summary.peakMemoryBytes;
    json["stopped"] = summary.stopped;
    json["warning"] = summary.warning.empty() ? Json(nullptr) : Json(summary.warning);
    json["failure"] = summary.failure.empty() ? Json(nullptr) : Json(summary.failure);
    // A path need not be UTF-8, JSON must be.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace smartcodec
