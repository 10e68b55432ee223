#include <doctest/doctest.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "encoder/v4l2_device.h"
#include "tests/encoder/playable_file.h"
#include "tests/encoder/v4l2_fixture.h"
#include "tests/support/faulty_v4l2.h"

namespace smartcodec::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kFrames = 60;
// One failure may cost the frames that were inside without their pictures being here any more, and those after them up
// to the next key frame.
constexpr std::size_t kMostLost = 5;
constexpr Size kTiny{64, 64};
constexpr Size kSmallestOfAll{256, 144};  // that every driver takes
// Under a sanitizer a sample, no multiple of any call's number of errors: of all calls for the address sanitizer but
// the first ones, which each meet other code; of all for the thread sanitizer, since the client is one thread.
#ifdef SMARTCODEC_SANITIZED
constexpr std::size_t kStride = 11;
#else
constexpr std::size_t kStride = 1;
#endif
#ifdef __SANITIZE_THREAD__
constexpr std::size_t kFirst = 0;
constexpr std::array kCodecs{Codec::H264};
#else
constexpr std::size_t kFirst = 3;
constexpr std::array kCodecs{Codec::H264, Codec::Hevc};
#endif

/// A camera's buffers, or pictures in plain memory; painted once: they are not what this is about.
class Pictures {
  public:
    Pictures(const EncoderConfig& config, bool dmabufs) : pool_(config.format, config.size) {
        if (dmabufs)
            dmabufs_.emplace(config.format, config.size, 12, DmabufPictures::Layout{});
    }
    Frame make(int number) {
        if (dmabufs_)
            return dmabufs_->make(number, at(number));
        Frame::Description description;
        description.time = at(number);
        return pool_.make(description);
    }
    [[nodiscard]] const Picture* layout() const { return dmabufs_ ? &dmabufs_->layout() : nullptr; }
    [[nodiscard]] int leased() const { return dmabufs_ ? dmabufs_->leased() : 0; }

  private:
    FramePool pool_;
    std::optional<DmabufPictures> dmabufs_;
};

struct Case {
    const V4l2Personality& personality;
    Codec codec = Codec::H264;
    Size size = kTiny;
    bool dmabufs = false;
    V4l2Call call{};
    std::size_t occurrence = 0;
    int error = 0;  ///< 0: none
};

struct Outcome {
    std::string setUpFailure;
    V4l2Recording recording;
    std::vector<std::vector<std::byte>> parameterSets;
    std::map<V4l2Call, std::size_t> calls;
    bool struck = false;
    std::size_t leftOpen = 0;
    std::size_t leftMapped = 0;
    int leftLeased = 0;
    std::chrono::nanoseconds took{0};
};

EncoderConfig configOf(const Case& one) {
    EncoderConfig config = smallConfig(one.codec);
    config.size = one.size;
    config.format = kNv12;
    return config;
}

/// Sixty frames with key frames and bit rates on the way.
void recordInto(Outcome& outcome, Encoder& encoder, const EncoderConfig& config, Pictures& pictures) {
    V4l2Recording& recording = outcome.recording;
    PacketCollector packets(encoder, recording);
    const auto fine = [&](const Status& status) {
        if (!status.ok())
            recording.failure = status.message();
        packets.take();
    };
    for (int number = 0; number < kFrames && recording.failure.empty(); ++number) {
        EncodeParameters parameters{.keyFrame = number % 20 == 19, .bitrate = config.maxBitrate};
        if (number % 16 == 8)
            parameters.bitrate.bitsPerSecond /= 1 + number / 16;
        fine(encoder.encode(pictures.make(number), parameters));
    }
    if (recording.failure.empty())
        fine(encoder.drain());
    outcome.parameterSets = std::move(packets).parameterSets();
}

Outcome run(const Case& one) {
    Outcome outcome;
    EncoderConfig config = configOf(one);
    Pictures pictures(config, one.dmabufs);
    if (const Picture* layout = pictures.layout())
        config.dmabufLayout = *layout;
    V4l2Personality personality = one.personality;
    personality.smallestCodedBytes = 64 * 1024;
    EmulatedV4l2 device(personality, EmulatedV4l2::Coding::Fake);
    FaultyV4l2 system(device);
    system.fail(one.call, one.occurrence, one.error);
    const auto begin = Clock::now();
    V4l2Limits limits = quickLimits();
    limits.stall =
        milliseconds(3000);  // none of these calls stalls it: a busy machine is not to look like a second failure
    try {
        const auto encoder = openV4l2Encoder(config, {}, system, limits);
        recordInto(outcome, *encoder, config, pictures);
    } catch (const std::runtime_error& error) {
        outcome.setUpFailure = error.what();
    }
    outcome.took = Clock::now() - begin;
    outcome.calls = system.counts();
    outcome.struck = system.struck();
    outcome.leftOpen = device.openDescriptors();
    outcome.leftMapped = device.mappings();
    outcome.leftLeased = pictures.leased();
    return outcome;
}

struct Tally {
    std::size_t cases = 0;
    std::size_t unharmed = 0;
    std::size_t recovered = 0;
    std::size_t notSetUp = 0;
    std::size_t ended = 0;
    std::size_t mostLost = 0;
    std::size_t files = 0;
    std::chrono::nanoseconds longest{0};
};

