// A long recording in segments, with retention and a hook: it takes no more of the system at its end than at its
// beginning, and no frame goes missing.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/app/program.h"
#include "tests/app/recorded_file.h"
#include "tests/app/segment_list.h"
#include "tests/soak/process_sample.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

using Samples = std::vector<ProcessSample>;
using Figure = std::uint64_t ProcessSample::*;

constexpr std::uint64_t kUsualFrames = 20'000;
constexpr int kSamples = 500;
constexpr double kGuessedRate = 2000;  ///< frames per second, for the time between samples
constexpr auto kLimit = 4h;
constexpr std::uint64_t kKept = 500'000;
constexpr double kFrameRate = 30;
constexpr double kSegmentSeconds = 20;

// What may come and go, and not grow: of memory the allocator's arenas of each thread, of descriptors one of each of
// the hook's programs, which are four at most.
constexpr std::uint64_t kMemoryKilobytes = 2048;
constexpr std::uint64_t kDescriptors = 4;

/// SMARTCODEC_SOAK_FRAMES in the environment, for more than usual (scripts/soak).
std::uint64_t framesWanted() {
    const char* given = std::getenv("SMARTCODEC_SOAK_FRAMES");
    return given ? std::strtoull(given, nullptr, 10) : kUsualFrames;
}

/// Looks at a process from time to time until it goes.
class Watcher {
  public:
    Watcher(pid_t process, std::chrono::milliseconds interval)
        : thread_([this, process, interval](const std::stop_token& stop) { watch(process, interval, stop); }) {}

    [[nodiscard]] Samples finish() {
        thread_.request_stop();
        thread_.join();
        return std::move(samples_);
    }

  private:
    void watch(pid_t process, std::chrono::milliseconds interval, const std::stop_token& stop) {
        const auto begun = std::chrono::steady_clock::now();
        std::unique_lock lock(mutex_);
        while (!stopped_.wait_for(lock, stop, interval, [&stop] { return stop.stop_requested(); })) {
            ProcessSample sample = sampleProcess(process);
            sample.wallSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
            if (sample.residentKilobytes > 0)
                samples_.push_back(sample);
        }
    }

    std::mutex mutex_;
    std::condition_variable_any stopped_;
    Samples samples_;
    std::jthread thread_;
};

/// SMARTCODEC_SOAK_CURVE names a file for the samples.
void writeCurve(const Samples& samples) {
    const char* path = std::getenv("SMARTCODEC_SOAK_CURVE");
    if (!path)
        return;
    std::ofstream file(path);
    file << "wall_s,resident_kb,descriptors,threads,processor_s\n";
    for (const ProcessSample& one : samples)
        file << one.wallSeconds << ',' << one.residentKilobytes << ',' << one.descriptors << ',' << one.threads << ','
             << one.processorSeconds << '\n';
    REQUIRE(file.flush());
}

std::uint64_t most(std::span<const ProcessSample> samples, Figure figure) {
    return (*std::ranges::max_element(samples, {}, figure)).*figure;
}

/// The last quarter against the second one: the first is for warming up.
void checkFlat(const Samples& samples) {
    const std::size_t quarter = samples.size() / 4;
    REQUIRE(quarter >= 5);
    const std::span all(samples);
    const auto early = all.subspan(quarter, quarter);
    const auto late = all.last(quarter);
    CHECK(most(late, &ProcessSample::residentKilobytes) <=
          most(early, &ProcessSample::residentKilobytes) + kMemoryKilobytes);
    CHECK(most(late, &ProcessSample::descriptors) <= most(early, &ProcessSample::descriptors) + kDescriptors);
    CHECK(most(late, &ProcessSample::threads) <= most(early, &ProcessSample::threads));
    MESSAGE("resident " << most(early, &ProcessSample::residentKilobytes) << " kB, at the end "
                        << most(late, &ProcessSample::residentKilobytes) << " kB; descriptors "
                        << most(early, &ProcessSample::descriptors) << ", " << most(late, &ProcessSample::descriptors)
                        << "; threads " << most(early, &ProcessSample::threads) << ", "
                        << most(late, &ProcessSample::threads) << "; " << samples.size() << " samples in "
                        << samples.back().wallSeconds << " s");
}

std::uint64_t sumOf(const nlohmann::json& byReason) {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : byReason.items())
        sum += count.get<std::uint64_t>();
    return sum;
}

void checkAccount(const nlohmann::json& summary, std::uint64_t frames) {
    const auto count = [&summary](const char* key) { return summary.at(key).get<std::uint64_t>(); };
    CHECK(count("frames_in") == frames);
    CHECK(count("frames_recorded") + sumOf(summary.at("dropped_by_reason")) + count("frames_dropped_at_source") +
              count("frames_lost") ==
          frames);
    CHECK(sumOf(summary.at("dropped_by_reason")) == count("frames_dropped"));
    CHECK(sumOf(summary.at("recorded_by_reason")) == count("frames_recorded"));
    CHECK(count("frames_dropped") > 0);  // or the account is of half of what there is
    CHECK(count("frames_dropped_at_source") == 0);
    CHECK(count("frames_lost") == 0);
    MESSAGE(count("frames_in") << " frames = " << count("frames_recorded") << " recorded + " << count("frames_dropped")
                               << " dropped; " << summary.at("segments").dump());
}

/// What is left is what the index says, all of it plays, and it is no more than was to be kept.
void checkSegments(const TemporaryFolder& folder, const nlohmann::json& summary, std::uint64_t frames) {
    const auto written = summary.at("segments").at("written").get<std::uint64_t>();
    const auto removed = summary.at("segments").at("removed").get<std::uint64_t>();
    const double seconds = static_cast<double>(frames) / kFrameRate;
    CHECK(written == static_cast<std::uint64_t>(std::ceil(seconds / kSegmentSeconds)));
    const std::vector<SegmentRecord> segments = listedSegments(folder.path());
    CHECK(removed > 0);
    CHECK(segments.size() == written - removed);
    std::vector<std::string> listed;
    std::uint64_t bytes = 0;
    for (const SegmentRecord& segment : segments) {
        CAPTURE(segment.file);
        listed.push_back(segment.file);
        bytes += segment.bytes;
        CHECK(segment.state == SegmentRecord::State::Finished);
        CHECK(readRecording(folder / segment.file).times.size() == segment.frames);
    }
    CHECK(listed == filesIn(folder.path()));
    CHECK(bytes <= kKept);
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("a long recording takes no more at its end than at its beginning and loses no frame") {
        const std::uint64_t frames = framesWanted();
        const TemporaryFolder folder;
        Program program({"--scene", "-w", "96", "-h", "64", "--encoder", "software", "--frames", std::to_string(frames),
                         "-o", folder / "s%06i.mp4", "--segment", "20s", "--keep", "500kB", "--on-segment", "/bin/true",
                         "--summary", "json"});
        const std::chrono::duration<double> interval(static_cast<double>(frames) / kGuessedRate / kSamples);
        Watcher watcher(program.process(), std::chrono::ceil<std::chrono::milliseconds>(interval));
        const ProgramResult result = program.wait(kLimit);
        const Samples samples = watcher.finish();
        CAPTURE(result.errors);
        REQUIRE(result.exitStatus == 0);
        writeCurve(samples);
        checkFlat(samples);
        const nlohmann::json summary = nlohmann::json::parse(result.output);
        checkAccount(summary, frames);
        checkSegments(folder, summary, frames);
    }
}
