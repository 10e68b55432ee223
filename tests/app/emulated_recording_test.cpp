#include "tests/app/emulated_recording.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr double kTick = 1.0 / 90'000;  // of the MP4's clock
constexpr double kFrame = 0.04;         // of the scene
constexpr const char* kRestartedForRate = "its bit rate changes only when it is restarted";
constexpr int kMostQueued = 8;  // pictures inside a device and on their way to it

bool contains(const std::vector<double>& times, double time) {
    return std::any_of(times.begin(), times.end(), [time](double other) { return std::abs(other - time) <= kTick; });
}

bool areSame(const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](double x, double y) { return std::abs(x - y) <= kTick; });
}

/// A time in which the cap does not change.
struct Stretch {
    double from = 0;
    double to = 0;
    double bitrate = 0;
};

std::vector<Stretch> stretches(const EmulatedRecording& recording) {
    std::vector<Stretch> found;
    for (const TraceLine& line : recording.trace) {
        if (found.empty() || found.back().bitrate != line.bitrate)
            found.push_back({line.time, line.time, line.bitrate});
        found.back().to = line.time + kFrame;
    }
    return found;
}

double levelAt(const EmulatedRecording& recording, double time) {
    const auto line =
        std::ranges::find_if(recording.trace, [&](const TraceLine& each) { return each.time >= time - kTick; });
    return line == recording.trace.end() ? 0 : line->bitrate;
}

/// Between two key frames the rate is that of the first one's level; some of them low, some high.
void checkRateAtKeyFrames(const EmulatedRecording& recording) {
    const std::vector<double> keys = recording.recordedKeyTimes();
    constexpr double kHighest = 400'000;
    int low = 0;
    int high = 0;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
        if (keys[i + 1] - keys[i] < 1)  // less than rate control needs
            continue;
        const double level = levelAt(recording, keys[i]);
        const double share = recording.rate(keys[i], keys[i + 1]) / level;
        CAPTURE(keys[i]);
        CAPTURE(keys[i + 1]);
        CAPTURE(level);
        CHECK(share < 1.3);
        CHECK(share > 0.5);
        low += level <= 0.5 * kHighest ? 1 : 0;
        high += level == kHighest ? 1 : 0;
    }
    CHECK(low >= 1);
    CHECK(high >= 1);
}

