#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "app/pipeline.h"
#include "tests/app/recorded_file.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

constexpr Size kSmall{320, 180};

/// The most bits of video presented within any `window` seconds, per second.
double peakRate(const RecordedFile& file, double window) {
    auto packets = file.videoPackets;
    std::ranges::sort(packets, {}, &RecordedFile::VideoPacket::time);
    double bytes = 0;
    double most = 0;
    auto oldest = packets.begin();
    for (const RecordedFile::VideoPacket& packet : packets) {
        bytes += static_cast<double>(packet.bytes);
        for (; oldest->time <= packet.time - window; ++oldest)
            bytes -= static_cast<double>(oldest->bytes);
        most = std::max(most, bytes);
    }
    return most * 8 / window;
}

/// The functions whose effects are found in a recording, in its trace or in its summary, in the order of `--smart`'s
/// help: of a corridor through which somebody walks after a time of rest.
std::string effectsOf(const SmartFunctions& smart) {
    const TemporaryFolder folder;
    Settings settings;
    settings.source = SceneConfig{.size = kSmall, .frameRate = {10, 1}, .duration = 20s};
    settings.output = folder / "out.mp4";
    settings.traceFile = folder / "trace.jsonl";
    settings.smart = smart;
    const RecordingSummary summary = record(settings);
    REQUIRE(summary.failure == "");
    REQUIRE(summary.framesIn == 200);

    std::set<std::int64_t> caps;
    bool blocksWeighed = false;
    std::ifstream trace(settings.traceFile);
    for (std::string line; std::getline(trace, line);) {
        const auto decision = nlohmann::json::parse(line);
        caps.insert(decision["bitrate_bps"].get<std::int64_t>());
        blocksWeighed = blocksWeighed || decision.contains("qp_delta_mean");
    }
    CHECK(*caps.rbegin() <= settings.maxBitrate.bitsPerSecond);

    std::string effects;
    if (readRecording(settings.output).times.size() < 200)
        effects += "framerate ";
    if (summary.longestKeyGap > 1500ms)
        effects += "gop ";
    if (caps.size() > 1)
        effects += "bitrate ";
    if (blocksWeighed)
        effects += "roi ";
    if (summary.stabilising.count > 0)
        effects += "stabilize ";
    return effects;
}

SmartFunctions only(bool SmartFunctions::*function) {
    SmartFunctions smart = SmartFunctions::none();
    smart.*function = true;
    return smart;
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("each smart function acts where it is asked for and no other does") {
        CHECK(effectsOf(SmartFunctions::none()) == "");
        CHECK(effectsOf(only(&SmartFunctions::frameRate)) == "framerate ");
        CHECK(effectsOf(only(&SmartFunctions::gop)) == "gop ");
        CHECK(effectsOf(only(&SmartFunctions::bitrate)) == "bitrate ");
        CHECK(effectsOf(only(&SmartFunctions::roi)) == "roi ");
        CHECK(effectsOf(only(&SmartFunctions::stabilize)) == "stabilize ");
        CHECK(effectsOf(SmartFunctions{}) == "framerate gop bitrate roi stabilize ");
    }

    TEST_CASE("a recording whose levels change stays within the promise over any ten seconds") {
        for (const Codec codec : {Codec::H264, Codec::Hevc})
            for (const char* script : {"corridor", "street"}) {
                CAPTURE(std::string(name(codec)));
                CAPTURE(std::string(script));
                const TemporaryFolder folder;
                Settings settings;
                settings.source = SceneConfig{
                    .script = script, .size = kSmall, .frameRate = {15, 1}, .shotNoise = 0.05, .duration = 40s};
                settings.output = folder / "out.mp4";
                settings.codec = codec;
                settings.quality = 8;
                settings.maxBitrate = {60'000};
                settings.levels = defaultLevels(settings.maxBitrate);
                const RecordingSummary summary = record(settings);
                REQUIRE(summary.failure == "");
                const double peak = peakRate(readRecording(settings.output), 10);
                CHECK(peak <= 1.1 * 60'000);
                CHECK(peak >= 0.4 * 60'000);  // or the cap was never felt; the corridor is mostly at half
            }
    }
}
