#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/log.h"
#include "bench/analyzer_benchmark.h"
#include "bench/scene_benchmark.h"
#include "bench/scratch_folder.h"
#include "bench/segments_benchmark.h"
#include "bench/table.h"

using namespace smartcodec;
using namespace smartcodec::bench;

namespace {

struct Options {
    std::vector<std::string> files;
    std::string scene;
    std::string json;
    std::string demoFolder;
    std::optional<double> seconds;
    std::string size;
    int quality = 23;
    int pictures = 150;
    SceneBenchmarkOptions scenes;
    int runs = 5;
};

constexpr double kSceneSeconds = 20;

Size parseSize(const std::string& text) {
    Size size;
    char rest = 0;
    if (std::sscanf(text.c_str(), "%dx%d%c", &size.width, &size.height, &rest) != 2 || size.width < 16 ||
        size.height < 16 || size.width % 2 != 0 || size.height % 2 != 0)
        throw std::runtime_error("--size " + text + ": give even numbers as WIDTHxHEIGHT, 1920x1080 for example");
    return size;
}

std::chrono::nanoseconds nanoseconds(double seconds) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

TableInput sceneInput(const Options& options) {
    SceneConfig scene;
    if (!options.scene.empty())
        scene.script = options.scene;
    if (!options.size.empty())
        scene.size = parseSize(options.size);
    scene.duration = nanoseconds(options.seconds.value_or(kSceneSeconds));
    return {.name = "scene " + scene.script, .source = scene, .duration = {}};
}

std::vector<TableInput> inputs(const Options& options) {
    std::vector<TableInput> result;
    for (const std::string& file : options.files) {
        TableInput input{
            .name = file, .source = FileSourceConfig{.path = file, .width = {}, .height = {}}, .duration = {}};
        if (options.seconds)
            input.duration = nanoseconds(*options.seconds);
        result.push_back(input);
    }
    if (result.empty() || !options.scene.empty())
        result.push_back(sceneInput(options));
    return result;
}

void writeFile(const std::string& path, const std::string& text) {
    if (path.empty())
        return;
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write '" + path + "'; choose another file with --json");
}

void runTable(const Options& options) {
    const ScratchFolder folder;
    std::vector<TableResult> results;
    for (const TableInput& input : inputs(options)) {
        results.push_back(makeTable(input, {.runs = kTableRuns, .folder = folder.path(), .quality = options.quality}));
        std::fputs((toText(results.back()) + "\n").c_str(), stdout);
        std::fflush(stdout);
    }
    writeFile(options.json, toJson(results));
}

void runDemo(const Options& options) {
    std::filesystem::create_directories(options.demoFolder);
    const TableResult result = makeTable(
        sceneInput(options), {.runs = {"off", "all"}, .folder = options.demoFolder, .quality = options.quality});
    std::filesystem::rename(std::filesystem::path(options.demoFolder) / "all.mp4",
                            std::filesystem::path(options.demoFolder) / "on.mp4");
    std::fputs(toVendorText(result).c_str(), stdout);
    writeFile(options.json, toJson({result}));
}

void runAnalyzer(const Options& options) {
    std::vector<Size> sizes{{1280, 720}, {1920, 1080}, {3840, 2160}};
    if (!options.size.empty())
        sizes = {parseSize(options.size)};
    const std::vector<AnalyzerBenchmark> results = benchmarkAnalyzer(sizes, options.pictures);
    std::fputs(toText(results).c_str(), stdout);
    writeFile(options.json, toJson(results));
}

void runSegments(const Options& options) {
    for (const TableInput& input : inputs(options)) {
        SegmentsBenchmarkOptions wanted{.source = input.source, .duration = input.duration, .runs = options.runs};
        const SegmentsBenchmark result = benchmarkSegments(wanted);
        std::fputs((toText(result) + "\n").c_str(), stdout);
        std::fflush(stdout);
        writeFile(options.json, toJson(result));
    }
}

void runScene(Options& options) {
    if (!options.size.empty())
        options.scenes.size = parseSize(options.size);
    const std::vector<SceneBenchmark> results = benchmarkScene(options.scenes);
    std::fputs(toText(results).c_str(), stdout);
    writeFile(options.json, toJson(results));
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Measures smartcodec: what it saves and shows, and how long its parts take.");
    app.require_subcommand(1);

    CLI::App* table =
        app.add_subcommand("table", "Record with the smart functions off, all on and each alone; compare");
    table->add_option("FILE", options.files, "Videos to record. Default: the built-in scene");
    table->add_option("--scene", options.scene, "A built-in scene by name, as well as the files. Default: corridor");
    table->add_option("--seconds", options.seconds, "Record so much of each. Default: files whole, the scene 20")
        ->check(CLI::Range(0.1, 3600.0));
    table->add_option("--size", options.size, "Of the scene. Default: 1920x1080");
    table->add_option("--quality", options.quality, "As of smartcodec --quality. Default: 23")
        ->check(CLI::Range(1, 51));
    table->add_option("--json", options.json, "Write the figures there as well");
    table
        ->add_option(
            "--demo", options.demoFolder,
            "Only off and all, of the scene, kept as off.mp4 and on.mp4 in this folder, beside the vendor's figures")
        ->excludes("FILE");

    CLI::App* analyzer =
        app.add_subcommand("analyzer", "Time the stages of the analysis at 720p, 1080p and 4K beside OpenCV's MOG2");
    analyzer->add_option("--size", options.size, "Only this size");
    analyzer->add_option("--pictures", options.pictures, "Pictures timed. Default: 150")->check(CLI::Range(10, 100000));
    analyzer->add_option("--json", options.json, "Write the figures there as well");

    CLI::App* scene = app.add_subcommand("scene", "Time the built-in scene beside libx264, both on one core");
    scene->add_option("NAME", options.scenes.scripts, "Scenes by name. Default: all");
    scene->add_option("--size", options.size, "Default: 1920x1080");
    scene->add_option("--pictures", options.scenes.pictures, "Pictures of each. Default: 600")
        ->check(CLI::Range(1, 100000));
    scene->add_option("--json", options.json, "Write the figures there as well");

    CLI::App* segments = app.add_subcommand(
        "segments", "Time a recording in segments, with retention, a hook and syncs, beside one into a plain MP4");
    segments->add_option("FILE", options.files, "A video to record. Default: the built-in scene")->expected(0, 1);
    segments->add_option("--seconds", options.seconds, "Record so much of it. Default: a file whole, the scene 20")
        ->check(CLI::Range(0.1, 3600.0));
    segments->add_option("--size", options.size, "Of the scene. Default: 1920x1080");
    segments->add_option("--runs", options.runs, "Of each, in turn. Default: 5")->check(CLI::Range(1, 1000));
    segments->add_option("--json", options.json, "Write the figures there as well");
    CLI11_PARSE(app, argc, argv);

    try {
        setUpLog();
        if (analyzer->parsed())
            runAnalyzer(options);
        else if (scene->parsed())
            runScene(options);
        else if (segments->parsed())
            runSegments(options);
        else if (!options.demoFolder.empty())
            runDemo(options);
        else
            runTable(options);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "smartcodec_bench: %s\n", error.what());
        return 1;
    }
}
