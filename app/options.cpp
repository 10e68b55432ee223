#include "app/options.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "app/raw_options.h"
#include "app/segment_options.h"
#include "capture/limits.h"
#include "encoder/encoder.h"
#include "mux/file_writer.h"

namespace smartcodec {

namespace {

constexpr WholeRange kSideRange{kMinSide, kMaxSide};
constexpr Size kDefaultSceneSize{1920, 1080};

using Text = RawOptions::Text;

struct SourceOption {
    const char* name;
    Text value;  ///< as given; empty: it was not
};

Text flag(bool given) {
    return given ? Text("") : Text();
}

/// Refuses what another source than the chosen one has.
void refuse(const RawOptions& raw, std::initializer_list<SourceOption> options, const char* why) {
    for (const SourceOption& option : options) {
        if (option.value)
            throw UsageError(fmt::format("{}{}{}: {}", raw.label(option.name), option.value->empty() ? "" : " ",
                                         *option.value, why));
    }
}

void refuseSceneOptions(const RawOptions& raw) {
    refuse(raw, {{"--seed", raw.seed}, {"--shot-noise", raw.shotNoise}, {"--read-noise", raw.readNoise}},
           "only with --scene");
}

void refuseCameraOptions(const RawOptions& raw) {
    refuse(raw,
           {{"--rotate", raw.rotate},
            {"--hflip", flag(raw.hflip)},
            {"--vflip", flag(raw.vflip)},
            {"--camera-control", raw.cameraControls.empty() ? Text() : Text(raw.cameraControls.front())}},
           "only with a camera");
}

FileSourceConfig fileSource(const RawOptions& raw, std::optional<int> width, std::optional<int> height) {
    refuse(raw, {{"--fps", raw.fps}}, "only with a camera or --scene: a file keeps its own");
    refuseSceneOptions(raw);
    refuseCameraOptions(raw);
    if (raw.input->empty())
        throw UsageError(raw.label("--input") + " '': give the video file to record");
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
    refuseCameraOptions(raw);
    SceneConfig scene;
    if (!raw.scene->empty() && *raw.scene != "true")  // what CLI11 makes of --scene without a name
        scene.script = *raw.scene;
    std::vector<std::string> names;
    for (const SceneScript& script : sceneScripts())
        names.push_back(script.name);
    (void)parseChoice(raw.given("--scene", scene.script), names);
    scene.size = sceneSize(width, height);
    if (!recordable(scene.size))
        throw UsageError(fmt::format("--width, --height: a scene of {}x{}: give {}", scene.size.width,
                                     scene.size.height, recordableSizes()));
    if (raw.fps)
        scene.frameRate = parseFrameRate(raw.given("--fps", *raw.fps));
    if (raw.seed)
        scene.seed = static_cast<std::uint64_t>(parseWhole(raw.given("--seed", *raw.seed), {0, 1'000'000'000'000}));
    if (raw.shotNoise)
        scene.shotNoise = parseDecimal(raw.given("--shot-noise", *raw.shotNoise), kNoiseRange);
    if (raw.readNoise)
        scene.readNoise = parseDecimal(raw.given("--read-noise", *raw.readNoise), kNoiseRange);
    return scene;
}

CameraConfig cameraSource(const RawOptions& raw, std::optional<int> width, std::optional<int> height) {
    refuseSceneOptions(raw);
    refuse(raw, {{"--realtime", flag(raw.realtime)}}, "only with a file or --scene: a camera has its own pace");
    CameraConfig camera;
    camera.width = width;
    camera.height = height;
    if (raw.camera && *raw.camera != "true")  // what CLI11 makes of --camera without an id
        camera.camera = *raw.camera;
    if (raw.fps)
        camera.frameRate = parseFrameRate(raw.given("--fps", *raw.fps));
    if (raw.rotate)
        camera.orientation.halfTurn = parseChoice(raw.given("--rotate", *raw.rotate), {"0", "180"}) == 1;
    camera.orientation.mirror = raw.hflip;
    camera.orientation.flip = raw.vflip;
    for (const std::string& control : raw.cameraControls) {
        const std::size_t equals = control.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == control.size())
            throw UsageError(fmt::format("{} {}: give NAME=VALUE", raw.label("--camera-control"), control));
        camera.settings.push_back({control.substr(0, equals), control.substr(equals + 1)});
    }
    return camera;
}

std::optional<int> parseSide(const RawOptions& raw, const char* name, const Text& value) {
    if (!value)
        return std::nullopt;
    const GivenOption given = raw.given(name, *value);
    const auto side = static_cast<int>(parseWhole(given, kSideRange));
    if (side % 2 != 0)
        throw UsageError(fmt::format("{} {}: give an even number: 4:2:0 video has no odd sizes", given.name, *value));
    return side;
}

void readSource(const RawOptions& raw, Settings& settings) {
    if ((raw.input ? 1 : 0) + (raw.scene ? 1 : 0) + (raw.camera ? 1 : 0) > 1)
        throw UsageError("--input, --scene and --camera: give one of them");
    const auto width = parseSide(raw, "--width", raw.width);
    const auto height = parseSide(raw, "--height", raw.height);
    if (raw.input)
        settings.source = fileSource(raw, width, height);
    else if (raw.scene)
        settings.source = sceneSource(raw, width, height);
    else
        settings.source = cameraSource(raw, width, height);
    settings.realtime = raw.realtime;
    if (raw.duration)
        settings.duration = parseSeconds(raw.given("--duration", *raw.duration), {0.001, 1e9, "seconds"});
    if (raw.frames)
        settings.frames =
            static_cast<std::uint64_t>(parseWhole(raw.given("--frames", *raw.frames), {1, 1'000'000'000'000}));
}

EncoderChoice parseEncoder(const GivenOption& option) {
    using Kind = EncoderChoice::Kind;
    constexpr std::string_view kDevice = "v4l2:";
    const std::string& value = option.value;
    if (value.starts_with(kDevice) && value.size() > kDevice.size())
        return {.kind = Kind::V4l2, .device = value.substr(kDevice.size())};
    constexpr Kind kKinds[] = {Kind::Automatic, Kind::Software, Kind::V4l2};
    return {.kind = kKinds[parseChoice(option, {"auto", "software", "v4l2", "v4l2:/dev/videoN"})]};
}

/// The one that is given, else the one that the output's name asks for.
Codec readCodec(const RawOptions& raw, const std::string& output) {
    const std::optional<Codec> ofOutput = rawStreamCodec(output);
    if (!raw.codec)
        return ofOutput.value_or(Codec::H264);
    constexpr Codec kCodecs[] = {Codec::H264, Codec::Hevc, Codec::Fwht};
    const Codec codec = kCodecs[parseChoice(raw.given("--codec", *raw.codec), {"h264", "hevc", "fwht"})];
    const std::string given = fmt::format("{} {}", raw.label("--codec"), name(codec));
    if (ofOutput && *ofOutput != codec)
        throw UsageError(fmt::format("{}: {} {} is a raw stream of {}: give {}, or leave one of them out", given,
                                     raw.label("--output"), output, name(*ofOutput), name(*ofOutput)));
    if (!ofOutput && codec == Codec::Fwht)
        throw UsageError(fmt::format("{}: MP4 does not hold it: give {} FILE.fwht", given, raw.label("--output")));
    return codec;
}

void readOutput(const RawOptions& raw, Settings& settings) {
    if (!raw.output || raw.output->empty())
        throw UsageError("no output: give the file to write with -o FILE.mp4");
    settings.output = *raw.output;
    settings.overwrite = raw.overwrite;
    if (raw.sync)
        settings.syncInterval = parseSeconds(raw.given("--sync", *raw.sync), {0.1, 3600, "seconds"});
    settings.codec = readCodec(raw, settings.output);
    settings.segments = readSegments(raw);
    settings.events = readEvents(raw);
}

void readEncoder(const RawOptions& raw, Settings& settings) {
    settings.encoder = parseEncoder(raw.given("--encoder", raw.encoder.value_or("auto")));
    if (settings.codec == Codec::Fwht && settings.encoder.kind == EncoderChoice::Kind::Software)
        throw UsageError(
            fmt::format("{} software: it does not code fwht, only the kernel's vicodec does: name the output .mp4",
                        raw.label("--encoder")));
    if (settings.codec == Codec::Fwht && settings.encoder.kind == EncoderChoice::Kind::Automatic)
        settings.encoder.kind = EncoderChoice::Kind::V4l2;  // where none takes it, each says why
    if (raw.quality)
        settings.quality = static_cast<int>(parseWhole(raw.given("--quality", *raw.quality), {1, 51}));
    if (raw.lookahead)
        settings.lookaheadFrames = static_cast<int>(parseWhole(raw.given("--lookahead", *raw.lookahead), {0, 250}));
}

void readBitrates(const RawOptions& raw, Settings& settings) {
    if (raw.maxBitrate)
        settings.maxBitrate = parseBitrate(raw.given("--max-bitrate", *raw.maxBitrate));
    settings.levels = defaultLevels(settings.maxBitrate);
    if (raw.levels.empty())
        return;
    const std::string given = fmt::format("{} {}", raw.label("--levels"), fmt::join(raw.levels, ","));
    if (raw.levels.size() != settings.levels.size())
        throw UsageError(fmt::format("{}: give four bit rates: static,low,medium,high", given));
    for (std::size_t i = 0; i < settings.levels.size(); ++i)
        settings.levels[i] = parseBitrate(raw.given("--levels", raw.levels[i]));
    if (!std::is_sorted(settings.levels.begin(), settings.levels.end()))
        throw UsageError(fmt::format("{}: give the bit rates rising: static,low,medium,high", given));
    if (raw.maxBitrate && settings.maxBitrate != settings.levels.back())
        throw UsageError(fmt::format("{}: the last one is the cap: give the same as {} {}, or leave that out", given,
                                     raw.label("--max-bitrate"), *raw.maxBitrate));
    settings.maxBitrate = settings.levels.back();
}

void readSmart(const RawOptions& raw, Settings& settings) {
    if (!raw.smart.empty())
        settings.smart = parseSmart(raw.label("--smart"), raw.smart);
    auto profile = Profile::Storage;
    if (raw.profile)
        profile =
            std::array{Profile::Storage, Profile::Live,
                       Profile::Nvr}[parseChoice(raw.given("--profile", *raw.profile), {"storage", "live", "nvr"})];
    settings.minFrameRate = bounds(profile).minFrameRate;
    settings.maxGop = bounds(profile).maxGop;
    if (raw.minFps)
        settings.minFrameRate = parseDecimal(raw.given("--min-fps", *raw.minFps), {0.1, 240, "frames per second"});
    if (raw.maxGop)
        settings.maxGop = parseSeconds(raw.given("--max-gop", *raw.maxGop), {0.1, 3600, "seconds"});
    if (settings.events)
        settings.maxGop = longestGop(settings.maxGop, *settings.events);
    readBitrates(raw, settings);
}

/// CLI11 says what it did not like in its own way; ours names the remedy.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find(':'));
    if (const auto extras = app.remaining(true); !extras.empty()) {
        const std::string& extra = extras.front();
        if (const auto commands = app.get_subcommands(); !commands.empty())
            return fmt::format("{0} {1}: unknown {2}: see smartcodec {0} --help", commands.front()->get_name(), extra,
                               extra.front() == '-' ? "option" : "argument");
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
    readOutput(raw, settings);
    readEncoder(raw, settings);
    readSmart(raw, settings);
    settings.traceFile = raw.trace.value_or("");
    if (raw.summary && parseChoice(raw.given("--summary", *raw.summary), {"text", "json"}) == 1)
        commandLine.summary = SummaryFormat::Json;
    return commandLine;
}

}  // namespace

