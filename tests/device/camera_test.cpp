// The kernel's virtual camera through libcamera.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "capture/file_source.h"
#include "tests/app/fakes.h"
#include "tests/app/picture_sink.h"
#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/device/camera_recording.h"
#include "tests/device/kernel_devices.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr std::size_t kLongestGop = 16;  // vicodec's

PipelineParts watch(CameraLog& log) {
    PipelineParts parts;
    parts.openSource = [&log](const Settings& settings) {
        return openLoggedCamera(std::get<CameraConfig>(settings.source), log);
    };
    return parts;
}

struct Decided {
    bool keyFrame = false;
};

/// Of the frames that were to be recorded.
std::vector<Decided> readDecisions(const std::string& path) {
    std::vector<Decided> decided;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const auto json = nlohmann::json::parse(line);
        if (json["record"])
            decided.push_back({json["key_frame"]});
    }
    return decided;
}

bool addsUp(const RecordingSummary& summary) {
    std::uint64_t dropped = 0;
    for (const auto& [reason, count] : summary.droppedByReason)
        dropped += count;
    return summary.framesIn == summary.framesRecorded + dropped + summary.framesDroppedAtSource + summary.framesLost;
}

double meanBytes(const std::vector<FwhtFrame>& frames, std::size_t begin, std::size_t end) {
    double bytes = 0;
    int count = 0;
    for (std::size_t i = begin; i < end; ++i) {
        if (!frames[i].intra) {
            bytes += static_cast<double>(frames[i].bytes);
            ++count;
        }
    }
    return bytes / std::max(count, 1);
}

/// Mean of a plane around the middle of one of eight vertical bars, in the lower half, which the sensor writes no text
/// on.
double barMean(const Picture& picture, std::size_t plane, int bar) {
    const bool chroma = plane > 0;
    const bool interleaved = chroma && picture.format == kNv12;
    const int width = picture.size.width / (chroma ? 2 : 1);
    const int height = picture.size.height / (chroma ? 2 : 1);
    const Plane& samples = picture.planes[interleaved ? 1 : plane];
    double sum = 0;
    int count = 0;
    for (int y = height * 6 / 10; y < height * 8 / 10; ++y) {
        for (int x = width * (4 * bar + 1) / 32; x < width * (4 * bar + 3) / 32; ++x) {
            const auto at = static_cast<std::size_t>(interleaved ? 2 * x + static_cast<int>(plane) - 1 : x);
            sum += std::to_integer<int>(samples.data[static_cast<std::size_t>(y) * samples.strideBytes + at]);
            ++count;
        }
    }
    return sum / count;
}

/// Nothing on standard error that is not this program's own.
void checkOwnLines(const ProgramResult& result) {
    std::istringstream lines(result.errors);
    for (std::string line; std::getline(lines, line);)
        CHECK_MESSAGE(line.starts_with("smartcodec: "), line);
}

}  // namespace

