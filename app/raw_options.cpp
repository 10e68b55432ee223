#include "app/raw_options.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "capture/limits.h"
#include "capture/scene_source.h"
#include "encoder/encoder.h"

namespace smartcodec {

namespace {

/// How often the text gives this key: CLI11 joins neighbouring lines that give the same one, and of others takes the
/// first.
int timesGiven(const std::string& text, const std::string& key) {
    int count = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        line = CLI::detail::trim_copy(line.substr(0, line.find_first_of("=#")));
        count += CLI::detail::remove_quotes(line) == key ? 1 : 0;
    }
    return count;
}

/// CLI11's TOML, with the file's name in what it says, and without what CLI11 lets pass: keys given twice, values that
/// are cut off. Notes which options are the file's.
class CheckedToml : public CLI::ConfigTOML {
  public:
    CheckedToml(const CLI::App& app, RawOptions& raw) : app_(app), raw_(raw) {}

    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
        const std::string text{std::istreambuf_iterator<char>(input), {}};
        raw_.configFile = app_.get_config_ptr()->as<std::string>();
        if (text.find('\0') != std::string::npos)  // the system would see the part of a name before it
            refuse("there is a zero byte in it: give a text file");
        std::istringstream again(text);
        auto found = CLI::ConfigTOML::from_config(again);
        for (const CLI::ConfigItem& item : found) {
            const CLI::Option& option = find(item);
            if (timesGiven(text, item.name) > 1)
                refuse(item.name + ": give it once");
            check(item, option);
            if (option.empty())  // else the command line gave it, which wins
                raw_.fromFile.insert(item.name);
        }
        return found;
    }

  private:
    [[noreturn]] void refuse(const std::string& what) const { throw UsageError(raw_.configFile + ": " + what); }

    [[nodiscard]] const CLI::Option& find(const CLI::ConfigItem& item) const {
        if (!item.parents.empty())
            refuse(fmt::format("[{}]: there are no tables here: write the keys by themselves", item.parents.front()));
        const CLI::Option* option = app_.get_option_no_throw("--" + item.name);
        if (!option || !option->get_configurable())
            refuse(fmt::format("unknown key '{}': keys are the long options of smartcodec --help without their dashes",
                               item.name));
        return *option;
    }

    void check(const CLI::ConfigItem& item, const CLI::Option& option) const {
        const std::string all = fmt::format("{}", fmt::join(item.inputs, " "));
        if (option.get_items_expected_max() == 0 && all != "true" && all != "false")
            refuse(fmt::format("{} {}: give true or false", item.name, all));
        if (option.get_items_expected_max() == 1 && option.get_delimiter() == '\0' && item.inputs.size() > 1)
            refuse(fmt::format("{} {}: give one value, in quotes if it has spaces or commas in it", item.name, all));
        // CLI11 takes the sign for the start of a comment wherever it stands, and leaves the opening quote.
        for (const std::string& value : item.inputs) {
            if (!value.empty() && (value.front() == '"' || value.front() == '\''))
                refuse(fmt::format("{}: a value cannot hold '#': give it on the command line", item.name));
        }
    }

