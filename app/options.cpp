#include "app/options.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "capture/limits.h"
#include "encoder/encoder.h"

namespace smartcodec {

namespace {

constexpr WholeRange kSideRange{kMinSide, kMaxSide};
constexpr Size kDefaultSceneSize{1920, 1080};
constexpr const char* kNoCamera =
    "this build has no camera support: give a file with -i FILE, or --scene for the built-in scene";

using Text = std::optional<std::string>;

/// The options as they were given, before they are understood: CLI11 takes them apart, messages are ours.
struct RawOptions {
    Text input, camera, scene, width, height, fps, output, encoder, codec, quality, maxBitrate, profile, minFps, maxGop;
    Text lookahead, duration, frames, trace, summary, seed, shotNoise, readNoise;
    std::vector<std::string> smart, levels;
    bool overwrite = false;
    bool realtime = false;
};

/// CLI11's TOML, with the file's name in what it says about a key that is no option.
class CheckedToml : public CLI::ConfigTOML {
  public:
    explicit CheckedToml(const CLI::App& app) : app_(app) {}

    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
        auto found = CLI::ConfigTOML::from_config(input);
        for (const CLI::ConfigItem& item : found)
            check(item);
        return found;
    }

  private:
    void check(const CLI::ConfigItem& item) const {
        const std::string file = app_.get_config_ptr()->as<std::string>();
        if (!item.parents.empty())
            throw UsageError(fmt::format("{}: [{}]: there are no tables here: write the keys by themselves", file,
                                         item.parents.front()));
        const CLI::Option* option = app_.get_option_no_throw("--" + item.name);
        if (!option || !option->get_configurable())
            throw UsageError(
                fmt::format("{}: unknown key '{}': keys are the long options of smartcodec --help without their dashes",
                            file, item.name));
        // CLI11 takes the sign for the start of a comment wherever it stands, and leaves the opening quote.
        for (const std::string& value : item.inputs) {
            if (!value.empty() && (value.front() == '"' || value.front() == '\''))
                throw UsageError(
                    fmt::format("{}: {}: a value cannot hold '#': give it on the command line", file, item.name));
        }
    }

