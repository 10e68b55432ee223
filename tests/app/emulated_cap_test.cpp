#include <doctest/doctest.h>

#include <algorithm>

#include "tests/app/emulated_recording.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

constexpr double kPromise = 1.1;  // times the cap, in any ten seconds
constexpr int kSeconds = 32;      // of a street that is empty twice
constexpr std::size_t kLeastDropped = 40;

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("with any driver no ten seconds of a recording with dropped frames exceed the cap") {
        for (const Codec codec : {Codec::H264, Codec::Hevc}) {
            for (const V4l2Personality& personality : personalitiesWith(codec)) {
                CAPTURE(personality.name);
                CAPTURE(std::string(name(codec)));
                const TemporaryFolder folder;
                EmulatedV4l2 system(personality);
                Settings settings = emulatedSettings(folder, "street", kSeconds);
                settings.codec = codec;
                settings.quality = 10;  // more than the cap, wherever anything moves
                settings.levels = {Bitrate{50'000}, {60'000}, {80'000}, {100'000}};
                settings.maxBitrate = settings.levels.back();
                const EmulatedRecording recording = recordEmulated(system, settings);
                CHECK(recording.summary.failure == "");
                CHECK(recording.decidedTimes().size() + kLeastDropped <= recording.trace.size());
                const double share = recording.highestRate(10) / static_cast<double>(settings.maxBitrate.bitsPerSecond);
                CHECK(share <= kPromise);
                CHECK(share > 0.75);  // it binds
            }
        }
    }
}
