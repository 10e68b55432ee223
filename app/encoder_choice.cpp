#include "app/encoder_choice.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <exception>

#include "encoder/software_encoder.h"
#include "encoder/v4l2_device.h"
#include "encoder/v4l2_encoder.h"
#include "encoder/v4l2_format.h"

namespace smartcodec {

namespace {

using Kind = EncoderChoice::Kind;

/// The first V4L2 encoder that takes the video; null if none does. Says why each other one is not it.
std::unique_ptr<Encoder> search(const EncoderConfig& config, V4l2System& v4l2, std::vector<std::string>& notes) {
    for (const V4l2EncoderNode& node : findEncoders(v4l2, &notes)) {
        if (!node.find(v4l2Fourcc(config.codec))) {
            notes.push_back(fmt::format("{} ({}) does not code {}", node.path, node.driver, name(config.codec)));
            continue;
        }
        try {
            return openV4l2Encoder(config, node.path, v4l2);
        } catch (const std::exception& error) {
            notes.emplace_back(error.what());
        }
    }
    return nullptr;
}

void describeV4l2(const Settings& settings, PixelFormat format, ChosenEncoder& chosen) {
    const EncoderCapabilities& can = chosen.encoder->capabilities();
    const bool automatic = settings.encoder.kind == Kind::Automatic;
    chosen.notes.push_back(fmt::format("--encoder {}: {}", automatic ? "auto" : "v4l2", can.name));
    for (const std::string& note : can.notes)
        chosen.notes.push_back(fmt::format("{}: {}", can.name, note));
    if (settings.smart.roi && !can.regionNote.empty())
        chosen.notes.push_back(fmt::format("{}: {}", can.name, can.regionNote));
    const bool hasRegions = can.regions == RegionSupport::QpMap || can.regions == RegionSupport::Rectangles;
    if (settings.smart.roi && settings.smart.stabilize && is420(format) && !hasRegions)
        chosen.notes.push_back(fmt::format("{}: the stabiliser does what regions of interest cannot", can.name));
    if (settings.lookaheadFrames.value_or(0) > 0)
        chosen.notes.push_back(fmt::format("--lookahead {}: only the software encoder looks ahead: without effect",
                                           *settings.lookaheadFrames));
}

void describeSoftware(const Settings& settings, ChosenEncoder& chosen) {
    const EncoderCapabilities& can = chosen.encoder->capabilities();
    if (settings.encoder.kind == Kind::Automatic)
        chosen.notes.push_back(
            fmt::format("--encoder auto: software ({}): there is no V4L2 encoder for it here", can.name));
    if (settings.smart.bitrate && !can.bitrateWhileRunning)
        chosen.notes.push_back(fmt::format("{} keeps its first bit rate: the levels act on the QP instead", can.name));
}

}  // namespace

std::vector<PixelFormat> acceptedFormats(const Settings& settings, V4l2System& v4l2) {
    std::vector<PixelFormat> formats;
    const auto add = [&](PixelFormat format) {
        if (std::find(formats.begin(), formats.end(), format) == formats.end())
            formats.push_back(format);
    };
    if (settings.encoder.kind != Kind::Software) {
        for (const V4l2EncoderNode& node : findEncoders(v4l2)) {
            const V4l2CodedFormat* coded = node.find(v4l2Fourcc(settings.codec));
            if (!coded || (!settings.encoder.device.empty() && node.path != settings.encoder.device))
                continue;
            for (const std::uint32_t raw : coded->rawFormats) {
                if (const std::optional<PixelFormat> format = pictureFormat(raw))
                    add(*format);
            }
            break;  // the first is the one that will be chosen, if it can be
        }
    }
    add(kNv12);  // the way that chroma lies is changed along with the copy that is needed anyway
    add(kYuv420);
    return formats;
}

ChosenEncoder openEncoder(const Settings& settings, const EncoderConfig& config, V4l2System& v4l2) {
    ChosenEncoder chosen;
    if (settings.encoder.kind == Kind::V4l2)
        chosen.encoder = openV4l2Encoder(config, settings.encoder.device, v4l2);
    else if (settings.encoder.kind == Kind::Automatic)
        chosen.encoder = search(config, v4l2, chosen.notes);
    if (chosen.encoder) {
        describeV4l2(settings, config.format, chosen);
    } else {
        chosen.encoder = openSoftwareEncoder(config);
        describeSoftware(settings, chosen);
    }
    return chosen;
}

}  // namespace smartcodec
