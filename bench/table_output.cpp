#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bench/table.h"

namespace smartcodec::bench {
namespace {

/// Qualcomm's "Smart codec" documentation: its sample's file without and with the smart codec.
constexpr int kVendorWithoutKb = 17706;
constexpr int kVendorWithKb = 3718;

double kilobytes(const RecordingSummary& summary) {
    return static_cast<double>(summary.bytes) / 1024;
}

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

double kilobitsPerSecond(const RecordingSummary& summary) {
    const double time = seconds(summary.duration);
    return time > 0 ? static_cast<double>(summary.bytes) * 8 / 1000 / time : 0;
}

/// How many times smaller than the first run's file.
double ratio(const TableResult& result, const TableRun& run) {
    return run.summary.bytes > 0
               ? static_cast<double>(result.runs.front().summary.bytes) / static_cast<double>(run.summary.bytes)
               : 0;
}

std::string decibels(const std::optional<double>& psnr) {
    return psnr ? fmt::format("{:.2f}", *psnr) : "-";
}

std::string similarity(const std::optional<double>& ssim) {
    return ssim ? fmt::format("{:.4f}", *ssim) : "-";
}

std::string heading(const TableResult& result) {
    return fmt::format("{}, {}x{}, {:.2f} s; quality against {}\n", result.input, result.size.width, result.size.height,
                       seconds(result.duration), result.reference);
}

nlohmann::json orNull(const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json jsonOf(const TableResult& result, const TableRun& run) {
    return {{"smart", run.name},
            {"bytes", run.summary.bytes},
            {"ratio", ratio(result, run)},
            {"kbitPerSecond", kilobitsPerSecond(run.summary)},
            {"wallSeconds", seconds(run.summary.wallTime)},
            {"framesIn", run.summary.framesIn},
            {"framesRecorded", run.summary.framesRecorded},
            {"longestHoldSeconds", seconds(run.summary.longestHold)},
            {"longestKeyGapSeconds", seconds(run.summary.longestKeyGap)},
            {"movingPsnrDb", orNull(run.quality.movingPsnr)},
            {"movingSsim", orNull(run.quality.movingSsim)},
            {"restPsnrDb", orNull(run.quality.restPsnr)},
            {"restSsim", orNull(run.quality.restSsim)}};
}

}  // namespace

std::string toText(const TableResult& result) {
    std::string text = heading(result);
    text += fmt::format("{:<10} {:>10} {:>8} {:>9} {:>7} {:>8} {:>10} {:>9} {:>8} {:>9}\n", "smart", "KB", "ratio",
                        "kbit/s", "frames", "wall s", "moving dB", "SSIM", "rest dB", "SSIM");
    for (const TableRun& run : result.runs)
        text += fmt::format("{:<10} {:>10.0f} {:>7.2f}x {:>9.0f} {:>7} {:>8.2f} {:>10} {:>9} {:>8} {:>9}\n", run.name,
                            kilobytes(run.summary), ratio(result, run), kilobitsPerSecond(run.summary),
                            run.summary.framesRecorded, seconds(run.summary.wallTime), decibels(run.quality.movingPsnr),
                            similarity(run.quality.movingSsim), decibels(run.quality.restPsnr),
                            similarity(run.quality.restSsim));
    text +=
        fmt::format("{:.1f} % of all pixels move; KB of 1024 bytes\n", 100 * result.runs.front().quality.movingShare);
    return text;
}

std::string toVendorText(const TableResult& result) {
    const TableRun& off = result.runs.at(0);
    const TableRun& on = result.runs.at(1);
    const auto row = [](const std::string& name, const std::string& without, const std::string& with,
                        const std::string& last) {
        return fmt::format("{:<28} {:>14} {:>14} {:>8}\n", name, without, with, last);
    };
    const auto kb = [](double value) { return fmt::format("{:.0f} KB", value); };
    std::string text = heading(result) + "\n";
    text += row("file size", "without", "smart codec", "ratio");
    text += row("  smartcodec", kb(kilobytes(off.summary)), kb(kilobytes(on.summary)),
                fmt::format("{:.2f}x", ratio(result, on)));
    text += row("  vendor's own, published", kb(kVendorWithoutKb), kb(kVendorWithKb),
                fmt::format("{:.2f}x", static_cast<double>(kVendorWithoutKb) / kVendorWithKb));
    text += row("what moves", "", "", "");
    text += row("  PSNR, dB", decibels(off.quality.movingPsnr), decibels(on.quality.movingPsnr), "");
    text += row("  SSIM", similarity(off.quality.movingSsim), similarity(on.quality.movingSsim), "");
    text += row("the rest", "", "", "");
    text += row("  PSNR, dB", decibels(off.quality.restPsnr), decibels(on.quality.restPsnr), "");
    text += row("  SSIM", similarity(off.quality.restSsim), similarity(on.quality.restSsim), "");
    text += row("frames", std::to_string(off.summary.framesRecorded), std::to_string(on.summary.framesRecorded), "");
    text += row("seconds to record", fmt::format("{:.1f}", seconds(off.summary.wallTime)),
                fmt::format("{:.1f}", seconds(on.summary.wallTime)), "");
    return text;
}

std::string toJson(const std::vector<TableResult>& results) {
    nlohmann::json inputs = nlohmann::json::array();
    for (const TableResult& result : results) {
        nlohmann::json runs = nlohmann::json::array();
        for (const TableRun& run : result.runs)
            runs.push_back(jsonOf(result, run));
        inputs.push_back({{"input", result.input},
                          {"reference", result.reference},
                          {"width", result.size.width},
                          {"height", result.size.height},
                          {"seconds", seconds(result.duration)},
                          {"movingShare", result.runs.front().quality.movingShare},
                          {"runs", runs}});
    }
    return inputs.dump(2) + "\n";
}

}  // namespace smartcodec::bench
