#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/values.h"

namespace smartcodec {

/// The options as they were given, before they are understood: CLI11 takes them apart, messages are ours.
struct RawOptions {
    using Text = std::optional<std::string>;

    Text input, camera, scene, width, height, fps, output, encoder, codec, quality, maxBitrate, profile, minFps, maxGop;
    Text sync, lookahead, duration, frames, trace, summary, seed, shotNoise, readNoise, rotate;
    std::vector<std::string> smart, levels, cameraControls, segment, keep;
    Text keepFree, onSegment, onFull, preRoll, postRoll;
    bool segmentAlign = false;
    bool events = false;
    bool overwrite = false;
    bool realtime = false;
    bool hflip = false;
    bool vflip = false;

    std::string configFile;          ///< empty: none
    std::set<std::string> fromFile;  ///< names of the options that were given there and nowhere else

    /// How a message calls the option "--name": by where it was given.
    [[nodiscard]] std::string label(const std::string& option) const;
    [[nodiscard]] GivenOption given(const std::string& option, const std::string& value) const {
        return {label(option), value};
    }
};

/// Declares all options of a recording, `--config` among them. `raw` is filled when `app` parses; both are borrowed
/// until then.
void addRecordingOptions(CLI::App& app, RawOptions& raw);

}  // namespace smartcodec