    const CLI::App& app_;
};

std::string scriptList() {
    std::string list = "Record the built-in scene, which needs no camera and no file. Default: corridor. There are:";
    for (const SceneScript& script : sceneScripts())
        list += fmt::format("\n  {:10} {}", script.name, script.description);
    return list;
}

void addSourceOptions(CLI::App& app, RawOptions& raw) {
    app.add_option("-i,--input", raw.input, "Record this video file")->type_name("FILE")->group("Source");
    app.add_option("--scene", raw.scene, scriptList())->expected(0, 1)->type_name("[NAME]")->group("Source");
    app.add_option("--camera", raw.camera, "Record from this camera (this build has no camera support)")
        ->expected(0, 1)
        ->type_name("[ID]")
        ->group("Source");
    app.add_option("-w,--width", raw.width,
                   fmt::format("Width to record, even, {} to {} pixels, at most {} in all; alone, the height follows. "
                               "Default: the source's",
                               kMinSide, kMaxSide, kMaxArea))
        ->type_name("PIXELS")
        ->group("Source");
    app.add_option("-h,--height", raw.height, "Height to record, likewise")->type_name("PIXELS")->group("Source");
    app.add_option("--fps", raw.fps, "Frames per second of the scene. Default: 30")->type_name("RATE")->group("Source");
    app.add_option("--seed", raw.seed, "Seed of the scene's noise. Default: 1")->type_name("N")->group("Source");
    app.add_option("--shot-noise", raw.shotNoise, "Variance of the scene's noise per grey level. Default: the script's")
        ->type_name("N")
        ->group("Source");
    app.add_option("--read-noise", raw.readNoise, "Grey levels of noise in the dark. Default: the script's")
        ->type_name("N")
        ->group("Source");
    app.add_flag("--realtime", raw.realtime,
                 "Take a file or the scene at its own pace, as from a camera, dropping what comes too fast")
        ->group("Source");
    app.add_option("--duration", raw.duration, "Stop after so much of the source's time")
        ->type_name("SECONDS")
        ->group("Source");
    app.add_option("--frames", raw.frames, "Stop after so many of the source's frames")
        ->type_name("N")
        ->group("Source");
}

void addRecordingOptions(CLI::App& app, RawOptions& raw) {
    app.add_option("-o,--output", raw.output, "The MP4 file to write")->type_name("FILE")->group("Recording");
    app.add_flag("--overwrite", raw.overwrite, "Replace the output if it exists")->group("Recording");
    app.add_option("--encoder", raw.encoder, "auto or software (this build has no V4L2). Default: auto")
        ->type_name("NAME")
        ->group("Recording");
    app.add_option("--codec", raw.codec, "h264 or hevc. Default: h264")->type_name("NAME")->group("Recording");
    app.add_option("--quality", raw.quality,
                   "Constant quality, 1..51 on the codec's QP scale, lower is better. Default: 23")
        ->type_name("QP")
        ->group("Recording");
    app.add_option("--max-bitrate", raw.maxBitrate,
                   fmt::format("Cap when much is going on, bits per second, {}k to {}M. Default: 6M",
                               kMinBitrate.bitsPerSecond / 1000, kMaxBitrate.bitsPerSecond / 1'000'000))
        ->type_name("RATE")
        ->group("Recording");
    app.add_option("--lookahead", raw.lookahead,
                   "Frames that the encoder looks ahead. Default: its preset's own, 0 with --realtime")
        ->type_name("FRAMES")
        ->group("Recording");
}

void addSmartOptions(CLI::App& app, RawOptions& raw) {
    app.add_option("--smart", raw.smart, "all, off, or a list of framerate,gop,bitrate,roi,stabilize. Default: all")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("LIST")
        ->group("Smart functions");
    app.add_option("--profile", raw.profile,
                   "storage: at least 1 frame/s, a key frame every 10 s; live: 2 frames/s, 4 s; nvr: 5 frames/s, 2 s. "
                   "Default: storage")
        ->type_name("NAME")
        ->group("Smart functions");
    app.add_option("--min-fps", raw.minFps, "Fewest frames per second when nothing moves. Default: the profile's")
        ->type_name("RATE")
        ->group("Smart functions");
    app.add_option("--max-gop", raw.maxGop, "Longest time between key frames. Default: the profile's")
        ->type_name("SECONDS")
        ->group("Smart functions");
    app.add_option("--levels", raw.levels, "Caps for static,low,medium,high. Default: shares of --max-bitrate")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("RATE,RATE,RATE,RATE")
        ->group("Smart functions");
}

void addReportOptions(CLI::App& app, RawOptions& raw) {
    app.add_option("--trace", raw.trace, "Write one line per frame: the decision and its measurements")
        ->type_name("FILE.jsonl")
        ->group("Reports");
    app.add_option("--summary", raw.summary, "text or json: what is printed at the end. Default: text")
        ->type_name("FORMAT")
        ->group("Reports");
}

FileSourceConfig fileSource(const RawOptions& raw, std::optional<int> width, std::optional<int> height) {
    const std::pair<const Text&, const char*> sceneOnly[] = {
        {raw.fps, "--fps"}, {raw.seed, "--seed"}, {raw.shotNoise, "--shot-noise"}, {raw.readNoise, "--read-noise"}};
    for (const auto& [value, name] : sceneOnly) {
        if (value)
            throw UsageError(fmt::format("{} {}: only with --scene: a file keeps its own", name, *value));
    }
    if (raw.input->empty())
        throw UsageError("--input '': give the video file to record");
    return {*raw.input, width, height};
}

/// A side that was not given follows from the other one and the shape of the default size.
Size sceneSize(std::optional<int> width, std::optional<int> height) {
    const auto evenShare = [](int side, int numerator, int denominator) {
        return side * numerator / denominator / 2 * 2;
    };
    const Size shape = kDefaultSceneSize;
    if (width && !height)
        height = evenShare(*width, shape.height, shape.width);
    else if (height && !width)
        width = evenShare(*height, shape.width, shape.height);
    return {width.value_or(shape.width), height.value_or(shape.height)};
}

SceneConfig sceneSource(const RawOptions& raw, std::optional<int> width, std::optional<int> height) {
    constexpr DecimalRange kNoiseRange{0, 100, "a number"};
    SceneConfig scene;
    if (!raw.scene->empty() && *raw.scene != "true")  // what CLI11 makes of --scene without a name
        scene.script = *raw.scene;
    std::vector<std::string> names;
    for (const SceneScript& script : sceneScripts())
        names.push_back(script.name);
    (void)parseChoice({"--scene", scene.script}, names);
    scene.size = sceneSize(width, height);
    if (!recordable(scene.size))
        throw UsageError(fmt::format("--width, --height: a scene of {}x{}: give {}", scene.size.width,
                                     scene.size.height, recordableSizes()));
    if (raw.fps)
        scene.frameRate = parseFrameRate({"--fps", *raw.fps});
    if (raw.seed)
        scene.seed = static_cast<std::uint64_t>(parseWhole({"--seed", *raw.seed}, {0, 1'000'000'000'000}));
    if (raw.shotNoise)
        scene.shotNoise = parseDecimal({"--shot-noise", *raw.shotNoise}, kNoiseRange);
    if (raw.readNoise)
        scene.readNoise = parseDecimal({"--read-noise", *raw.readNoise}, kNoiseRange);
    return scene;
}

std::optional<int> parseSide(const char* name, const Text& value) {
    if (!value)
        return std::nullopt;
    const auto side = static_cast<int>(parseWhole({name, *value}, kSideRange));
    if (side % 2 != 0)
        throw UsageError(fmt::format("{} {}: give an even number: 4:2:0 video has no odd sizes", name, *value));
    return side;
}

void readSource(const RawOptions& raw, Settings& settings) {
    if (raw.camera)
        throw UsageError(fmt::format("--camera: {}", kNoCamera));
    if (raw.input && raw.scene)
        throw UsageError("--input and --scene: give one of them");
    if (!raw.input && !raw.scene)
        throw UsageError(fmt::format("no source: {}", kNoCamera));
    const auto width = parseSide("--width", raw.width);
    const auto height = parseSide("--height", raw.height);
    if (raw.input)
        settings.source = fileSource(raw, width, height);
    else
        settings.source = sceneSource(raw, width, height);
    settings.realtime = raw.realtime;
    if (raw.duration)
        settings.duration = parseSeconds({"--duration", *raw.duration}, {0.001, 1e9, "seconds"});
    if (raw.frames)
        settings.frames = static_cast<std::uint64_t>(parseWhole({"--frames", *raw.frames}, {1, 1'000'000'000'000}));
}

void readEncoder(const RawOptions& raw, CommandLine& commandLine) {
    if (raw.encoder && raw.encoder->rfind("v4l2", 0) == 0)
        throw UsageError(fmt::format("--encoder {}: this build has no V4L2 encoder: give software", *raw.encoder));
    if (raw.encoder)
        commandLine.automaticEncoder = parseChoice({"--encoder", *raw.encoder}, {"auto", "software"}) == 0;
    Settings& settings = commandLine.settings;
    if (raw.codec)
        settings.codec = parseChoice({"--codec", *raw.codec}, {"h264", "hevc"}) == 0 ? Codec::H264 : Codec::Hevc;
    if (raw.quality)
        settings.quality = static_cast<int>(parseWhole({"--quality", *raw.quality}, {1, 51}));
    if (raw.lookahead)
        settings.lookaheadFrames = static_cast<int>(parseWhole({"--lookahead", *raw.lookahead}, {0, 250}));
}

void readBitrates(const RawOptions& raw, Settings& settings) {
    if (raw.maxBitrate)
        settings.maxBitrate = parseBitrate({"--max-bitrate", *raw.maxBitrate});
    settings.levels = defaultLevels(settings.maxBitrate);
    if (raw.levels.empty())
        return;
    const std::string given = fmt::format("--levels {}", fmt::join(raw.levels, ","));
    if (raw.levels.size() != settings.levels.size())
        throw UsageError(fmt::format("{}: give four bit rates: static,low,medium,high", given));
    for (std::size_t i = 0; i < settings.levels.size(); ++i)
        settings.levels[i] = parseBitrate({"--levels", raw.levels[i]});
    if (!std::is_sorted(settings.levels.begin(), settings.levels.end()))
        throw UsageError(fmt::format("{}: give the bit rates rising: static,low,medium,high", given));
    if (raw.maxBitrate && settings.maxBitrate != settings.levels.back())
        throw UsageError(
            fmt::format("{}: the last one is the cap: give the same as --max-bitrate {}, or leave that out", given,
                        *raw.maxBitrate));
    settings.maxBitrate = settings.levels.back();
}

void readSmart(const RawOptions& raw, Settings& settings) {
    if (!raw.smart.empty())
        settings.smart = parseSmart(raw.smart);
    auto profile = Profile::Storage;
    if (raw.profile)
        profile = std::array{Profile::Storage, Profile::Live,
                             Profile::Nvr}[parseChoice({"--profile", *raw.profile}, {"storage", "live", "nvr"})];
    settings.minFrameRate = bounds(profile).minFrameRate;
    settings.maxGop = bounds(profile).maxGop;
    if (raw.minFps)
        settings.minFrameRate = parseDecimal({"--min-fps", *raw.minFps}, {0.1, 240, "frames per second"});
    if (raw.maxGop)
        settings.maxGop = parseSeconds({"--max-gop", *raw.maxGop}, {0.1, 3600, "seconds"});
    readBitrates(raw, settings);
}

/// CLI11 says what it did not like in its own way; ours names the remedy.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find(':'));
    if (const auto extras = app.remaining(true); !extras.empty()) {
        const std::string& extra = extras.front();
        return extra.front() == '-' ? extra + ": unknown option: see smartcodec --help"
                                    : extra + ": what is this? A file to record is given with -i FILE";
    }
    if (error.get_name() == "FileError")
        return fmt::format("--config {}: cannot be read: give an existing TOML file",
                           app.get_config_ptr()->as<std::string>());
    if (error.get_name() == "ArgumentMismatch" && text.find("missing") != std::string::npos)
        return name + ": give a value: see smartcodec --help";
    if (error.get_name() == "ArgumentMismatch")
        return name + ": give it once, with one value";
    std::string line = text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line + ": see smartcodec --help";
}

