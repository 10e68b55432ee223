#include "bench/table.h"

#include <cassert>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "app/pipeline.h"
#include "bench/comparison.h"
#include "bench/reference.h"

namespace smartcodec::bench {
namespace {

SmartFunctions functionsOf(const std::string& run) {
    if (run == "all")
        return {};
    SmartFunctions functions = SmartFunctions::none();
    if (run == "framerate")
        functions.frameRate = true;
    else if (run == "gop")
        functions.gop = true;
    else if (run == "bitrate")
        functions.bitrate = true;
    else if (run == "roi")
        functions.roi = true;
    else if (run == "stabilize")
        functions.stabilize = true;
    else
        assert(run == "off");
    return functions;
}

std::unique_ptr<Reference> openReference(const TableInput& input) {
    if (const auto* scene = std::get_if<SceneConfig>(&input.source))
        return sceneReference(*scene);
    return fileReference(std::get<FileSourceConfig>(input.source), input.duration);
}

RecordingSummary recordOne(const TableInput& input, const TableOptions& options, const std::string& run,
                           const std::string& path) {
    Settings settings;
    std::visit([&](const auto& source) { settings.source = source; }, input.source);
    settings.output = path;
    settings.overwrite = true;
    settings.quality = options.quality;
    settings.smart = functionsOf(run);
    settings.duration = input.duration;
    RecordingSummary summary = record(settings);
    if (!summary.failure.empty())
        throw std::runtime_error("recording " + input.name + " with --smart " + run + ": " + summary.failure);
    return summary;
}

}  // namespace

const std::vector<std::string> kTableRuns = {"off", "all", "framerate", "gop", "bitrate", "roi", "stabilize"};

TableResult makeTable(const TableInput& input, const TableOptions& options) {
    TableResult result;
    result.input = input.name;
    result.reference =
        std::holds_alternative<SceneConfig>(input.source) ? "the scene without its noise" : "the source itself";
    std::vector<std::string> paths;
    for (const std::string& run : options.runs) {
        paths.push_back((std::filesystem::path(options.folder) / (run + ".mp4")).string());
        TableRun entry;
        entry.name = run;
        entry.summary = recordOne(input, options, run, paths.back());
        result.runs.push_back(std::move(entry));
    }
    const std::unique_ptr<Reference> reference = openReference(input);
    const std::vector<Quality> qualities = compareRecordings(*reference, paths, options.ssimEvery);
    for (std::size_t i = 0; i < qualities.size(); ++i)
        result.runs[i].quality = qualities[i];
    result.size = result.runs.front().summary.size;
    result.duration = result.runs.front().summary.duration;
    return result;
}

}  // namespace smartcodec::bench
