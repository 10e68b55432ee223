#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "mux/mp4_writer.h"
#include "tests/mux/mux_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace std::chrono_literals;

namespace smartcodec::test {
namespace {

constexpr double kMillisecond = 0.001;

TEST_SUITE("integration") {
    TEST_CASE("sound that begins after a file goes into the next one whole") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(50, 40ms)});
        const Sound sound = encodeSound(2s);
        FileConfig config = configFor(clip, folder / "first.mp4");
        config.copiedTracks = sound.tracks;
        Mp4Writer first(config);
        for (std::size_t i = 0; i < sound.packets.size(); ++i)
            REQUIRE(first.write(sound.packet(i, kStart)).ok());
        for (std::size_t i = 0; i < 25; ++i)
            REQUIRE(first.write(clip.packet(i)).ok());
        std::vector<Packet> following;
        REQUIRE(first.finishBefore(kStart + 1s, following).ok());

        config.path = folder / "second.mp4";
        Mp4Writer second(config);
        for (Packet& packet : following)
            REQUIRE(second.write(std::move(packet)).ok());
        for (std::size_t i = 25; i < 50; ++i)
            REQUIRE(second.write(clip.packet(i)).ok());
        REQUIRE(second.finish(kStart + 2s).ok());

        const ReadBack one = readBack(folder / "first.mp4");
        const ReadBack two = readBack(folder / "second.mp4");
        CHECK(std::abs(one.streams.at(0).duration - 1) < kMillisecond);
        CHECK(std::abs(two.streams.at(0).duration - 1) < kMillisecond);
        const auto& before = one.streams.at(1).packets;
        const auto& after = two.streams.at(1).packets;
        CHECK(before.size() + after.size() == sound.packets.size());
        const double step = 1024.0 / 48000;
        CHECK(before.back().pts < 1);
        CHECK(before.back().pts + step > 1);
        CHECK(std::abs(before.back().duration - step) < 1e-6);  // not cut short
        CHECK(std::abs(after.front().pts - (before.back().pts + step - 1)) < 1.0 / 48000);
        CHECK(after.front().bytes == sound.packets.at(before.size()).bytes.size());
    }

    TEST_CASE("sound of a file that never got a picture goes into the next one") {
        const TemporaryFolder folder;
        const Clip clip = encode({.times = evenTimes(1, 40ms)});
        const Sound sound = encodeSound(1s);
        FileConfig config = configFor(clip, folder / "video.mp4");
        config.copiedTracks = sound.tracks;
        Mp4Writer writer(config);
        for (std::size_t i = 0; i < sound.packets.size(); ++i)
            REQUIRE(writer.write(sound.packet(i, kStart)).ok());
        std::vector<Packet> following;
        CHECK(writer.finishBefore(kStart + 500ms, following).ok());
        CHECK(following.size() == sound.packets.size());
    }
}

}  // namespace
}  // namespace smartcodec::test
