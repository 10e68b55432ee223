#include "bench/segments_benchmark.h"

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "app/pipeline.h"
#include "bench/scratch_folder.h"

namespace smartcodec::bench {
namespace {

using namespace std::chrono_literals;

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double processorSeconds() {
    double sum = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        getrusage(who, &usage);
        sum += seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }
    return sum;
}

Settings plainSettings(const SegmentsBenchmarkOptions& options, const std::string& folder) {
    Settings settings;
    std::visit([&settings](const auto& source) { settings.source = source; }, options.source);
    settings.duration = options.duration;
    settings.encoder.kind = EncoderChoice::Kind::Software;
    settings.output = folder + "/plain.mp4";
    settings.syncInterval = 1h;
    return settings;
}

Settings segmentedSettings(const SegmentsBenchmarkOptions& options, const std::string& folder) {
    Settings settings = plainSettings(options, folder);
    settings.output = folder + "/%Y-%m-%d/%H-%M-%S-%04i.mp4";
    settings.syncInterval = 1s;
    settings.segments = SegmentSettings{.length = options.segment,
                                        .keep = {.age = 24h, .bytes = 20'000'000'000, .freeBytes = 1'000'000},
                                        .rotateWhenFull = true,
                                        .command = {"/bin/true"}};
    return settings;
}

RecordingCost costOf(const Settings& settings) {
    const double processorBefore = processorSeconds();
    const auto begun = std::chrono::steady_clock::now();
    const RecordingSummary summary = record(settings);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begun;
    if (summary.exitStatus() != 0)
        throw std::runtime_error("recording " + summary.source + ": " + summary.failure);
    return {.wall = wall.count(), .processor = processorSeconds() - processorBefore};
}

RecordingCost plainRun(const SegmentsBenchmarkOptions& options) {
    const ScratchFolder folder;
    return costOf(plainSettings(options, folder.path()));
}

RecordingCost segmentedRun(const SegmentsBenchmarkOptions& options) {
    const ScratchFolder folder;
    return costOf(segmentedSettings(options, folder.path()));
}

double median(const std::vector<RecordingCost>& costs, double RecordingCost::*figure) {
    std::vector<double> values;
    for (const RecordingCost& cost : costs)
        values.push_back(cost.*figure);
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values.at(middle) : (values.at(middle - 1) + values.at(middle)) / 2;
}

RecordingCost medianOf(const std::vector<RecordingCost>& costs) {
    return {.wall = median(costs, &RecordingCost::wall), .processor = median(costs, &RecordingCost::processor)};
}

nlohmann::ordered_json json(const RecordingCost& cost) {
    return {{"wall", cost.wall}, {"processor", cost.processor}};
}

std::string nameOf(const SegmentsBenchmarkOptions& options) {
    if (const auto* file = std::get_if<FileSourceConfig>(&options.source))
        return file->path;
    return "scene " + std::get<SceneConfig>(options.source).script;
}

}  // namespace

RecordingCost SegmentsBenchmark::plainMedian() const {
    return medianOf(plain);
}

RecordingCost SegmentsBenchmark::segmentedMedian() const {
    return medianOf(segmented);
}

RecordingCost SegmentsBenchmark::surplusPercent() const {
    const RecordingCost without = plainMedian();
    const RecordingCost with = segmentedMedian();
    return {.wall = (with.wall / without.wall - 1) * 100, .processor = (with.processor / without.processor - 1) * 100};
}

SegmentsBenchmark benchmarkSegments(const SegmentsBenchmarkOptions& options) {
    SegmentsBenchmark result{.source = nameOf(options), .plain = {}, .segmented = {}};
    (void)plainRun(options);  // the file is in memory now, and the processor at its pace
    (void)segmentedRun(options);
    for (int i = 0; i < options.runs; ++i) {
        // what comes second has no advantage
        if (i % 2 == 0)
            result.plain.push_back(plainRun(options));
        result.segmented.push_back(segmentedRun(options));
        if (i % 2 == 1)
            result.plain.push_back(plainRun(options));
    }
    return result;
}

std::string toText(const SegmentsBenchmark& result) {
    std::string text = fmt::format("{}: seconds of wall clock and of processor time\n", result.source);
    text += fmt::format("{:<10} {:>10} {:>10} {:>10} {:>10}\n", "run", "plain", "segments", "plain", "segments");
    const auto row = [&text](const std::string& name, const RecordingCost& plain, const RecordingCost& segmented) {
        text += fmt::format("{:<10} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f}\n", name, plain.wall, segmented.wall,
                            plain.processor, segmented.processor);
    };
    for (std::size_t i = 0; i < result.plain.size(); ++i)
        row(std::to_string(i + 1), result.plain[i], result.segmented.at(i));
    row("median", result.plainMedian(), result.segmentedMedian());
    const RecordingCost surplus = result.surplusPercent();
    text += fmt::format("segments take {:+.2f} % wall clock and {:+.2f} % processor time\n", surplus.wall,
                        surplus.processor);
    return text;
}

std::string toJson(const SegmentsBenchmark& result) {
    nlohmann::ordered_json object{{"source", result.source}};
    for (const RecordingCost& cost : result.plain)
        object["plain_s"].push_back(json(cost));
    for (const RecordingCost& cost : result.segmented)
        object["segments_s"].push_back(json(cost));
    object["plain_median_s"] = json(result.plainMedian());
    object["segments_median_s"] = json(result.segmentedMedian());
    object["surplus_percent"] = json(result.surplusPercent());
    return object.dump(2) + "\n";
}

}  // namespace smartcodec::bench
