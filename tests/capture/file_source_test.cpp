#include "capture/file_source.h"

#include <doctest/doctest.h>

extern "C" {
#include <libavcodec/codec_par.h>
}

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/capture/file_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

/// Every picture there, in order, 40 ms apart exactly.
void checkAt25(const SeenFile& file, std::size_t count) {
    CHECK(file.status.message() == "");
    REQUIRE(file.sink.frames.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        CHECK(file.sink.frames[i].time == 40ms * static_cast<int>(i));
        CHECK(file.sink.frames[i].duration == 40ms);
        if (i > 0)
            CHECK(file.sink.frames[i].time > file.sink.frames[i - 1].time);
    }
    checkGreys(file);
}

/// Around the grey of the picture.
Pixel noise(int number, int x, int y) {
    const unsigned hash = static_cast<unsigned>(number * 7919 + y * 613 + x) * 2654435761U;
    return {greyOf(number) + static_cast<int>(hash >> 16) % 41 - 20, 128, 128};
}

}  // namespace

TEST_SUITE("integration") {
    TEST_CASE("every container delivers all pictures at their times") {
        struct Case {
            std::string file;
            std::string codec;
        };
        for (const Case& c : {Case{"a.mp4", "libx264"}, Case{"a.mov", "mpeg4"}, Case{"a.mkv", "libx264"},
                              Case{"a.avi", "mpeg4"}, Case{"a.avi", "mjpeg"}, Case{"a.ts", "libx264"},
                              Case{"a.mpg", "mpeg2video"}, Case{"a.h264", "libx264"}, Case{"a.y4m", "rawvideo"}}) {
            CAPTURE(c.file);
            CAPTURE(c.codec);
            VideoRecipe recipe;
            recipe.codec = c.codec;
            recipe.frames = 25;
            if (c.codec == "mjpeg") {
                recipe.pixelFormat = "yuvj420p";
                recipe.color.fullRange = true;
            }
            if (c.file == "a.y4m")
                recipe.codec = "wrapped_avframe";
            if (c.file == "a.mpg") {
                // smaller pictures share a packet with one time between them, which libavformat gives to the wrong one
                recipe.size = {160, 128};
                recipe.paint = noise;
                recipe.codecOptions = {{"b", "20M"}};
            }
            const SeenFile file = seen(recipe, c.file);
            checkAt25(file, 25);
            CHECK(file.info().size == recipe.size);
            CHECK(file.info().frameRate.value() == doctest::Approx(25));
            CHECK(file.info().format == kYuv420);
            CHECK_FALSE(file.info().live);
            CHECK(file.info().name == c.file);
        }
    }

    TEST_CASE("raw H 264 without any times gets those of its own rate") {
        VideoRecipe recipe;
        recipe.frameRate = {10, 1};
        recipe.codecOptions = {{"x264-params", "force-cfr=1:bframes=2"}};
        const SeenFile file = seen(recipe, "a.264");
        REQUIRE(file.sink.frames.size() == 10);
        for (std::size_t i = 0; i < 10; ++i)
            CHECK(file.sink.frames[i].time == 100ms * static_cast<int>(i));
        checkGreys(file);
        CHECK(file.info().frameRate == FrameRate{10, 1});
    }

    TEST_CASE("a variable rate keeps every time with B frames and without") {
        const std::vector<std::chrono::milliseconds> times{0ms, 33ms, 500ms, 533ms, 1600ms, 1640ms, 1650ms, 4000ms};
        for (const char* bframes : {"0", "2"}) {
            for (const char* name : {"a.mkv", "a.mp4"}) {
                CAPTURE(name);
                VideoRecipe recipe;
                recipe.times = times;
                recipe.frames = static_cast<int>(times.size());
                recipe.codecOptions = {{"bf", bframes}};
                const SeenFile file = seen(recipe, name);
                CHECK(file.status.message() == "");
                CHECK(file.times() == std::vector<nanoseconds>(times.begin(), times.end()));
                checkGreys(file);
            }
        }
    }

    TEST_CASE("a file whose times begin late starts at zero") {
        VideoRecipe recipe;
        recipe.times = {5000ms, 5040ms, 5100ms};
        recipe.frames = 3;
        recipe.audioCodec = "aac";
        const SeenFile file = seen(recipe, "a.mkv");
        CHECK(file.times() == std::vector<nanoseconds>{0ms, 40ms, 100ms});
        REQUIRE_FALSE(file.sink.packets.empty());
        // the tone began with the clock, five seconds before the first picture
        CHECK(std::abs((file.sink.packets.front().time + 5000ms).count()) < nanoseconds(50ms).count());
    }

    TEST_CASE("a file whose pictures all come late is whole and lasts as long as they do") {
        for (const char* name : {"a.mkv", "a.mp4"}) {
            CAPTURE(name);
            VideoRecipe recipe;
            recipe.times = {5000ms, 5040ms, 5080ms};
            recipe.frames = 3;
            recipe.muxerOptions = {{"avoid_negative_ts", "disabled"}};
            const SeenFile file = seen(recipe, name);
            CHECK(file.status.message() == "");
            CHECK(file.times() == std::vector<nanoseconds>{0ms, 40ms, 80ms});
            REQUIRE(file.info().duration);
            CHECK(std::abs((*file.info().duration - 120ms).count()) <= nanoseconds(40ms).count());
        }
    }

    TEST_CASE("the decoder's own pictures are delivered and used again") {
        VideoRecipe recipe;
        recipe.frames = 100;
        const SeenFile file = seen(recipe, "a.mp4");
        std::set<const std::byte*> memories;
        for (const SeenFrame& frame : file.sink.frames)
            memories.insert(frame.memory);
        CHECK(memories.size() < 40);
    }

    TEST_CASE("frames outlive their source") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        for (const char* pixelFormat : {"yuv420p", "yuv444p"}) {
            recipe.path = folder / "a.mkv";
            recipe.pixelFormat = pixelFormat;
            makeVideo(recipe);
            RecordingSink sink;
            sink.keep = true;
            CHECK(openFile({recipe.path, {}, {}})->run(sink, {}).ok());
            REQUIRE(sink.kept.size() == 10);
            for (std::size_t i = 0; i < 10; ++i)
                CHECK(std::abs(std::to_integer<int>(*sink.kept[i]->picture.planes[0].data) -
                               greyOf(static_cast<int>(i))) <= 2);
        }
    }

    TEST_CASE("audio is copied with its times between the frames") {
        VideoRecipe recipe;
        recipe.frames = 50;
        recipe.audioCodec = "aac";
        recipe.audioLanguage = "swe";
        for (const char* name : {"a.mp4", "a.mkv", "a.ts"}) {
            CAPTURE(name);
            const SeenFile file = seen(recipe, name);
            checkAt25(file, 50);
            REQUIRE(file.info().copiedTracks.size() == 1);
            CHECK(file.info().notes.empty());
            CHECK(file.info().copiedTracks[0].language == "swe");
            CHECK(file.info().copiedTracks[0].parameters->codec_id == AV_CODEC_ID_AAC);
            CHECK(file.info().copiedTracks[0].parameters->sample_rate == 48000);
            const auto& packets = file.sink.packets;
            REQUIRE(packets.size() >= 94);  // 2 s of 1024 samples at 48 kHz
            for (std::size_t i = 0; i < packets.size(); ++i) {
                CAPTURE(i);
                CHECK(packets[i].stream == 1);
                CHECK(packets[i].bytes > 0);
                // clocks of 1 ms and 90 kHz round
                CHECK(std::abs((packets[i].time - packets[0].time - 21'333'333ns * static_cast<int>(i)).count()) <=
                      1'000'000);
                if (i > 0)
                    CHECK(packets[i].time > packets[i - 1].time);
                // never ahead of the frame that follows it in the delivery
                if (packets[i].framesBefore < file.sink.frames.size())
                    CHECK(packets[i].time <= file.sink.frames[packets[i].framesBefore].time);
            }
            CHECK(std::abs(packets[0].time.count()) <= nanoseconds(70ms).count());
        }
    }

    TEST_CASE("audio that MP4 cannot hold is left out with a note") {
        VideoRecipe recipe;
        recipe.audioCodec = "wmav2";
        const SeenFile file = seen(recipe, "a.mkv");
        REQUIRE(file.info().notes.size() == 1);
        CHECK(file.info().notes[0].find("wmav2") != std::string::npos);
        CHECK(file.info().copiedTracks.empty());
        CHECK(file.sink.packets.empty());
        checkAt25(file, 10);
    }

    TEST_CASE("a stream whose pictures change size is scaled to the first") {
        const TemporaryFolder folder;
        std::ofstream joined(folder / "joined.h264", std::ios::binary);
        for (const Size size : {Size{64, 48}, Size{128, 96}, Size{64, 48}}) {
            VideoRecipe recipe;
            recipe.path = folder / "part.h264";
            recipe.size = size;
            makeVideo(recipe);
            joined << std::ifstream(recipe.path, std::ios::binary).rdbuf();
        }
        joined.close();
        const SeenFile file = readFile({folder / "joined.h264", {}, {}});
        CHECK(file.status.message() == "");
        REQUIRE(file.sink.frames.size() == 30);
        for (std::size_t i = 0; i < 30; ++i) {
            CHECK(file.sink.frames[i].size == Size{64, 48});
            CHECK(std::abs(file.sink.frames[i].luma - greyOf(static_cast<int>(i % 10))) <= 2);
            CHECK(file.sink.frames[i].time == 40ms * static_cast<int>(i));
        }
    }

    TEST_CASE("recordings joined end to end keep rising times") {
        const TemporaryFolder folder;
        std::ofstream joined(folder / "joined.ts", std::ios::binary);
        for (int part = 0; part < 2; ++part) {
            VideoRecipe recipe;
            recipe.path = folder / "part.ts";
            recipe.frames = 50;
            recipe.audioCodec = "aac";
            makeVideo(recipe);
            joined << std::ifstream(recipe.path, std::ios::binary).rdbuf();
        }
        joined.close();
        const SeenFile file = readFile({folder / "joined.ts", {}, {}});
        REQUIRE(file.sink.frames.size() >= 98);
        for (std::size_t i = 1; i < file.sink.frames.size(); ++i)
            CHECK(file.sink.frames[i].time > file.sink.frames[i - 1].time);
        CHECK(file.sink.frames.back().time < 4100ms);
        for (std::size_t i = 1; i < file.sink.packets.size(); ++i)
            CHECK(file.sink.packets[i].time > file.sink.packets[i - 1].time);
    }

    TEST_CASE("a sink that has had enough ends the run") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        recipe.path = folder / "a.mp4";
        makeVideo(recipe);
        const auto source = openFile({recipe.path, {}, {}});
        RecordingSink sink;
        sink.wanted = 3;
        CHECK(source->run(sink, {}).ok());
        CHECK(sink.frames.size() == 3);
    }

    TEST_CASE("asking to stop ends the run between two frames") {
        const TemporaryFolder folder;
        VideoRecipe recipe;
        recipe.path = folder / "a.mp4";
        recipe.audioCodec = "aac";
        makeVideo(recipe);
        const auto source = openFile({recipe.path, {}, {}});
        RecordingSink sink;
        sink.stopAfter = 4;
        CHECK(source->run(sink, sink.stop.get_token()).ok());
        CHECK(sink.frames.size() == 4);
    }

    TEST_CASE("a name with a colon or a percent sign is a file like any other") {
        for (const char* name : {"12:30.mkv", "http:clip.mkv", "half%d.mkv"}) {
            CAPTURE(name);
            const TemporaryFolder folder;
            VideoRecipe recipe;
            recipe.path = folder / "a.mkv";
            makeVideo(recipe);
            std::filesystem::rename(recipe.path, folder / name);
            const std::filesystem::path before = std::filesystem::current_path();
            std::filesystem::current_path(folder.path());
            CHECK_NOTHROW((void)openFile({name, {}, {}}));
            std::filesystem::current_path(before);
        }
    }
}
