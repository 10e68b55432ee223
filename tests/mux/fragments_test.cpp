// What a player finds in an MP4 that is still being written.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "mux/mp4_writer.h"
#include "tests/mux/mux_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr double kMillisecond = 0.001;
constexpr double kTick = 1.0 / 90'000;
const Codec kCodecs[] = {Codec::H264, Codec::Hevc};

std::vector<CaptureTime> unevenTimes() {
    std::vector<CaptureTime> times{kStart};
    for (int i = 0; i < 60; ++i)
        times.push_back(times.back() + (i % 7 == 0 ? 470ms : i % 5 == 0 ? 1000ms : 33ms));
    return times;
}

double sinceStart(CaptureTime time) {
    return std::chrono::duration<double>(time - kStart).count();
}

/// The types of the boxes that a file consists of, and where each ends.
struct Boxes {
    std::vector<std::string> types;
    std::vector<std::uint64_t> ends;
};
Boxes boxesOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<unsigned char> bytes{std::istreambuf_iterator<char>(file), {}};
    const auto number = [&bytes](std::size_t at, int count) {
        std::uint64_t value = 0;
        for (int i = 0; i < count; ++i)
            value = value << 8 | bytes.at(at + static_cast<std::size_t>(i));
        return value;
    };
    Boxes boxes;
    for (std::uint64_t at = 0; at < bytes.size(); at = boxes.ends.back()) {
        const std::uint64_t size = number(at, 4);
        boxes.types.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                                 bytes.begin() + static_cast<std::ptrdiff_t>(at) + 8);
        boxes.ends.push_back(at + (size == 1 ? number(at + 8, 8) : size));
    }
    CHECK(boxes.ends.back() == bytes.size());
    return boxes;
}

