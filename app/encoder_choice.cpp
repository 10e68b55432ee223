#include "app/encoder_choice.h"

#include <spdlog/fmt/fmt.h>

#include <exception>
#include <stdexcept>

#include "encoder/software_encoder.h"
#include "encoder/v4l2_device.h"

namespace smartcodec {

namespace {

using Kind = EncoderChoice::Kind;

std::unique_ptr<Encoder> openDevice(const EncoderConfig&, const std::string& path, V4l2System&) {
    throw std::runtime_error(path + ": this build cannot record through V4L2: give --encoder software");
}

struct Search {
    std::unique_ptr<Encoder> encoder;  // null: none will do
    std::vector<std::string> refusals;
};

/// The first V4L2 encoder that takes the video.
Search search(const EncoderConfig& config, V4l2System& v4l2) {
    Search result;
    for (const V4l2EncoderNode& node : findEncoders(v4l2, &result.refusals)) {
        if (!node.find(v4l2Fourcc(config.codec))) {
            result.refusals.push_back(
                fmt::format("{} ({}): does not code {}", node.path, node.driver, name(config.codec)));
            continue;
        }
        try {
            result.encoder = openDevice(config, node.path, v4l2);
            return result;
        } catch (const std::exception& error) {
            result.refusals.emplace_back(error.what());
        }
    }
    return result;
}

std::string regionsText(const Settings& settings, RegionSupport support) {
    const std::string also = settings.smart.stabilize ? " and stabiliser" : "";
    switch (support) {
        case RegionSupport::QpMap:
        case RegionSupport::Rectangles:
            return name(support);
        case RegionSupport::QpRange:
            return name(support) + also;
        case RegionSupport::None:
            break;
    }
    return settings.smart.stabilize ? "stabiliser" : "none";
}

void describeV4l2(const Settings& settings, ChosenEncoder& chosen) {
    const EncoderCapabilities& can = chosen.encoder->capabilities();
    std::string line =
        fmt::format("--encoder {}: {}", settings.encoder.kind == Kind::Automatic ? "auto" : "v4l2", can.name);
    if (settings.smart.roi)
        line += fmt::format("; regions of interest: {}", regionsText(settings, can.regions));
    chosen.notes.push_back(std::move(line));
    if (settings.lookaheadFrames.value_or(0) > 0)
        chosen.notes.push_back(fmt::format("--lookahead {}: only the software encoder looks ahead: without effect",
                                           *settings.lookaheadFrames));
}

void describeSoftware(const Settings& settings, ChosenEncoder& chosen) {
    const EncoderCapabilities& can = chosen.encoder->capabilities();
    if (settings.encoder.kind == Kind::Automatic)
        chosen.notes.push_back(
            fmt::format("--encoder auto: software ({}): no V4L2 encoder here takes this video", can.name));
    if (settings.smart.bitrate && !can.bitrateWhileRunning)
        chosen.notes.push_back(fmt::format("{} keeps its first bit rate: the levels act on the QP instead", can.name));
}

}  // namespace

ChosenEncoder openEncoder(const Settings& settings, const EncoderConfig& config, V4l2System& v4l2) {
    ChosenEncoder chosen;
    const EncoderChoice& choice = settings.encoder;
    if (choice.kind == Kind::V4l2 && !choice.device.empty()) {
        chosen.encoder = openDevice(config, choice.device, v4l2);
    } else if (choice.kind != Kind::Software) {
        Search found = search(config, v4l2);
        if (!found.encoder && choice.kind == Kind::V4l2) {
            throw std::runtime_error(fmt::format(
                "--encoder v4l2: no V4L2 encoder here takes {} of {}x{} ({}): give --encoder software",
                name(config.codec), config.size.width, config.size.height,
                found.refusals.empty() ? "there is none" : fmt::format("{}", fmt::join(found.refusals, "; "))));
        }
        chosen.encoder = std::move(found.encoder);
        if (choice.kind == Kind::Automatic)
            chosen.notes = std::move(found.refusals);
    }
    if (chosen.encoder) {
        describeV4l2(settings, chosen);
    } else {
        chosen.encoder = openSoftwareEncoder(config);
        describeSoftware(settings, chosen);
    }
    const std::vector<std::string>& own = chosen.encoder->capabilities().notes;
    chosen.notes.insert(chosen.notes.end(), own.begin(), own.end());
    return chosen;
}

}  // namespace smartcodec