CommandLine understand(const RawOptions& raw) {
    CommandLine commandLine;
    Settings& settings = commandLine.settings;
    readSource(raw, settings);
    readEncoder(raw, commandLine);
    readSmart(raw, settings);
    if (!raw.output || raw.output->empty())
        throw UsageError("no output: give the file to write with -o FILE.mp4");
    settings.output = *raw.output;
    settings.overwrite = raw.overwrite;
    settings.traceFile = raw.trace.value_or("");
    if (raw.summary && parseChoice({"--summary", *raw.summary}, {"text", "json"}) == 1)
        commandLine.summary = SummaryFormat::Json;
    return commandLine;
}

}  // namespace

CommandLine parseCommandLine(int argc, const char* const* argv) {
    RawOptions raw;
    CLI::App app("Camera recorder that spends bits only where and when the scene changes.", "smartcodec");
    app.set_help_flag("--help", "Print this help and exit");
    app.set_version_flag("--version", "smartcodec " SMARTCODEC_VERSION);
    app.allow_config_extras(CLI::config_extras_mode::error);
    addSourceOptions(app, raw);
    addRecordingOptions(app, raw);
    addSmartOptions(app, raw);
    addReportOptions(app, raw);
    app.set_config("--config", "", "Read these options from a TOML file; the command line wins")
        ->type_name("FILE")
        ->group("Reports");
    app.config_formatter(std::make_shared<CheckedToml>(app));
    const CLI::App* devices =
        app.add_subcommand("devices", "Print the cameras and encoders here, and what each can do");
    app.footer(
        "Exit status: 0 recorded, 1 the recording ended early but what was written is whole, 2 wrong usage or nothing\n"
        "could be started.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForVersion&) {
        return {.action = CommandLine::Action::Print, .text = app.version() + "\n"};
    } catch (const CLI::Success&) {
        return {.action = CommandLine::Action::Print, .text = app.help()};
    } catch (const CLI::ParseError& error) {
        throw UsageError(explain(error, app));
    }
    if (devices->parsed())
        return {.action = CommandLine::Action::ListDevices};
    return understand(raw);
}

}  // namespace smartcodec