CommandLine parseCommandLine(int argc, const char* const* argv) {
    RawOptions raw;
    CLI::App app("Camera recorder that spends bits only where and when the scene changes.", "smartcodec");
    app.set_help_flag("--help", "Print this help and exit");
    app.set_version_flag("--version", "smartcodec " SMARTCODEC_VERSION);
    addRecordingOptions(app, raw);
    DeviceListing listing;
    CLI::App* devices = app.add_subcommand("devices", "Print the cameras and encoders here, and what each can do");
    devices->add_flag("--probe", listing.probe,
                      "Encode with each V4L2 encoder and measure what its controls really do: some seconds each");
    devices->add_flag("--json", listing.json, "Print one JSON object instead of text");
    RepairSettings repairing;
    CLI::App* repair = app.add_subcommand(
        "repair", "Make an ordinary MP4, index first, of a recording, whole or cut off by a power cut");
    repair->add_option("file", repairing.input, "The recording")->type_name("FILE");
    repair
        ->add_option("-o,--output", repairing.output,
                     "Write here and leave the recording as it is. Default: replace it")
        ->type_name("FILE");
    repair->add_flag("--overwrite", repairing.overwrite, "Replace the output if it exists");
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
        return {.action = CommandLine::Action::ListDevices, .devices = listing};
    if (repair->parsed()) {
        if (repairing.input.empty())
            throw UsageError("repair: no file: give the recording to repair");
        return {.action = CommandLine::Action::Repair, .repair = repairing};
    }
    return understand(raw);
}

}  // namespace smartcodec
