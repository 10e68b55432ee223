// A disk that hangs under a live recording: the real stages and encoder, and a writer that waits for a test.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "app/analysis_stage.h"
#include "app/capture_stage.h"
#include "app/encode_stage.h"
#include "app/hold_stage.h"
#include "app/pipeline_setup.h"
#include "app/sync_stage.h"
#include "app/write_stage.h"
#include "tests/app/fakes.h"
#include "tests/app/recorded_file.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kFrame = 40ms;

/// Each so many packets the disk hangs until so many more pictures have been encoded: in their time, so that a slow
/// machine waits no differently.
struct Hang {
    std::uint64_t packets = 0;
    int frames = 0;
    int lastFrame = 0;  ///< there are no more
};

/// Knows how far the encoder is.
class Progressing {
  public:
    void reached(int frame) {
        {
            const std::lock_guard lock(mutex_);
            frame_ = frame;
        }
        moved_.notify_all();
    }
    void waitFor(const Hang& hang) {
        std::unique_lock lock(mutex_);
        const int until = std::min(frame_ + hang.frames, hang.lastFrame);
        moved_.wait_for(lock, 60s, [&] { return frame_ >= until; });  // or it waits for the disk, which it must not
    }

  private:
    std::mutex mutex_;
    std::condition_variable moved_;
    int frame_ = -1;
};

/// A real file on a disk that hangs.
class HangingWriter final : public FileWriter {
  public:
    HangingWriter(std::unique_ptr<FileWriter> writer, Hang hang, Progressing& encoder)
        : writer_(std::move(writer)), hang_(hang), encoder_(encoder) {}

    Status write(Packet packet) override {
        if (++packets_ % hang_.packets == 0)
            encoder_.waitFor(hang_);
        return writer_->write(std::move(packet));
    }
    Status flush() override { return writer_->flush(); }
    UniqueFd toSync() const override { return writer_->toSync(); }
    bool goOnWith(std::span<const std::byte> sets) override { return writer_->goOnWith(sets); }
    Status end(CaptureTime at, CopiedTail tail) override { return writer_->end(at, tail); }
    Status endBefore(CaptureTime next, std::vector<Packet>& following) override {
        return writer_->endBefore(next, following);
    }
    Status close() override { return writer_->close(); }
    bool isWhole() const override { return writer_->isWhole(); }
    std::uint64_t bytesWritten() const override { return writer_->bytesWritten(); }
    std::uint64_t videoPackets() const override { return writer_->videoPackets(); }
    std::uint64_t videoBytes() const override { return writer_->videoBytes(); }
    const std::vector<std::string>& leftOut() const override { return writer_->leftOut(); }

  private:
    std::unique_ptr<FileWriter> writer_;
    const Hang hang_;
    Progressing& encoder_;
    std::uint64_t packets_ = 0;
};

class HangingSeries final : public FileSeries {
  public:
    HangingSeries(FileConfig config, Hang hang, Progressing& encoder)
        : config_(std::move(config)), hang_(hang), encoder_(encoder) {}

    OpenOutput open(const Next& next) override {
        config_.parameterSets = next.parameterSets;
        return {.path = config_.path, .writer = std::make_unique<HangingWriter>(createFile(config_), hang_, encoder_)};
    }

  private:
    FileConfig config_;
    const Hang hang_;
    Progressing& encoder_;
};

struct Outcome {
    RecordedFile file;
    std::uint64_t encoded = 0;
    std::uint64_t written = 0;
    std::uint64_t busy = 0;
};

Settings liveSettings(const TemporaryFolder& folder) {
    Settings settings;
    settings.output = folder / "out.mp4";
    settings.smart = SmartFunctions::none();  // with a key frame every second
    settings.lookaheadFrames = 0;
    return settings;
}

/// Frames as fast as they can be encoded, each second in other colours; nobody waits for the disk, as with a camera.
Outcome recordOn(const Hang& hang, std::size_t backlogBytes) {
    const TemporaryFolder folder;
    const Settings settings = liveSettings(folder);
    Progressing progress;
    const PipelineParts parts = makeParts({.times = evenTimes(hang.lastFrame + 1, kFrame)},
                                          {.onFrame = [&](int frame) { progress.reached(frame); }});
    const std::unique_ptr<Source> source = parts.openSource(settings);
    const ChosenEncoder chosen = openEncoder(settings, source->info(), parts);
    Queue<CaptureItem> captured(3);
    Queue<JobItem> jobs(3);
    Queue<HoldItem> coded(16);
    Queue<WriteItem> packets(5000);
    Queue<QpMap> spareMaps(5);
    FirstFailure failure;
    KeyFrameRequest keyFrames;
    CaptureStage capture(*source, settings, captured, failure);
    AnalysisStage analysis(settings, source->info(), {captured, jobs, spareMaps}, nullptr, failure, nullptr,
                           &keyFrames);
    EncodeStage encode(*chosen.encoder, {jobs, coded, spareMaps}, failure);
    HoldStage hold({.mayDrop = true, .backlogBytes = backlogBytes}, coded, packets, [&] { keyFrames.ask(); });
    HangingSeries series(fileConfig(settings, source->info()), hang, progress);
    SyncStage sync(failure);
    WriteStage write(series.open({.parameterSets = chosen.encoder->parameterSets()}), series,
                     {.stage = sync, .interval = 1s}, packets, failure);
    {
        const std::jthread threads[] = {std::jthread([&] { sync.run(); }),     std::jthread([&] { write.run(); }),
                                        std::jthread([&] { hold.run(); }),     std::jthread([&] { encode.run(); }),
                                        std::jthread([&] { analysis.run(); }), std::jthread([&] { capture.run(); })};
    }
    CHECK(failure.message() == "");
    return {.file = readRecording(settings.output),
            .encoded = encode.jobs(),
            .written = write.pictures(),
            .busy = hold.busyPictures()};
}

}  // namespace

TEST_SUITE("fault") {
    TEST_CASE("a disk that hangs for ten seconds costs nothing that memory has room for") {
        const Outcome outcome = recordOn({.packets = 100, .frames = 250, .lastFrame = 499}, kBacklogBytes);
        CHECK(outcome.busy == 0);
        CHECK(outcome.written == 500);
        CHECK(outcome.file.times.size() == 500);
    }

    TEST_CASE("a disk that hangs for ten seconds again and again costs whole GOPs and the rest plays") {
        const Outcome outcome = recordOn({.packets = 90, .frames = 250, .lastFrame = 2999}, 60'000);
        CHECK(outcome.encoded == 3000);
        CHECK(outcome.busy > 500);
        CHECK(outcome.written > 500);
        CHECK(outcome.written + outcome.busy == 3000);
        REQUIRE(outcome.file.times.size() == outcome.written);  // decoded without an error
        int gaps = 0;
        for (std::size_t i = 1; i < outcome.file.times.size(); ++i) {
            if (outcome.file.times[i] - outcome.file.times[i - 1] < 0.06)
                continue;
            ++gaps;
            const double after = outcome.file.times[i];  // is a key frame
            CHECK(std::ranges::any_of(outcome.file.keyTimes,
                                      [after](double key) { return std::abs(key - after) < 0.001; }));
        }
        CHECK(gaps >= 3);
        CHECK(std::abs(outcome.file.videoEnd - 120) < 0.001);  // the time line is as long as ever
    }
}