void checkWhole(const EmulatedRecording& recording, const EmulatedV4l2& system) {
    CHECK(recording.summary.failure == "");
    CHECK(recording.summary.exitStatus() == 0);
    CHECK(recording.summary.framesLost == 0);
    CHECK(recording.files.size() == 1);
    CHECK(areSame(recording.recordedTimes(), recording.decidedTimes()));
    for (const double time : recording.decidedKeyTimes())
        CHECK(contains(recording.recordedKeyTimes(), time));
    CHECK(system.openDescriptors() == 0);
    CHECK(system.mappings() == 0);
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a recording through any kind of device plays with the capture times of its pictures") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const V4l2Personality& personality : personalitiesWith(codec)) {
                CAPTURE(personality.name);
                CAPTURE(std::string(name(codec)));
                const TemporaryFolder folder;
                EmulatedV4l2 system(personality);
                Settings settings = emulatedSettings(folder, "corridor", 5);
                settings.codec = codec;
                settings.maxGop = 2s;
                const EmulatedRecording recording = recordEmulated(system, settings);
                checkWhole(recording, system);
                CHECK(recording.trace.size() > recording.recordedTimes().size());  // some were dropped
                CHECK(std::abs(recording.files.at(0).videoEnd - 5) <= kTick);
                CHECK(recording.hasNote("regions of interest: "));
                if (!recording.hasNote(kRestartedForRate))
                    CHECK(areSame(recording.recordedKeyTimes(), recording.decidedKeyTimes()));
            }
        }
    }

    TEST_CASE("a device follows the level's bit rate within a second or it is said that it does not") {
        int following = 0;
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const V4l2Personality& personality : personalitiesWith(codec)) {
                CAPTURE(std::string(name(codec)));
                CAPTURE(personality.name);
                const TemporaryFolder folder;
                EmulatedV4l2 system(personality);
                Settings settings = emulatedSettings(folder, "corridor", 15);
                settings.codec = codec;
                std::get<SceneConfig>(settings.source).readNoise =
                    6;  // so that quality alone would take more than any cap
                settings.smart = SmartFunctions::none();
                settings.smart.gop = true;
                settings.smart.bitrate = true;
                settings.levels = {Bitrate{100'000}, {150'000}, {250'000}, {400'000}};
                settings.maxBitrate = settings.levels.back();
                const EmulatedRecording recording = recordEmulated(system, settings);
                checkWhole(recording, system);
                CHECK(recording.highestRate(10) <= 1.1 * 400'000);
                if (recording.hasNote(kRestartedForRate))
                    continue;  // the next case
                ++following;
                int steps = 0;
                for (const Stretch& stretch : stretches(recording)) {
                    if (stretch.from == 0 || stretch.to - stretch.from < 2)
                        continue;
                    ++steps;
                    const double share = recording.rate(stretch.from + 1, stretch.to) / stretch.bitrate;
                    CAPTURE(stretch.from);
                    CHECK(share < 1.25);
                    CHECK(share > 0.6);
                }
                CHECK(steps >= 2);  // up and down
            }
        }
        CHECK(following >= 8);
    }

    TEST_CASE("a device that is restarted for another bit rate follows the level at key frames") {
        for (const char* device : {"s5p-mfc", "wave5"}) {
            CAPTURE(device);
            const TemporaryFolder folder;
            EmulatedV4l2 system(v4l2Personality(device));
            Settings settings = emulatedSettings(folder, "corridor", 15);
            std::get<SceneConfig>(settings.source).readNoise = 6;
            settings.smart = SmartFunctions::none();
            settings.smart.gop = true;
            settings.smart.bitrate = true;
            settings.maxGop = 2s;
            settings.levels = {Bitrate{100'000}, {150'000}, {250'000}, {400'000}};
            settings.maxBitrate = settings.levels.back();
            const EmulatedRecording recording = recordEmulated(system, settings);
            CHECK(recording.hasNote(kRestartedForRate));
            CHECK(recording.summary.failure == "");
            CHECK(areSame(recording.recordedTimes(), recording.decidedTimes()));
            checkRateAtKeyFrames(recording);
        }
    }

    TEST_CASE("without smart functions a device gets every frame at a fixed rate and a key frame a second") {
        const TemporaryFolder folder;
        for (const std::string device : {"bcm2835-codec", "iris", "wave5"}) {
            CAPTURE(device);
            EmulatedV4l2 system(v4l2Personality(device));
            Settings settings = emulatedSettings(folder, "street", 4);
            settings.smart = SmartFunctions::none();
            settings.maxBitrate = {300'000};
            const EmulatedRecording recording = recordEmulated(system, settings);
            CHECK(recording.summary.failure == "");
            CHECK(recording.files.at(0).times.size() == 100);
            CHECK(recording.decidedKeyTimes() == std::vector<double>{0, 1, 2, 3});
            checkWhole(recording, system);
            CHECK(recording.rate(0, 4) < 1.2 * 300'000);
            CHECK(recording.rate(0, 4) > 0.6 * 300'000);
        }
    }

    TEST_CASE("a device that dies once goes on in the same file") {
        for (const int error : {EIO, ENODEV}) {
            CAPTURE(error);
            const TemporaryFolder folder;
            EmulatedV4l2 system(v4l2Personality("bcm2835-codec"));
            Settings settings = emulatedSettings(folder, "street", 4);
            settings.smart = SmartFunctions::none();
            std::size_t opened = 0;
            const EmulatedRecording recording = recordEmulated(system, settings, [&](int number) {
                if (number != 40)
                    return;
                opened = system.opened();
                system.die(error);
            });
            CHECK(recording.summary.failure == "");
            REQUIRE(recording.files.size() == 1);
            CHECK(recording.files[0].times.size() == 100 - recording.summary.framesLost);
            CHECK(recording.summary.framesLost <= kMostQueued);  // their packets died with it
            CHECK(system.opened() > opened);
        }
    }

    TEST_CASE("a device that stalls is noticed and goes on") {
        const TemporaryFolder folder;
        EmulatedV4l2 system(v4l2Personality("venus"));
        Settings settings = emulatedSettings(folder, "street", 4);
        settings.smart = SmartFunctions::none();
        const EmulatedRecording recording = recordEmulated(system, settings, [&](int number) {
            if (number == 40)
                system.stall();
        });
        CHECK(recording.summary.failure == "");
        REQUIRE(recording.files.size() == 1);
        CHECK(recording.files[0].times.size() == 100 - recording.summary.framesLost);
        CHECK(recording.summary.framesLost <= kMostQueued);
        CHECK(recording.summary.wallTime >= 1s);
        CHECK(recording.summary.wallTime < 10s);
    }

    TEST_CASE("a device that comes back with other parameter sets goes on in a second file") {
        const TemporaryFolder folder;
        V4l2Personality personality = v4l2Personality("bcm2835-codec");
        personality.changesParameterSets = true;
        EmulatedV4l2 system(personality);
        Settings settings = emulatedSettings(folder, "street", 4);
        settings.smart = SmartFunctions::none();
        const EmulatedRecording recording = recordEmulated(system, settings, [&](int number) {
            if (number == 40)
                system.die(EIO);
        });
        CHECK(recording.summary.failure == "");
        REQUIRE(recording.files.size() == 2);
        CHECK(areSame(recording.recordedTimes(), recording.decidedTimes()));
        CHECK(std::abs(recording.files[0].videoEnd -
                       std::chrono::duration<double>(recording.summary.files[1].start).count()) <= kTick);
        CHECK(std::abs(recording.files[1].times.at(0)) <= kTick);
        CHECK(std::abs(recording.files[1].keyTimes.at(0)) <= kTick);
    }

    TEST_CASE("a device that dies for good ends the recording with a whole file") {
        const TemporaryFolder folder;
        EmulatedV4l2 system(v4l2Personality("bcm2835-codec"));
        Settings settings = emulatedSettings(folder, "street", 4);
        settings.smart = SmartFunctions::none();
        const EmulatedRecording recording = recordEmulated(system, settings, [&](int number) {
            if (number == 40)
                system.die(ENODEV, true);
        });
        CHECK(recording.summary.exitStatus() == 1);
        CHECK(recording.summary.failure.find(system.nodes().front()) != std::string::npos);
        CHECK(recording.summary.failure.find('\n') == std::string::npos);
        REQUIRE(recording.files.size() == 1);
        const std::size_t pictures = recording.files[0].times.size();
        CHECK(pictures >= 20);
        CHECK(pictures <= 41);
        CHECK(recording.summary.framesRecorded == pictures);
        CHECK(recording.summary.framesIn == recording.summary.framesRecorded + recording.summary.framesLost);
        CHECK(recording.summary.wallTime < 10s);
    }
}
