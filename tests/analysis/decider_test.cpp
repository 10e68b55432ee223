#include "analysis/decider.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "capture/scene_math.h"
#include "tests/analysis/analysis_fixture.h"

using namespace smartcodec;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr Size kSize{320, 192};
constexpr SceneNoiseLevel kNoise{.shot = 0, .read = 2, .grain = 1};

/// A recorder in front of a studio, with times of the test's choosing.
struct Take {
    explicit Take(const DeciderConfig& config = Recorder::configFor(kSize), Recorder::Options options = {})
        : studio(kSize, kNoise), recorder(config, options) {}

    const Decision& at(nanoseconds time) {
        studio.shoot();
        return recorder.take(studio.shot, time);
    }
    const Decision& next() { return at(frameTime(index++)); }

    Studio studio;
    Recorder recorder;
    std::uint64_t index = 0;
};

double inSeconds(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// Times of recorded pictures and of key frames of a still scene.
struct Times {
    std::vector<nanoseconds> recorded, keys;
};

Times record(const DeciderConfig& config, int pictures, const std::function<nanoseconds(int)>& time) {
    Take take(config);
    Times times;
    for (int i = 0; i < pictures; ++i) {
        const Decision& decision = take.at(time(i));
        if (decision.record)
            times.recorded.push_back(time(i));
        if (decision.record && decision.keyFrame)
            times.keys.push_back(time(i));
    }
    return times;
}

double longestGap(const std::vector<nanoseconds>& times) {
    double longest = 0;
    for (std::size_t i = 1; i < times.size(); ++i)
        longest = std::max(longest, inSeconds(times[i] - times[i - 1]));
    return longest;
}

std::function<nanoseconds(int)> evenly(double rate) {
    return [rate](int i) { return 5s + nanoseconds(std::llround(i * 1e9 / rate)); };
}

/// Between 10 and 50 ms apart.
std::function<nanoseconds(int)> unevenly() {
    std::vector<nanoseconds> times{1s};
    SceneRandom random(3);
    for (int i = 0; i < 2000; ++i)
        times.push_back(times.back() + std::chrono::milliseconds(random.integer(10, 50)));
    return [times](int i) { return times[static_cast<std::size_t>(i)]; };
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("the first picture is recorded as a key frame at level high") {
        Take take;
        const Decision& decision = take.next();
        CHECK(decision.record);
        CHECK(decision.reason == FrameReason::FirstFrame);
        CHECK(decision.keyFrame);
        CHECK(decision.keyFrameReason == KeyFrameReason::FirstFrame);
        CHECK(decision.level == Level::High);
        CHECK(decision.bitrate == Bitrate{6'000'000});
    }

    TEST_CASE("a picture that is not recorded leaves the next one the first") {
        Take take(Recorder::configFor(kSize), {.record = false});
        for (int i = 0; i < 3; ++i) {
            const Decision& decision = take.next();
            CHECK(decision.reason == FrameReason::FirstFrame);
            CHECK(decision.keyFrame);
        }
        take.recorder.confirm();
        CHECK(take.next().reason == FrameReason::NothingMoved);
    }

    TEST_CASE("a still scene is dropped down to the least frame rate at any rate of the source") {
        for (const double minimum : {0.5, 1.0, 5.0}) {
            for (const auto& time : {evenly(30), evenly(12.5), evenly(30000.0 / 1001), unevenly()}) {
                DeciderConfig config = Recorder::configFor(kSize);
                config.minFrameRate = minimum;
                config.maxGop = 1000s;
                const Times times = record(config, 300, time);
                CAPTURE(minimum);
                CAPTURE(inSeconds(time(1) - time(0)));
                CHECK(longestGap(times.recorded) <= 1 / minimum + 0.05);
                const double length = inSeconds(time(299) - time(0));
                // never more often than one picture early
                CHECK(static_cast<double>(times.recorded.size()) <= length / (1 / minimum - 0.1) + 2);
            }
        }
    }

    TEST_CASE("at an even frame rate no picture is held longer than the least frame rate allows") {
        for (const double rate : {30.0, 12.5, 30000.0 / 1001, 25.0}) {
            CAPTURE(rate);
            const Times times = record(Recorder::configFor(kSize), 200, evenly(rate));
            CHECK(longestGap(times.recorded) <= 1.0 + 0.008);
            CHECK(longestGap(times.recorded) >= 1.0 - 1 / rate - 0.008);
        }
    }

    TEST_CASE("key frames come within the longest gap in seconds and not much before") {
        for (const nanoseconds maxGop : {nanoseconds(2s), nanoseconds(4s)}) {
            for (const auto& time : {evenly(30), evenly(12.5), evenly(30000.0 / 1001), unevenly()}) {
                DeciderConfig config = Recorder::configFor(kSize);
                config.maxGop = maxGop;
                const Times times = record(config, 400, time);
                CAPTURE(inSeconds(time(1) - time(0)));
                REQUIRE(times.keys.size() >= 3);
                CHECK(longestGap(times.keys) <= inSeconds(maxGop) + 0.05);
                for (std::size_t i = 1; i < times.keys.size(); ++i)
                    CHECK(inSeconds(times.keys[i] - times.keys[i - 1]) >= inSeconds(maxGop) - 0.1);
            }
        }
    }

    TEST_CASE("a key frame that was asked for is due until it is recorded") {
        Take take(Recorder::configFor(kSize), {.record = false});
        take.next();
        take.recorder.confirm();
        CHECK_FALSE(take.next().keyFrame);
        take.recorder.decider.requestKeyFrame();
        for (int i = 0; i < 2; ++i) {
            const Decision& decision = take.next();
            CHECK(decision.record);
            CHECK(decision.reason == FrameReason::KeyFrameDue);
            CHECK(decision.keyFrameReason == KeyFrameReason::Requested);
        }
        take.recorder.confirm();
        CHECK_FALSE(take.next().keyFrame);
    }

    TEST_CASE("a key frame of a cut is due until it is recorded") {
        Take take(Recorder::configFor(kSize), {.record = false});
        take.studio.paintTexture(60, 24);
        take.next();
        take.recorder.confirm();
        for (int i = 0; i < 5; ++i)
            take.next();
        take.studio.paintTexture(60, 24, 5000, 3000);
        CHECK(take.next().keyFrameReason == KeyFrameReason::SceneCut);  // and lost
        CHECK(take.next().keyFrameReason == KeyFrameReason::SceneCut);
        take.recorder.confirm();
        CHECK_FALSE(take.next().keyFrame);
    }

    TEST_CASE("without smart functions every picture is recorded with a key frame a second at a constant bit rate") {
        DeciderConfig config = Recorder::configFor(kSize);
        config.smartFrameRate = config.smartGop = config.smartBitrate = config.smartRoi = false;
        Take take(config);
        nanoseconds lastKey{0};
        for (int i = 0; i < 150; ++i) {
            addLuma(take.studio.truth, {16, 16, 64, 64}, i % 20 == 10 ? 40 : i % 20 == 11 ? -40 : 0);
            const Decision& decision = take.next();
            CHECK(decision.record);
            CHECK(decision.bitrate == Bitrate{6'000'000});
            CHECK(decision.qpMap.empty());
            if (i == 0)
                continue;
            CHECK(decision.keyFrame == (i % 30 == 0));
        }
    }

    TEST_CASE("without smart key frames a cut gets none of its own") {
        DeciderConfig config = Recorder::configFor(kSize);
        config.smartGop = false;
        Take take(config);
        take.studio.paintTexture(60, 24);
        for (int i = 0; i < 5; ++i)
            take.next();
        take.studio.paintTexture(60, 24, 5000, 3000);
        const Decision& decision = take.next();
        CHECK(decision.reason == FrameReason::SceneCut);
        CHECK_FALSE(decision.keyFrame);
    }

    TEST_CASE("changes too small to be seen from one picture to the next add up and are recorded") {
        DeciderConfig config = Recorder::configFor(kSize);
        config.minFrameRate = 0.01;  // nothing else is to record a picture
        config.maxGop = 1000s;
        Take take(config);
        for (int i = 0; i < 30; ++i)
            take.next();
        // 0.3 of the noise a picture, on 8x8 samples: seen alone only from 6 * sqrt(2) / 8 = 1.06 on
        double added = 0;
        int motion = 0, pictures = 0;
        while (added < 60) {
            added += 0.6;
            fillLuma(take.studio.truth, {64, 64, 8, 8}, 110 + static_cast<int>(std::lround(added)));
            motion += take.next().reason == FrameReason::Motion ? 1 : 0;
            ++pictures;
        }
        CHECK(motion >= pictures / 6);
        CHECK(motion <= pictures / 2);
    }

    TEST_CASE("a picture that was decided on but not recorded does not become the reference") {
        Take take(Recorder::configFor(kSize), {.record = false});
        take.next();
        take.next();
        take.recorder.confirm();
        for (int i = 0; i < 5; ++i)
            REQUIRE(take.next().reason == FrameReason::NothingMoved);
        addLuma(take.studio.truth, {64, 64, 32, 32}, 30);
        for (int i = 0; i < 5; ++i)
            CHECK(take.next().reason == FrameReason::Motion);  // still against the picture from before
        take.recorder.confirm();
        CHECK(take.next().reason == FrameReason::NothingMoved);
    }

    TEST_CASE("the level rises at once and falls by one step a second") {
        constexpr Size kLarge{1280, 720};  // 3600 blocks
        Studio studio(kLarge, kNoise);
        Recorder recorder(kLarge);
        nanoseconds time = 0s;
        const auto next = [&]() -> const Decision& {
            studio.shoot();
            return recorder.take(studio.shot, time += 100ms);
        };
        while (time < 5s)
            next();
        REQUIRE(next().level == Level::Static);
        struct Step {
            Area area;
            Level level;
        };
        // up to 9, 156 and 513 blocks, and what is marked around them: the limits are 144 and 252
        for (const Step& step : {Step{{64, 64, 24, 24}, Level::Low}, Step{{260, 260, 196, 180}, Level::Medium},
                                 Step{{600, 300, 400, 300}, Level::High}}) {
            addLuma(studio.truth, step.area, 20);
            const Decision& decision = next();
            CHECK(decision.level == step.level);
            CHECK(decision.bitrate == defaultLevels({6'000'000})[static_cast<std::size_t>(step.level)]);
            CHECK(decision.reason == FrameReason::Motion);
        }
        Level last = Level::High;
        nanoseconds since = time;
        while (last != Level::Static) {
            REQUIRE(time < 12s);
            const Level level = next().level;
            if (level == last)
                continue;
            CHECK(static_cast<int>(level) == static_cast<int>(last) - 1);
            CHECK(inSeconds(time - since) == doctest::Approx(1.0).epsilon(0.001));
            last = level;
            since = time;
        }
    }

    TEST_CASE("measurements say what the decision was drawn from") {
        Take take;
        while (take.index < 10)
            take.next();
        addLuma(take.studio.truth, {64, 64, 32, 32}, 30);
        const Measurement m = take.next().measurement;
        CHECK(m.time == frameTime(10));
        CHECK(m.noiseSigma == doctest::Approx(2.0).epsilon(0.15));
        CHECK(m.meanLuma == doctest::Approx(110.5).epsilon(0.01));
        CHECK(m.movingShare >= 4.0 / 240);
        CHECK(m.movingShare <= 36.0 / 240);
        CHECK(m.peakContrast >= 0.85 * 30 / (2.0 / 8 * std::sqrt(2.0)));  // of a window of 8x8
        CHECK_FALSE(m.cameraMoved);
        CHECK_FALSE(m.sceneCut);
    }

    TEST_CASE("the default levels keep the vendor's proportions") {
        CHECK(defaultLevels({1'400'000}) == std::array<Bitrate, 4>{{{160'000}, {358'000}, {700'000}, {1'400'000}}});
        CHECK(defaultLevels({2'800'000})[0] == Bitrate{320'000});
    }

    TEST_CASE("configurations that make no sense are refused") {
        const auto refused = [](auto change) {
            DeciderConfig config = Recorder::configFor(kSize);
            change(config);
            CHECK_THROWS_AS(Decider{config}, std::invalid_argument);
        };
        refused([](DeciderConfig& c) { c.width = 0; });
        refused([](DeciderConfig& c) { c.height = 15; });
        refused([](DeciderConfig& c) { c.minFrameRate = 0; });
        refused([](DeciderConfig& c) { c.minFrameRate = -1; });
        refused([](DeciderConfig& c) { c.minFrameRate = std::numeric_limits<double>::quiet_NaN(); });
        refused([](DeciderConfig& c) { c.maxGop = 0s; });
        CHECK_THROWS_AS(Analyzer({.width = 15, .height = 16}), std::invalid_argument);
        CHECK_THROWS_AS(Stabiliser({.width = 321, .height = 192}), std::invalid_argument);
        CHECK_THROWS_AS(Stabiliser({.width = 320, .height = 8}), std::invalid_argument);
    }

    TEST_CASE("every reason and level has a name of its own") {
        CHECK(std::string(name(Level::Static)) == "static");
        CHECK(std::string(name(Level::High)) == "high");
        CHECK(std::string(name(FrameReason::NothingMoved)) == "nothing moved");
        CHECK(std::string(name(FrameReason::SmartOff)) == "smart off");
        CHECK(std::string(name(KeyFrameReason::None)) == "none");
        CHECK(std::string(name(KeyFrameReason::Requested)) == "requested");
    }
}