    const CLI::App& app_;
    RawOptions& raw_;
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
    app.add_option("--camera", raw.camera,
                   "Record from this camera: its number, from 0, or its id; see smartcodec devices. Default, without "
                   "another source: the first")
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
    app.add_option("--fps", raw.fps, "Frames per second of a camera or the scene. Default: 30")
        ->type_name("RATE")
        ->group("Source");
    app.add_option("--rotate", raw.rotate, "Turn the camera's pictures: 0 or 180 degrees. Default: 0")
        ->type_name("DEGREES")
        ->group("Source");
    app.add_flag("--hflip", raw.hflip, "Exchange left and right of the camera's pictures")->group("Source");
    app.add_flag("--vflip", raw.vflip, "Exchange top and bottom of the camera's pictures")->group("Source");
    app.add_option("--camera-control", raw.cameraControls,
                   "Set one of the camera's controls, which smartcodec devices lists; may be given several times")
        ->allow_extra_args(false)
        ->type_name("NAME=VALUE")
        ->group("Source");
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

void addOutputOptions(CLI::App& app, RawOptions& raw) {
    app.add_option(
           "-o,--output", raw.output,
           "The file to write: a raw stream, without times and sound, where its name ends in .h264, .hevc or .fwht; "
           "else MP4")
        ->type_name("FILE")
        ->group("Recording");
    app.add_flag("--overwrite", raw.overwrite, "Replace the output and the trace if they exist")->group("Recording");
    app.add_option("--sync", raw.sync,
                   "Write through to the disk this often: what a power cut may cost, 0.1 to 3600. Default: 1")
        ->type_name("SECONDS")
        ->group("Recording");
    app.add_option("--encoder", raw.encoder,
                   "v4l2:/dev/videoN: that device; v4l2: the first that takes the video; software; auto: v4l2 if there "
                   "is one, else software. Default: auto")
        ->type_name("NAME")
        ->group("Recording");
    app.add_option("--codec", raw.codec, "h264, hevc or, of V4L2 alone, fwht. Default: the raw stream's, else h264")
        ->type_name("NAME")
        ->group("Recording");
    app.add_option("--quality", raw.quality,
                   "Constant quality, 1..51 on the codec's QP scale, lower is better. Default: 23")
        ->type_name("QP")
        ->group("Recording");
    app.add_option("--max-bitrate", raw.maxBitrate,
                   fmt::format("Cap when much is going on, bits per second, {}k to {}M. Default: 6M",
                               kMinBitrate.bitsPerSecond / 1000, kMaxBitrate.bitsPerSecond / 1'000'000))
        ->type_name("RATE")
        ->group("Recording");
    app.add_option(
           "--lookahead", raw.lookahead,
           "Frames that the software encoder looks ahead. Default: its preset's own, 0 with a camera or --realtime")
        ->type_name("FRAMES")
        ->group("Recording");
}

void addSegmentOptions(CLI::App& app, RawOptions& raw) {
    app.add_option(
           "--segment", raw.segment,
           "Record in files of this length (30s, 10min, 1h, 1d), or about this size (100MB), or whichever comes "
           "first (1h,500MB). The output is the pattern of their names: %Y-%m-%d and so on for the local time, "
           "%i or %04i for a number; without any, -%04i is put in front of the extension. segments.jsonl beside "
           "them lists them")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("LENGTH|SIZE")
        ->group("Segments");
    app.add_flag("--segment-align", raw.segmentAlign, "Begin segments at round times of the day: 10:00, 10:10, 10:20")
        ->group("Segments");
    app.add_option(
           "--keep", raw.keep,
           "Remove the oldest segments: those older than this (12h, 7d), or when all take more than this (20GB)")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("AGE|SIZE")
        ->group("Segments");
    app.add_option("--keep-free", raw.keepFree, "Remove the oldest segments when the disk has less than this left: 1GB")
        ->type_name("SIZE")
        ->group("Segments");
    app.add_option("--on-full", raw.onFull,
                   "On a full disk: stop, or rotate: the oldest segments make room. Default: stop")
        ->type_name("ACTION")
        ->group("Segments");
    app.add_option(
           "--on-segment", raw.onSegment,
           "Run this for each segment that is done, without a shell, in the background; {} is the file, else it "
           "comes last")
        ->type_name("COMMAND")
        ->group("Segments");
}

void addEventOptions(CLI::App& app, RawOptions& raw) {
    app.add_flag(
           "--events", raw.events,
           "Record only when something moves, or on SIGUSR1: each event is a segment of its own, named and kept as "
           "those of --segment, which cuts long events if it is given too")
        ->group("Events");
    app.add_option("--pre-roll", raw.preRoll, "Record what was before an event, from 0s to 5min. Default: 5s")
        ->type_name("TIME")
        ->group("Events");
    app.add_option("--post-roll", raw.postRoll,
                   "Go on for so long after the last thing that happened, from 1s to 1h. Default: 10s")
        ->type_name("TIME")
        ->group("Events");
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

}  // namespace

std::string RawOptions::label(const std::string& option) const {
    const std::string key = option.substr(option.find_first_not_of('-'));
    return fromFile.contains(key) ? configFile + ": " + key : option;
}

void addRecordingOptions(CLI::App& app, RawOptions& raw) {
    addSourceOptions(app, raw);
    addOutputOptions(app, raw);
    addSegmentOptions(app, raw);
    addEventOptions(app, raw);
    addSmartOptions(app, raw);
    addReportOptions(app, raw);
    app.set_config("--config", "", "Read these options from a TOML file; the command line wins")
        ->type_name("FILE")
        ->group("Reports");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.config_formatter(std::make_shared<CheckedToml>(app, raw));
}

}  // namespace smartcodec
