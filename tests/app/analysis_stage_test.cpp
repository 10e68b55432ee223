#include "app/analysis_stage.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "capture/frame_pool.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr Size kSize{64, 48};

/// Who finds a frame's pixels in memory.
enum class Pixels { Everyone, AnalysisOnly, NotAnalysis };

/// Frames of a plain picture, 40 ms apart.
class Frames {
  public:
    Frames() : pool_(kYuv420, kSize), plain_(pool_.make({})) {
        for (int plane = 0; plane < 3; ++plane) {
            const Plane& target = plain_->picture.planes[static_cast<std::size_t>(plane)];
            const Size bytes = planeSizeBytes(kYuv420, kSize, plane);
            std::memset(target.data, 128, target.strideBytes * static_cast<std::size_t>(bytes.height));
        }
    }

    [[nodiscard]] Frame make(int number, Pixels pixels) {
        Frame::Description description = *plain_;
        description.time = CaptureTime(40ms * number);
        description.duration = 40ms;
        description.sequence = static_cast<std::uint64_t>(number);
        description.analysisPicture = description.picture;
        if (pixels == Pixels::AnalysisOnly)
            takeAway(description.picture);
        if (pixels == Pixels::NotAnalysis)
            takeAway(*description.analysisPicture);
        return {buffer_, description};
    }

  private:
    static void takeAway(Picture& picture) {
        for (Plane& plane : picture.planes)
            plane.data = nullptr;
    }

    class Borrowed final : public FrameBuffer {
        void recycle() noexcept override {}
    };

    FramePool pool_;
    Frame plain_;
    Borrowed buffer_;
};

struct Outcome {
    std::vector<int> recorded;  // numbers of the frames
    std::vector<int> keyFrames;
    std::map<FrameReason, std::uint64_t> reasons;
    std::uint64_t stabilised = 0;  // pictures that the stabiliser dealt with, recorded or not
    std::string failure;
};

/// 100 frames, those from `from` on with `pixels`.
Outcome run(const Settings& settings, int from, Pixels pixels) {
    constexpr int kFrames = 100;
    Frames frames;
    Queue<CaptureItem> in(kFrames + 1);
    Queue<JobItem> out(kFrames + 1);
    Queue<QpMap> spareMaps(1);
    FirstFailure failure;
    SourceInfo source;
    source.format = kYuv420;
    source.size = kSize;
    source.frameRate = {25, 1};
    AnalysisStage stage(settings, source, {in, out, spareMaps}, nullptr, failure);
    for (int number = 0; number < kFrames; ++number)
        in.put(frames.make(number, number < from ? Pixels::Everyone : pixels));
    in.put(End{.time = CaptureTime(40ms * kFrames)});
    stage.run();

    Outcome outcome;
    for (;;) {
        const JobItem item = out.take();
        if (std::holds_alternative<End>(item))
            break;
        const Job& job = std::get<Job>(item);
        outcome.recorded.push_back(static_cast<int>(job.frame->sequence));
        if (job.keyFrame)
            outcome.keyFrames.push_back(static_cast<int>(job.frame->sequence));
    }
    outcome.reasons = stage.recorded();
    outcome.stabilised = stage.stabilisingTime().count;
    outcome.failure = failure.message();
    return outcome;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("after the analysis has failed every frame is recorded") {
        Settings settings;
        settings.maxGop = 2s;
        const Outcome outcome = run(settings, 30, Pixels::NotAnalysis);
        CHECK(outcome.failure == "");
        CHECK(outcome.reasons.at(FrameReason::SmartOff) == 70);
        CHECK(outcome.recorded.size() < 100);  // what had not moved before was dropped
        CHECK(outcome.keyFrames == std::vector<int>{0, 50});
        CHECK(outcome.stabilised == 30);  // it relies on the analysis
    }

    TEST_CASE("key frames come every second after a failure too where they are not smart") {
        Settings settings;
        settings.smart.gop = false;
        CHECK(run(settings, 30, Pixels::NotAnalysis).keyFrames == std::vector<int>{0, 25, 50, 75});
    }

    TEST_CASE("an analysis that fails at once leaves a recording of all frames") {
        const Outcome outcome = run(Settings(), 0, Pixels::NotAnalysis);
        CHECK(outcome.recorded.size() == 100);
        CHECK(outcome.keyFrames == std::vector<int>{0});
    }

    TEST_CASE("after the stabiliser has failed frames are still judged and go on as they come") {
        Settings settings;
        const Outcome outcome = run(settings, 30, Pixels::AnalysisOnly);
        CHECK(outcome.failure == "");
        CHECK(outcome.stabilised == 30);
        CHECK(outcome.reasons.count(FrameReason::SmartOff) == 0);
        settings.smart.stabilize = false;
        CHECK(outcome.recorded == run(settings, 0, Pixels::Everyone).recorded);
    }

    TEST_CASE("with nothing smart no picture is looked at") {
        Settings settings;
        settings.smart = SmartFunctions::none();
        const Outcome outcome = run(settings, 0, Pixels::AnalysisOnly);
        CHECK(outcome.failure == "");
        CHECK(outcome.recorded.size() == 100);
        CHECK(outcome.keyFrames == std::vector<int>{0, 25, 50, 75});
        CHECK(outcome.reasons == std::map<FrameReason, std::uint64_t>{{FrameReason::SmartOff, 100}});
    }
}