TEST_SUITE("camera") {
    TEST_CASE("devices lists the virtual camera with its formats sizes and controls") {
        const Vicodec vicodec({});  // none is loaded while it is looked for
        const ProgramResult json = runProgram({"devices", "--json"});
        checkOwnLines(json);
        REQUIRE(json.exitStatus == 0);
        const auto report = nlohmann::json::parse(json.output);
        REQUIRE(report["cameras"].size() == 1);
        const auto& listed = report["cameras"][0];
        CAPTURE(listed.dump(2));
        CHECK(listed["id"] == "platform/vimc.0 Sensor B");
        CHECK(listed["model"] == "Sensor B");
        CHECK(listed["formats"].size() == 2);
        CHECK(listed["formats"][0]["sizes"].size() == 48);
        CHECK(listed["controls"].size() == 3);
        const ProgramResult text = runProgram({"devices"});
        checkOwnLines(text);
        CHECK(text.output.find("platform/vimc.0 Sensor B") != std::string::npos);
        CHECK(text.output.find("160x120 to 4096x2160") != std::string::npos);
        CHECK(text.output.find("Brightness") != std::string::npos);
    }

    TEST_CASE("a camera's own dmabufs go into vicodec and its stream follows the decisions") {
        const Vicodec vicodec(true);
        const TemporaryFolder folder;
        KernelLog kernel;
        CameraLog log;
        WatchedV4l2 v4l2;
        PipelineParts parts = watch(log);
        parts.v4l2 = &v4l2;
        Settings settings = fwhtSettings(folder, camera(kLargeSize, {kBgr888, kRgb888}), 40);
        settings.maxGop = 400ms;
        settings.traceFile = folder / "trace.jsonl";
        RecordingSummary summary;
        std::vector<std::string> notes;
        {
            Recording recording(settings, parts);
            notes = recording.notes();
            v4l2.copied = 0;  // the trial's grey pictures
            recording.start();
            summary = recording.finish();
        }
        CHECK(summary.failure == "");
        CHECK(summary.framesLost == 0);  // the last one has arrived too
        CHECK(summary.framesIn == 40);
        CHECK(addsUp(summary));
        CHECK(v4l2.copied == 0);
        CHECK(!v4l2.imported.empty());
        CHECK(std::ranges::includes(log.dmabufs, v4l2.imported));
        CHECK(log.smallPictures);
        const std::vector<FwhtFrame> frames = readFwht(settings.output);
        const std::vector<Decided> decided = readDecisions(settings.traceFile);
        REQUIRE(frames.size() == decided.size());
        CHECK(frames.size() == summary.framesRecorded);
        CHECK(frames.size() > 10);
        CHECK(std::filesystem::file_size(settings.output) == summary.videoBytes);
        std::size_t last = 0;
        std::size_t keyFrames = 0;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            CAPTURE(i);
            CHECK(frames[i].size == kLargeSize);
            CHECK(frames[i].intra == (decided[i].keyFrame || i - last == kLongestGop));
            last = frames[i].intra ? i : last;
            keyFrames += decided[i].keyFrame ? 1 : 0;
        }
        CHECK(keyFrames >= 2);
        for (const std::string& complaint : kernel.complaints())
            FAIL_CHECK("the kernel says: " << complaint);
    }

    TEST_CASE("vicodec codes a camera coarser while it records when the cap asks for it") {
        const Vicodec vicodec({});
        const TemporaryFolder folder;
        Settings settings = fwhtSettings(folder, camera(kLargeSize, {kBgr888, kRgb888}), 80);
        settings.smart = SmartFunctions::none();
        settings.smart.bitrate = true;
        settings.quality = 2;
        settings.maxBitrate = {1'000'000};
        settings.levels.fill(settings.maxBitrate);
        CameraLog log;
        const RecordingSummary summary = record(settings, {}, watch(log));
        CHECK(summary.failure == "");
        const std::vector<FwhtFrame> frames = readFwht(settings.output);
        CHECK(frames.size() == summary.framesRecorded);
        REQUIRE(frames.size() > 20);
        CHECK(meanBytes(frames, frames.size() - 8, frames.size()) < 0.7 * meanBytes(frames, 1, 4));
        // what the camera sees is always as much: without the cap key frames are within 1 % of each other
        const auto intra = [](const FwhtFrame& frame) { return frame.intra; };
        const auto last = std::find_if(frames.rbegin(), frames.rend(), intra);
        REQUIRE(frames.front().intra);
        CHECK(static_cast<double>(last->bytes) < 0.97 * static_cast<double>(frames.front().bytes));
    }

    TEST_CASE("a camera's test pattern comes into an MP4 file at the sensor's times") {
        const TemporaryFolder folder;
        Settings settings = settingsFor(folder, "out.mp4", 30);
        settings.source = camera(kLargeSize);
        settings.smart = SmartFunctions::none();
        CameraLog log;
        const RecordingSummary summary = record(settings, {}, watch(log));
        CHECK(summary.failure == "");
        CHECK(addsUp(summary));
        REQUIRE(!log.times.empty());
        CHECK(log.soonest >= 0ns);  // the sensor's clock is the boot clock
        CHECK(log.latest < 10s);    // and of no other epoch, however slow the machine
        FileSourceConfig file;
        file.path = settings.output;
        PictureSink sink;
        REQUIRE(openFile(file)->run(sink, {}).ok());
        CHECK(sink.frames.size() == summary.framesRecorded);
        REQUIRE(sink.frames.size() > 5);
        for (const Frame& frame : sink.frames) {
            CHECK(frame->picture.size == kLargeSize);
            const bool captured = std::ranges::any_of(log.times, [&](CaptureTime time) {
                return std::chrono::abs((time - log.times.front()) - frame->time.time_since_epoch()) < 1ms;
            });
            CHECK_MESSAGE(captured, frame->time.time_since_epoch().count() << " ns");
        }
        // 75 % colour bars (ITU-R BT.471), in limited range with BT.601's matrix
        constexpr std::array<std::array<int, 3>, 8> kBars{{{180, 128, 128},
                                                           {162, 44, 142},
                                                           {131, 156, 44},
                                                           {112, 72, 58},
                                                           {84, 184, 198},
                                                           {65, 100, 212},
                                                           {35, 212, 114},
                                                           {16, 128, 128}}};
        for (int bar = 0; bar < 8; ++bar) {
            for (std::size_t plane = 0; plane < 3; ++plane) {
                CAPTURE(bar);
                CAPTURE(plane);
                const double seen = barMean(sink.frames.back()->picture, plane, bar);
                CHECK(std::abs(seen - kBars[static_cast<std::size_t>(bar)][plane]) < 16);
            }
        }
    }

    TEST_CASE("a control that the user sets acts on the camera's pictures") {
        const auto whiteBar = [](std::vector<CameraSetting> settings) {
            const TemporaryFolder folder;
            Settings recording = settingsFor(folder, "out.mp4", 15);
            CameraConfig config = camera(kSensorSize);
            config.settings = std::move(settings);
            recording.source = config;
            recording.smart = SmartFunctions::none();
            CameraLog log;
            CHECK(record(recording, {}, watch(log)).failure == "");
            FileSourceConfig file;
            file.path = recording.output;
            PictureSink sink;
            REQUIRE(openFile(file)->run(sink, {}).ok());
            REQUIRE(!sink.frames.empty());
            return barMean(sink.frames.back()->picture, 0, 0);
        };
        const double plain = whiteBar({});
        CHECK(whiteBar({{"Brightness", "-0.5"}}) < plain - 20);
    }

    TEST_CASE("a slow encoder costs pictures at the camera and does not hold up its thread") {
        const TemporaryFolder folder;
        Settings settings = settingsFor(folder, "out.mp4", 50);
        settings.source = camera(kSensorSize);
        settings.smart = SmartFunctions::none();
        CameraLog log;
        PipelineParts parts = hinder({.delay = 200ms});
        parts.openSource = watch(log).openSource;
        const RecordingSummary summary = record(settings, {}, parts);
        CHECK(summary.failure == "");
        CHECK(addsUp(summary));
        CHECK(summary.framesIn == 50);
        CHECK(summary.framesDroppedAtSource > 20);
        CHECK(summary.framesRecorded > 3);
        CHECK(readRecording(settings.output).times.size() == summary.framesRecorded);
        CHECK(log.offering < summary.duration / 5);
    }
}
}  // namespace smartcodec::test
