#include "tests/app/emulated_recording.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "encoder/v4l2_device.h"

namespace smartcodec::test {

namespace {

/// Another source, with a hook at each of its frames.
class HookedSource final : public Source {
  public:
    HookedSource(std::unique_ptr<Source> source, FrameHook onFrame)
        : source_(std::move(source)), onFrame_(std::move(onFrame)) {}

    const SourceInfo& info() const override { return source_->info(); }
    Status run(SourceSink& sink, std::stop_token stop) override {
        Between between(sink, onFrame_);
        return source_->run(between, std::move(stop));
    }

  private:
    class Between final : public SourceSink {
      public:
        Between(SourceSink& sink, const FrameHook& onFrame) : sink_(sink), onFrame_(onFrame) {}
        bool deliver(Frame frame) override {
            onFrame_(static_cast<int>(frame->sequence));
            return sink_.deliver(std::move(frame));
        }
        bool deliver(Packet packet) override { return sink_.deliver(std::move(packet)); }
        void offer(Frame frame) override { sink_.offer(std::move(frame)); }

      private:
        SourceSink& sink_;
        const FrameHook& onFrame_;
    };

    std::unique_ptr<Source> source_;
    FrameHook onFrame_;
};

std::vector<TraceLine> readTrace(const std::string& path) {
    std::vector<TraceLine> lines;
    std::ifstream file(path);
    for (std::string text; std::getline(file, text);) {
        const auto json = nlohmann::json::parse(text);
        lines.push_back({json["time_s"], json["record"], json["key_frame"], json["bitrate_bps"]});
    }
    return lines;
}

}  // namespace

bool EmulatedRecording::hasNote(const std::string& part) const {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

std::vector<double> EmulatedRecording::decidedTimes() const {
    std::vector<double> times;
    for (const TraceLine& line : trace) {
        if (line.record)
            times.push_back(line.time);
    }
    return times;
}

std::vector<double> EmulatedRecording::decidedKeyTimes() const {
    std::vector<double> times;
    for (const TraceLine& line : trace) {
        if (line.keyFrame)
            times.push_back(line.time);
    }
    return times;
}

std::vector<double> EmulatedRecording::recordedTimes() const {
    std::vector<double> times;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (const double time : files[i].times)
            times.push_back(std::chrono::duration<double>(summary.files[i].start).count() + time);
    }
    return times;
}

std::vector<double> EmulatedRecording::recordedKeyTimes() const {
    std::vector<double> times;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (const double time : files[i].keyTimes)
            times.push_back(std::chrono::duration<double>(summary.files[i].start).count() + time);
    }
    return times;
}

std::vector<RecordedFile::VideoPacket> EmulatedRecording::packets() const {
    std::vector<RecordedFile::VideoPacket> packets;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (RecordedFile::VideoPacket packet : files[i].videoPackets) {
            packet.time += std::chrono::duration<double>(summary.files[i].start).count();
            packets.push_back(packet);
        }
    }
    return packets;
}

double EmulatedRecording::rate(double from, double to) const {
    double bits = 0;
    for (const RecordedFile::VideoPacket& packet : packets()) {
        if (packet.time >= from && packet.time < to)
            bits += 8.0 * static_cast<double>(packet.bytes);
    }
    return bits / (to - from);
}

double EmulatedRecording::highestRate(double window) const {
    double highest = 0;
    double bits = 0;
    const std::vector<RecordedFile::VideoPacket> all = packets();
    auto oldest = all.begin();
    for (const RecordedFile::VideoPacket& packet : all) {
        bits += 8.0 * static_cast<double>(packet.bytes);
        for (; oldest->time <= packet.time - window; ++oldest)
            bits -= 8.0 * static_cast<double>(oldest->bytes);
        highest = std::max(highest, bits);
    }
    return highest / window;
}

std::vector<V4l2Personality> personalitiesWith(Codec codec) {
    std::vector<V4l2Personality> found;
    for (const V4l2Personality& personality : v4l2Personalities()) {
        const auto& formats = personality.codedFormats;
        if (std::find(formats.begin(), formats.end(), v4l2Fourcc(codec)) != formats.end())
            found.push_back(personality);
    }
    return found;
}

Settings emulatedSettings(const TemporaryFolder& folder, const std::string& script, int seconds) {
    Settings settings;
    SceneConfig scene;
    scene.script = script;
    scene.size = {256, 144};
    scene.frameRate = {25, 1};
    settings.source = scene;
    settings.encoder = {.kind = EncoderChoice::Kind::V4l2};
    settings.frames = static_cast<std::uint64_t>(25 * seconds);
    settings.output = folder / "out.mp4";
    settings.overwrite = true;
    return settings;
}

EmulatedRecording recordEmulated(V4l2System& system, Settings settings, const FrameHook& onFrame) {
    settings.traceFile = settings.output + ".jsonl";
    PipelineParts parts;
    parts.v4l2 = &system;
    if (onFrame) {
        parts.openSource = [&onFrame](const Settings& given) -> std::unique_ptr<Source> {
            return std::make_unique<HookedSource>(openScene(std::get<SceneConfig>(given.source)), onFrame);
        };
    }
    EmulatedRecording result;
    {
        Recording recording(settings, parts);
        result.notes = recording.notes();
        recording.start();
        result.summary = recording.finish();
    }
    result.trace = readTrace(settings.traceFile);
    for (const WrittenFile& file : result.summary.files)
        result.files.push_back(readRecording(file.path));
    return result;
}

}  // namespace smartcodec::test