void judge(const Case& one, const Outcome& outcome, Tally& tally) {
    if (!outcome.struck)  // so often it was not called this time
        return;
    ++tally.cases;
    tally.longest = std::max(tally.longest, outcome.took);
    CAPTURE(one.personality.name);
    CAPTURE(std::string(name(one.codec)));
    CAPTURE(one.dmabufs);
    CAPTURE(one.call.name);
    CAPTURE(one.call.output);
    CAPTURE(one.occurrence);
    CAPTURE(std::generic_category().message(one.error));
    CHECK(outcome.leftOpen == 0);
    CHECK(outcome.leftMapped == 0);
    CHECK(outcome.leftLeased == 0);
    CHECK(outcome.took < test::kLongestRecovery);
    if (!outcome.setUpFailure.empty()) {
        ++tally.notSetUp;
        CHECK_MESSAGE(outcome.setUpFailure.find("/dev/video0") != std::string::npos, outcome.setUpFailure);
        CHECK_MESSAGE(mayPreventSetUp(one.call, one.error, one.personality, one.size), outcome.setUpFailure);
        return;
    }
    checkStream(outcome.recording, one.codec);
    checkPlayable(configOf(one), outcome.parameterSets, outcome.recording);
    tally.files += outcome.parameterSets.size();
    if (!outcome.recording.failure.empty()) {
        ++tally.ended;
        CHECK_MESSAGE(outcome.recording.failure.find("/dev/video0") != std::string::npos, outcome.recording.failure);
        FAIL_CHECK("a single failure ended the recording: " << outcome.recording.failure);
        return;
    }
    const std::size_t packets = outcome.recording.packets.size();
    CHECK(packets + kMostLost >= static_cast<std::size_t>(kFrames));
    tally.mostLost = std::max(tally.mostLost, kFrames - packets);
    ++(packets == static_cast<std::size_t>(kFrames) ? tally.unharmed : tally.recovered);
}

/// The calls of a recording in which nothing fails.
std::map<V4l2Call, std::size_t> callsOf(const Case& undisturbed) {
    CAPTURE(undisturbed.personality.name);
    Outcome outcome = run(undisturbed);
    REQUIRE_MESSAGE(outcome.setUpFailure == "", outcome.setUpFailure);
    REQUIRE(outcome.recording.failure == "");
    REQUIRE(outcome.recording.packets.size() == static_cast<std::size_t>(kFrames));
    return std::move(outcome.calls);
}

/// At least `least` of them must have been there: a sweep that sweeps nothing finds nothing.
void tell(const Tally& tally, std::size_t least) {
    CHECK(tally.ended == 0);
    CHECK(tally.cases >= least);
    MESSAGE(tally.cases << " cases: " << tally.notSetUp << " not set up, " << tally.unharmed << " with every frame, "
                        << tally.recovered << " with some lost (" << tally.mostLost << " at most); " << tally.files
                        << " files play; the longest took "
                        << std::chrono::duration_cast<milliseconds>(tally.longest).count() << " ms");
}

void sweepAll(const std::string& personality, bool dmabufs) {
    constexpr std::size_t kLeastCases = 2500 / kStride;
    Case one{.personality = v4l2Personality(personality), .dmabufs = dmabufs};
    Tally tally;
    std::size_t number = 0;
    for (const auto& [call, count] : callsOf(one))
        for (std::size_t occurrence = 0; occurrence < count; ++occurrence)
            for (const int error : errorsOf(call))
                if (number++ % kStride == 0 || occurrence < kFirst) {
                    one.call = call;
                    one.occurrence = occurrence;
                    one.error = error;
                    judge(one, run(one), tally);
                }
    tell(tally, kLeastCases);
}

/// Each kind of call once, anywhere in the recording, with any of its errors.
void sample(Case one, std::minstd_rand& random, Tally& tally) {
    const auto anyOf = [&random](std::size_t count) {
        return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
    };
    for (const auto& [call, count] : callsOf(one)) {
        const std::vector<int>& errors = errorsOf(call);
        one.call = call;
        one.occurrence = anyOf(count);
        one.error = errors[anyOf(errors.size())];
        judge(one, run(one), tally);
    }
}

TEST_SUITE("unit") {
    TEST_CASE("whatever call to a multi-planar encoder fails the recording goes on or was never begun") {
        sweepAll("plain", false);
    }
    TEST_CASE("whatever call to a single-planar encoder fails the recording goes on or was never begun") {
        sweepAll("plain-single", false);
    }
    TEST_CASE("whatever call to an encoder of dmabufs fails the recording goes on or was never begun") {
        sweepAll("plain", true);
    }

    TEST_CASE("with any driver and codec the recording goes on after a call of each kind failed") {
        constexpr std::size_t kLeastCases = 200 * kCodecs.size();
        std::minstd_rand random(20);  // any seed will do: it makes a failure come again
        Tally tally;
        for (const V4l2Personality& known : v4l2Personalities()) {
            for (const Codec codec : kCodecs) {
                if (std::ranges::find(known.codedFormats, v4l2Fourcc(codec)) == known.codedFormats.end())
                    continue;
                V4l2Personality personality = known;
                personality.changesParameterSets = codec == Codec::H264;  // so that recovery begins another file
                sample({.personality = personality,
                        .codec = codec,
                        .size = kSmallestOfAll,
                        .dmabufs = codec == Codec::Hevc},
                       random, tally);
            }
        }
        tell(tally, kLeastCases);
    }
}

}  // namespace
}  // namespace smartcodec::test
