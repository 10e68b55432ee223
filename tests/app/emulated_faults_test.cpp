#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tests/app/emulated_recording.h"
#include "tests/support/faulty_v4l2.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

constexpr int kSeconds = 2;
constexpr int kCasesPerDevice = 3;
constexpr int kLeastCases = 45;  // that were struck: how often some calls are made differs from run to run
constexpr std::uint64_t kMostLost = 5;
#ifdef SMARTCODEC_SANITIZED
constexpr std::chrono::seconds kLongestRecovery{60};
#else
constexpr std::chrono::seconds kLongestRecovery{5};
#endif

struct Tally {
    int cases = 0;
    int notSetUp = 0;
    int withEveryFrame = 0;
    int files = 0;
    int secondFiles = 0;
};

struct Device {
    V4l2Personality personality;
    Codec codec = Codec::H264;
};

/// Every driver with each codec that it has; every second one comes back with other parameter sets.
std::vector<Device> devices() {
    std::vector<Device> all;
    for (const Codec codec : {Codec::H264, Codec::Hevc}) {
        for (const V4l2Personality& personality : personalitiesWith(codec)) {
            all.push_back({personality, codec});
            all.back().personality.changesParameterSets = all.size() % 2 == 0;
        }
    }
    return all;
}

Settings settingsFor(const TemporaryFolder& folder, Codec codec) {
    Settings settings = emulatedSettings(folder, "street", kSeconds);
    settings.codec = codec;
    settings.smart.frameRate = false;
    return settings;
}

/// A recording ends with the frames that it was given, or an error; what it wrote was decoded to its end.
void judge(const EmulatedRecording& recording, Tally& tally) {
    const RecordingSummary& summary = recording.summary;
    CHECK_MESSAGE(summary.failure == "", "a single failure ended the recording: " << summary.failure);
    CHECK(summary.framesLost <= kMostLost);
    CHECK(summary.framesIn == 25 * kSeconds);
    CHECK(recording.recordedTimes().size() == summary.framesRecorded);
    CHECK(summary.wallTime < kLongestRecovery);
    tally.files += static_cast<int>(recording.files.size());
    tally.secondFiles += recording.files.size() > 1 ? 1 : 0;
    tally.withEveryFrame += summary.framesLost == 0 ? 1 : 0;
}

/// One call of a recording through the device fails.
void tryOne(const Device& device, const V4l2Call& call, std::size_t occurrence, int error, Tally& tally) {
    CAPTURE(device.personality.name);
    CAPTURE(std::string(name(device.codec)));
    CAPTURE(call.name);
    CAPTURE(call.output);
    CAPTURE(occurrence);
    CAPTURE(std::generic_category().message(error));
    const TemporaryFolder folder;
    EmulatedV4l2 emulated(device.personality);
    FaultyV4l2 system(emulated);
    system.fail(call, occurrence, error);
    const Settings settings = settingsFor(folder, device.codec);
    const int before = tally.cases;
    try {
        const EmulatedRecording recording = recordEmulated(system, settings);
        tally.cases += system.struck() ? 1 : 0;
        judge(recording, tally);
    } catch (const std::runtime_error& failure) {
        ++tally.cases;
        ++tally.notSetUp;
        CHECK(system.struck());
        CHECK_MESSAGE(std::string(failure.what()).find("/dev/video0") != std::string::npos, failure.what());
        CHECK_MESSAGE(mayPreventSetUp(call, error, device.personality, std::get<SceneConfig>(settings.source).size),
                      failure.what());
        CHECK_FALSE(std::filesystem::exists(settings.output));
    }
    CHECK(tally.cases <= before + 1);
    CHECK(emulated.openDescriptors() == 0);
    CHECK(emulated.mappings() == 0);
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("whatever call of a whole recording fails its files decode without error") {
        std::minstd_rand random(3);  // any seed will do: it makes a failure come again
        const auto anyOf = [&random](std::size_t count) {
            return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
        };
        Tally tally;
        for (const Device& device : devices()) {
            std::map<V4l2Call, std::size_t> calls;
            {
                const TemporaryFolder folder;
                EmulatedV4l2 emulated(device.personality);
                FaultyV4l2 system(emulated);
                CHECK(recordEmulated(system, settingsFor(folder, device.codec)).summary.failure == "");
                calls = system.counts();
            }
            for (int i = 0; i < kCasesPerDevice; ++i) {
                const auto& [call, count] = *std::next(calls.begin(), static_cast<std::ptrdiff_t>(anyOf(calls.size())));
                const std::vector<int>& errors = errorsOf(call);
                tryOne(device, call, anyOf(count), errors[anyOf(errors.size())], tally);
            }
        }
        CHECK(tally.cases >= kLeastCases);
        CHECK(tally.secondFiles >= 1);  // a file's own parameter sets are the ones that its packets need
        MESSAGE(tally.cases << " cases: " << tally.notSetUp << " not set up; of the rest " << tally.withEveryFrame
                            << " with every frame, " << tally.files << " files decode");
    }
}