TEST_SUITE("integration") {
    TEST_CASE("a file that is being written plays at its capture times") {
        const TemporaryFolder folder;
        for (const Codec codec : kCodecs)
            for (const int bFrames : {0, 2, 3}) {
                CAPTURE(name(codec));
                CAPTURE(bFrames);
                const std::vector<CaptureTime> times = unevenTimes();
                const Clip clip = encode({.codec = codec, .bFrames = bFrames, .keyFrameEvery = 25, .times = times});
                const std::string path = folder / (name(codec) + std::to_string(bFrames));
                Mp4Writer writer(configFor(clip, path));
                writeAll(writer, clip);
                REQUIRE(writer.flush().ok());
                const ReadBack file = readBack(path);
                REQUIRE(writer.finish(times.back() + 40ms).ok());

                const std::vector<double>& shown = file.streams.at(0).shown;
                const std::size_t heldBack = bFrames > 0 ? 17 : 1;
                REQUIRE(shown.size() == times.size() - heldBack);
                CHECK(std::abs(file.start) < kMillisecond);
                CHECK(std::abs(file.streams[0].start) < kMillisecond);
                CHECK(file.streams[0].packets.size() == shown.size());
                if (bFrames == 0) {
                    for (std::size_t i = 0; i < shown.size(); ++i)
                        CHECK(std::abs(shown[i] - sinceStart(times[i])) < kTick);
                    const double end = sinceStart(times.back());
                    CHECK(std::abs(file.duration - end) < kMillisecond);
                    CHECK(std::abs(file.streams[0].duration - end) < kMillisecond);
                }
                // Of reordered pictures the last ones may not all be there; those that are have their times.
                std::size_t found = 0;
                for (const double time : shown)
                    found += std::ranges::any_of(
                        times, [time](CaptureTime t) { return std::abs(sinceStart(t) - time) < kTick; });
                CHECK(found == shown.size());
                CHECK(std::ranges::is_sorted(shown));
                CHECK(std::abs(shown.at(0)) < kTick);

                const ReadBack finished = readBack(path);
                REQUIRE(finished.streams.at(0).shown.size() == times.size());
                const auto& before = file.streams[0].packets;
                const auto& after = finished.streams[0].packets;
                for (std::size_t i = 0; i < before.size(); ++i) {
                    CHECK(std::abs(before[i].pts - after[i].pts) < kTick);
                    CHECK(before[i].bytes == after[i].bytes);
                    CHECK(before[i].keyFrame == after[i].keyFrame);
                }
            }
    }

    TEST_CASE("sound in a file that is being written lies where it will lie") {
        const TemporaryFolder folder;
        const Clip clip = encode({.bFrames = 2, .times = evenTimes(100, 40ms)});
        const Sound sound = encodeSound(4s);
        for (const auto offset : {0ms, 300ms, 900ms, -400ms}) {
            CAPTURE(offset.count());
            const std::string path = folder / std::to_string(offset.count());
            FileConfig config = configFor(clip, path);
            config.copiedTracks = sound.tracks;
            Mp4Writer writer(config);
            for (std::size_t i = 0; i < sound.packets.size(); ++i)
                REQUIRE(writer.write(sound.packet(i, kStart + offset)).ok());
            writeAll(writer, clip);
            REQUIRE(writer.flush().ok());
            const ReadBack file = readBack(path);
            REQUIRE(writer.finish(kStart + 4s).ok());
            const ReadBack finished = readBack(path);

            REQUIRE(file.streams.size() == 2);
            CHECK(std::abs(file.streams[0].start) < kMillisecond);
            const auto& before = file.streams[1].packets;
            const auto& after = finished.streams[1].packets;
            CHECK(file.streams[1].language == "deu");
            REQUIRE(before.size() > 70);
            REQUIRE(before.size() <= after.size());
            for (std::size_t i = 0; i < before.size(); ++i) {
                CHECK(std::abs(before[i].pts - after[i].pts) < 1.0 / 48000);
                CHECK(before[i].bytes == after[i].bytes);
            }
        }
    }

    TEST_CASE("no fragment is longer than half a second and a packet") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(250, 40ms)});
        Mp4Writer writer(configFor(clip, path));
        std::size_t lacking = 0;
        for (std::size_t i = 0; i < clip.packets.size(); ++i) {
            REQUIRE(writer.write(clip.packet(i)).ok());
            lacking = std::max<std::size_t>(lacking, i + 1 - writer.videoPackets());
        }
        CHECK(lacking * 40 <= 600);
        REQUIRE(writer.finish(kStart + 10s).ok());
    }

    TEST_CASE("a finished file is one box of pictures and an index") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.times = evenTimes(50, 40ms)});
        Mp4Writer writer(configFor(clip, path));
        writeAll(writer, clip);
        REQUIRE(writer.flush().ok());
        const std::vector<std::string> head = {"ftyp", "free", "moov", "moof", "mdat"};
        const Boxes boxes = boxesOf(path);
        REQUIRE(boxes.types.size() > 6);
        CHECK(std::equal(head.begin(), head.end(), boxes.types.begin()));
        REQUIRE(writer.finish(kStart + 2s).ok());
        CHECK(boxesOf(path).types == std::vector<std::string>{"ftyp", "mdat", "moov"});
        CHECK(readBack(path).streams.at(0).shown.size() == 50);
    }

    TEST_CASE("a disk that fails in the middle leaves the fragments before") {
        const TemporaryFolder folder;
        const std::string path = folder / "video.mp4";
        const Clip clip = encode({.noisy = true, .times = evenTimes(200, 40ms)});
        Mp4Writer writer(configFor(clip, path), std::make_unique<SmallDisk>(path, 100'000, false));
        Status status;
        for (std::size_t i = 0; i < clip.packets.size() && status.ok(); ++i)
            status = writer.write(clip.packet(i));
        REQUIRE_FALSE(status.ok());
        CHECK_FALSE(writer.finish(clip.packets.back().presentation).ok());
        const ReadBack file = readBack(path);
        CHECK(file.streams.at(0).shown.size() == writer.videoPackets());
        CHECK(writer.videoPackets() > 10);
    }
}

}  // namespace
}  // namespace smartcodec::test
