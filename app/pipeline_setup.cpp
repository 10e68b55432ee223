#include "app/pipeline_setup.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/libcamera_system.h"
#include "mux/output_file.h"
#include "mux/segment_folder.h"
#include "mux/segment_name.h"

namespace smartcodec {

namespace {

EncoderConfig encoderConfig(const Settings& settings, const SourceInfo& source) {
    EncoderConfig config;
    config.codec = settings.codec;
    config.format = source.format;
    config.size = source.size;
    config.frameRate = source.frameRate;
    config.color = source.color;
    config.sampleAspect = source.sampleAspect;
    config.dmabufLayout = source.dmabufLayout;
    config.quality = settings.quality;
    config.maxBitrate = settings.maxBitrate;
    if (!settings.smart.bitrate)
        config.constantBitrate = settings.maxBitrate;
    config.lookaheadFrames = settings.lookaheadFrames;
    if (!config.lookaheadFrames && isLive(settings, source))
        config.lookaheadFrames = 0;
    return config;
}

}  // namespace

void checkFiles(const Settings& settings) {
    const auto* file = std::get_if<FileSourceConfig>(&settings.source);
    if (file && isSameFile(file->path, settings.output))
        throw std::runtime_error(settings.output + ": is the input too: give another output");
    if (settings.segments)
        const SegmentFolder usable(SegmentName(settings.output).folder());
    else
        checkOutputPath(settings.output, settings.overwrite);
    if (settings.traceFile.empty())
        return;
    if (isSameFile(settings.traceFile, settings.output) || (file && isSameFile(settings.traceFile, file->path)))
        throw std::runtime_error(settings.traceFile + ": is the input or the output too: give another trace file");
    std::error_code error;  // one that is not there is the usual case
    if (!settings.overwrite && std::filesystem::is_regular_file(settings.traceFile, error))
        throw std::runtime_error("'" + settings.traceFile + "' exists; give --overwrite to replace it");
}

std::unique_ptr<Source> openSource(const Settings& settings, const PipelineParts& parts) {
    if (parts.openSource)
        return parts.openSource(settings);
    if (const auto* file = std::get_if<FileSourceConfig>(&settings.source))
        return openFile(*file);
    if (const auto* scene = std::get_if<SceneConfig>(&settings.source))
        return openScene(*scene);
    CameraConfig camera = std::get<CameraConfig>(settings.source);
    camera.directFormats = acceptedFormats(settings, parts.v4l2 ? *parts.v4l2 : v4l2System());
    return openCamera(camera, parts.cameras ? *parts.cameras : libcameraSystem());
}

ChosenEncoder openEncoder(const Settings& settings, const SourceInfo& source, const PipelineParts& parts) {
    const EncoderConfig config = encoderConfig(settings, source);
    if (parts.openEncoder)
        return {.encoder = parts.openEncoder(config), .notes = {}};
    return openEncoder(settings, config, parts.v4l2 ? *parts.v4l2 : v4l2System());
}

FileConfig fileConfig(const Settings& settings, const SourceInfo& source) {
    return {.path = settings.output,
            .codec = settings.codec,
            .size = source.size,
            .frameRate = source.frameRate,
            .color = source.color,
            .sampleAspect = source.sampleAspect,
            .rotation = source.rotation,
            .parameterSets = {},
            .copiedTracks = source.copiedTracks,
            .dropsFrames = settings.smart.frameRate || isLive(settings, source),
            .overwrite = settings.overwrite};
}

bool isLive(const Settings& settings, const SourceInfo& source) {
    return settings.realtime || source.live;
}

OutputSeries::Config filesConfig(const Settings& settings, const SourceInfo& source) {
    OutputSeries::Config config;
    config.file = fileConfig(settings, source);
    if (const auto* file = std::get_if<FileSourceConfig>(&settings.source))
        config.spared.push_back(file->path);
    if (!settings.traceFile.empty())
        config.spared.push_back(settings.traceFile);
    return config;
}

std::optional<std::chrono::nanoseconds> expectedDuration(const Settings& settings, const SourceInfo& source) {
    auto duration = source.duration;
    if (settings.duration)
        duration = std::min(*settings.duration, duration.value_or(*settings.duration));
    if (settings.frames && source.frameRate.known()) {
        const std::chrono::nanoseconds limit(
            // at most three centuries, or they would not fit
            static_cast<std::int64_t>(
                std::min(static_cast<double>(*settings.frames) * 1e9 / source.frameRate.value(), 9e18)));
        duration = std::min(limit, duration.value_or(limit));
    }
    return duration;
}

}  // namespace smartcodec
