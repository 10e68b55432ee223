#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analysis/bitrate.h"
#include "analysis/decider.h"
#include "capture/camera_source.h"
#include "capture/file_source.h"
#include "capture/scene_source.h"
#include "encoder/codec.h"
#include "mux/retention.h"

namespace smartcodec {

/// Where the pictures come from.
using SourceConfig = std::variant<FileSourceConfig, SceneConfig, CameraConfig>;

/// Which of the smart functions act.
struct SmartFunctions {
    bool frameRate = true;  ///< off: every frame is recorded
    bool gop = true;        ///< off: a key frame every second
    bool bitrate = true;    ///< off: the fixed rate `Settings::maxBitrate`
    bool roi = true;
    bool stabilize = true;

    [[nodiscard]] static constexpr SmartFunctions none() { return {false, false, false, false, false}; }
    friend bool operator==(const SmartFunctions&, const SmartFunctions&) = default;
};

/// Which encoder is to be used.
struct EncoderChoice {
    enum class Kind {
        Automatic,  ///< the first V4L2 encoder that takes the video, else the software encoder
        Software,
        V4l2,  ///< or nothing
    };
    Kind kind = Kind::Software;
    std::string device = {};  ///< of V4l2: this node and no other; empty: the first that takes the video
    friend bool operator==(const EncoderChoice&, const EncoderChoice&) = default;
};

/// What a recording is for: bounds on key frames and frame rate.
enum class Profile { Storage, Live, Nvr };

struct ProfileBounds {
    double minFrameRate;  ///< frames per second
    std::chrono::nanoseconds maxGop;
};

/// Storage is watched seldom and sought in coarsely; a live viewer who joins must not wait long nor take a still
/// picture for a dead camera; an NVR's own motion detection wants frames, its time line key frames.
[[nodiscard]] constexpr ProfileBounds bounds(Profile profile) {
    switch (profile) {
        case Profile::Live:
            return {2, std::chrono::seconds(4)};
        case Profile::Nvr:
            return {5, std::chrono::seconds(2)};
        case Profile::Storage:
            break;
    }
    return {1, std::chrono::seconds(10)};
}

/// What of an event is recorded beside itself.
struct EventSettings {
    std::chrono::nanoseconds preRoll = std::chrono::seconds(5);    ///< before it, at least, where there is room
    std::chrono::nanoseconds postRoll = std::chrono::seconds(10);  ///< after the last thing that happened
};

/// How a recording is cut into files, and what becomes of them.
struct SegmentSettings {
    std::optional<std::chrono::nanoseconds> length = {};  ///< of one; without both limits only events are cut
    std::optional<std::uint64_t> bytes = {};              ///< of one, about
    bool aligned = false;                                 ///< starts at multiples of `length` of the local day
    RetentionLimits keep = {};
    bool rotateWhenFull = false;            ///< else a full disk ends the recording
    std::vector<std::string> command = {};  ///< run for each that is done: words; empty: none
};

constexpr Bitrate kDefaultMaxBitrate{6'000'000};

/// Everything a recording needs to be told, validated (app/options.h does that for the command line). Plain values.
struct Settings {
    SourceConfig source = {};
    std::string output = {};
    bool overwrite = false;
    std::optional<SegmentSettings> segments = {};                     ///< `output` is the pattern of their names then
    std::optional<EventSettings> events = {};                         ///< each is a segment; empty: all is recorded
    std::chrono::nanoseconds syncInterval = std::chrono::seconds(1);  ///< between what is safe from a power cut

    EncoderChoice encoder = {};
    Codec codec = Codec::H264;
    int quality = 23;  ///< 1..51 on the codec's QP scale, lower is better
    Bitrate maxBitrate = kDefaultMaxBitrate;
    std::optional<int> lookaheadFrames =
        {};  ///< of the software encoder; not given: its preset's own for files, 0 for live sources and `realtime`

    SmartFunctions smart = {};
    double minFrameRate = bounds(Profile::Storage).minFrameRate;
    std::chrono::nanoseconds maxGop = bounds(Profile::Storage).maxGop;
    std::array<Bitrate, 4> levels = defaultLevels(kDefaultMaxBitrate);  ///< static first; the last is `maxBitrate`

    std::optional<std::chrono::nanoseconds> duration = {};  ///< of source time
    std::optional<std::uint64_t> frames = {};               ///< of the source, dropped ones included
    bool realtime = false;       ///< take a file or the scene at its own pace, as from a camera
    std::string traceFile = {};  ///< empty: none
};

}  // namespace smartcodec
