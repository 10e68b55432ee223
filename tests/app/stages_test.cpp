#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

#include "app/analysis_stage.h"
#include "app/capture_stage.h"
#include "app/encode_stage.h"
#include "tests/app/fakes.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

/// One byte per frame, two frames late, and no library: what a race in the stages cannot hide behind.
class PlainEncoder final : public Encoder {
  public:
    const EncoderCapabilities& capabilities() const override { return capabilities_; }
    std::span<const std::byte> parameterSets() const override { return {}; }
    Status encode(Frame frame, const EncodeParameters&) override {
        if (static_cast<int>(held_.size() + taken_) == failAt)
            return Status::failure("plain encoder: broken on purpose");
        Packet packet;
        packet.data = kByte;
        packet.presentation = packet.decode = frame->time;
        held_.push_back(std::move(packet));
        return {};
    }
    Status drain() override {
        draining_ = true;
        return {};
    }
    std::optional<Packet> takePacket() override {
        if (held_.size() <= (draining_ ? 0U : 2U))
            return std::nullopt;
        Packet packet = std::move(held_.front());
        held_.erase(held_.begin());
        ++taken_;
        return packet;
    }

    int failAt = -1;

  private:
    static constexpr std::byte kByte[1] = {};
    EncoderCapabilities capabilities_;
    std::vector<Packet> held_;
    std::size_t taken_ = 0;
    bool draining_ = false;
};

struct Outcome {
    std::vector<CaptureTime> written;
    CaptureTime end;
    std::uint64_t framesIn = 0;
    std::string failure;
};

/// The stages on their threads, this one taking what they write.
Outcome runStages(const SourceRecipe& recipe, PlainEncoder& encoder) {
    const std::unique_ptr<Source> source = makeSource(recipe);
    Settings settings;
    settings.smart = SmartFunctions::none();
    Queue<CaptureItem> captured(3);
    Queue<JobItem> jobs(3);
    Queue<HoldItem> packets(4);
    Queue<QpMap> spareMaps(5);
    FirstFailure failure;
    CaptureStage capture(*source, settings, captured, failure);
    AnalysisStage analysis(settings, source->info(), {captured, jobs, spareMaps}, nullptr, failure);
    EncodeStage encode(encoder, {jobs, packets, spareMaps}, failure);

    Outcome outcome;
    {
        const std::jthread threads[] = {std::jthread([&] { capture.run(); }), std::jthread([&] { analysis.run(); }),
                                        std::jthread([&] { encode.run(); })};
        for (;;) {
            const HoldItem item = packets.take();
            if (const auto* picture = std::get_if<Encoded>(&item))
                outcome.written.push_back(picture->packet.presentation);
            if (const auto* end = std::get_if<End>(&item)) {
                outcome.end = end->time;
                break;
            }
        }
    }
    outcome.framesIn = capture.frames();
    outcome.failure = failure.message();
    return outcome;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the stages hand on every frame in order and then the end") {
        PlainEncoder encoder;
        const Outcome outcome = runStages({.times = evenTimes(500, 40ms)}, encoder);
        REQUIRE(outcome.written.size() == 500);
        for (std::size_t i = 0; i < outcome.written.size(); ++i)
            CHECK(outcome.written[i] == CaptureTime(40ms * i));
        CHECK(outcome.end == CaptureTime(20s));
        CHECK(outcome.framesIn == 500);
        CHECK(outcome.failure == "");
    }

    TEST_CASE("a failure stops an endless source and what came before is handed on") {
        PlainEncoder encoder;
        encoder.failAt = 100;
        const Outcome outcome = runStages({.times = {}, .endless = true}, encoder);
        CHECK(outcome.failure == "plain encoder: broken on purpose");
        CHECK(outcome.framesIn > 100);
        CHECK(outcome.written.size() == 98);           // two were inside
        CHECK(outcome.end == CaptureTime(40ms * 98));  // when the first of them would have been shown
    }
}
