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
#include <utility>
#include <vector>

#include "tests/capture/recording_sink.h"
#include "tests/support/make_video.h"
#include "tests/support/temporary_folder.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

/// Made, then read.
SeenFile seen(VideoRecipe recipe, const std::string& file, FileSourceConfig config = {}) {
    const TemporaryFolder folder;
    recipe.path = folder / file;
    makeVideo(recipe);
    config.path = recipe.path;
    return readFile(config);
}

void checkGreys(const SeenFile& file, double tolerance = 2) {
    for (std::size_t i = 0; i < file.sink.frames.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(file.sink.frames[i].luma - greyOf(static_cast<int>(i))) <= tolerance);
        CHECK(std::abs(file.sink.frames[i].cb - 128) <= tolerance);
        CHECK(std::abs(file.sink.frames[i].cr - 128) <= tolerance);
        CHECK(file.sink.frames[i].sequence == i);
    }
}

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

Pixel diagonal(int, int x, int y) {
    return {40 + 2 * x + y, 128, 128};
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

    TEST_CASE("odd edges are cropped without moving or copying the picture") {
        for (const char* pixelFormat : {"yuv420p", "yuv444p"}) {
            CAPTURE(pixelFormat);
            VideoRecipe recipe;
            recipe.size = {67, 49};
            recipe.codec = "ffv1";
            recipe.pixelFormat = pixelFormat;
            recipe.paint = diagonal;
            const SeenFile file = seen(recipe, "a.mkv");
            CHECK(file.info().size == Size{66, 48});
            const SeenFrame& frame = file.sink.frames.at(3);
            CHECK(frame.size == Size{66, 48});
            for (int x = 0; x < 66; ++x)
                CHECK(frame.topRow[static_cast<std::size_t>(x)] == 40 + 2 * x);
            for (int y = 0; y < 48; ++y)
                CHECK(frame.leftColumn[static_cast<std::size_t>(y)] == 40 + y);
        }
    }

    TEST_CASE("rotation and sample aspect are told and not applied") {
        for (const int rotation : {0, 90, 180, 270}) {
            CAPTURE(rotation);
            VideoRecipe recipe;
            recipe.rotation = rotation;
            recipe.sampleAspect = {4, 3};
            const SeenFile file = seen(recipe, "a.mp4");
            CHECK(file.info().rotation == rotation);
            CHECK(file.info().sampleAspect == Ratio{4, 3});
            CHECK(file.info().size == Size{64, 48});
        }
    }

    TEST_CASE("colour tags and full range are kept") {
        VideoRecipe recipe;
        recipe.color = {.primaries = 9, .transfer = 16, .matrix = 9, .fullRange = false, .chromaLocation = 3};
        CHECK(seen(recipe, "a.mp4").info().color == recipe.color);

        recipe.color = {.primaries = 1, .transfer = 1, .matrix = 1, .fullRange = true, .chromaLocation = 1};
        const SeenFile full = seen(recipe, "a.mkv");
        CHECK(full.info().color == recipe.color);
        checkGreys(full);

        recipe.codec = "mjpeg";
        recipe.pixelFormat = "yuvj420p";
        const SeenFile jpeg = seen(recipe, "a.avi");
        CHECK(jpeg.info().color.fullRange);
        CHECK(jpeg.info().format == kYuv420);
        checkGreys(jpeg, 3);
    }

    TEST_CASE("an untagged video stays untagged") {
        const SeenFile file = seen({}, "a.mp4");
        CHECK(file.info().color.primaries == 2);
        CHECK(file.info().color.transfer == 2);
        CHECK(file.info().color.matrix == 2);
        CHECK_FALSE(file.info().color.fullRange);
        CHECK_FALSE(file.info().sampleAspect.known());
    }

    TEST_CASE("other pixel formats of YUV are converted and keep their values and tags") {
        for (const char* pixelFormat : {"yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p16le", "yuva420p",
                                        "gray", "gray10le", "yuv411p"}) {
            for (const bool fullRange : {false, true}) {
                CAPTURE(pixelFormat);
                CAPTURE(fullRange);
                VideoRecipe recipe;
                recipe.codec = "ffv1";
                recipe.pixelFormat = pixelFormat;
                recipe.color = {.primaries = 9, .transfer = 16, .matrix = 9, .fullRange = fullRange};
                if (std::string(pixelFormat).starts_with("gray"))
                    recipe.color.matrix = 2;
                const SeenFile file = seen(recipe, "a.mkv");
                REQUIRE(file.sink.frames.size() == 10);
                CHECK(file.info().format == kYuv420);
                CHECK(file.info().color.primaries == 9);
                CHECK(file.info().color.transfer == 16);
                CHECK(file.info().color.matrix == recipe.color.matrix);
                CHECK(file.info().color.fullRange == fullRange);
                checkGreys(file, 1);
            }
        }
    }

    TEST_CASE("RGB becomes limited range in the matrix of its height") {
        struct Case {
            Size size;
            int matrix;
            double luma, cb, cr;  // of pure red: BT.601 and BT.709 by their standards' formulas
        };
        for (const Case& c : {Case{{64, 48}, 6, 81.5, 90.2, 240}, Case{{64, 720}, 1, 62.6, 102.4, 240}}) {
            for (const auto& [codec, pixelFormat] : {std::pair{"ffv1", "bgr0"}, std::pair{"utvideo", "gbrp"}}) {
                CAPTURE(codec);
                CAPTURE(c.matrix);
                VideoRecipe recipe;
                recipe.frames = 2;
                recipe.size = c.size;
                recipe.codec = codec;
                recipe.pixelFormat = pixelFormat;
                recipe.paint = [](int, int, int) { return Pixel{255, 0, 0}; };
                const SeenFile file = seen(recipe, "a.mkv");
                REQUIRE(file.sink.frames.size() == 2);
                CHECK(file.info().color.matrix == c.matrix);
                CHECK_FALSE(file.info().color.fullRange);
                CHECK(std::abs(file.sink.frames[1].luma - c.luma) <= 1);
                CHECK(std::abs(file.sink.frames[1].cb - c.cb) <= 1);
                CHECK(std::abs(file.sink.frames[1].cr - c.cr) <= 1);
            }
        }
    }

    TEST_CASE("a bottom up RGB file comes out the right way up") {
        VideoRecipe recipe;
        recipe.codec = "rawvideo";
        recipe.pixelFormat = "bgr24";
        recipe.paint = [](int, int, int y) { return y < 24 ? Pixel{255, 255, 255} : Pixel{0, 0, 0}; };
        const SeenFile file = seen(recipe, "a.avi");
        REQUIRE(file.sink.frames.size() == 10);
        CHECK(file.sink.frames[0].leftColumn.front() == 235);
        CHECK(file.sink.frames[0].leftColumn.back() == 16);
    }

    TEST_CASE("a wanted size scales and keeps the shape of what is shown") {
        VideoRecipe recipe;
        recipe.paint = [](int, int x, int) { return x < 32 ? Pixel{200, 128, 128} : Pixel{50, 128, 128}; };
        const SeenFile width = seen(recipe, "a.mkv", {.path = {}, .width = 32, .height = {}});
        CHECK(width.info().size == Size{32, 24});
        CHECK_FALSE(width.info().sampleAspect.known());
        REQUIRE(width.sink.frames.size() == 10);
        CHECK(width.sink.frames[0].size == Size{32, 24});
        CHECK(std::abs(width.sink.frames[0].topRow.front() - 200) <= 3);
        CHECK(std::abs(width.sink.frames[0].topRow.back() - 50) <= 3);

        const SeenFile height = seen(recipe, "a.mkv", {.path = {}, .width = {}, .height = 96});
        CHECK(height.info().size == Size{128, 96});

        const SeenFile both = seen(recipe, "a.mkv", {.path = {}, .width = 64, .height = 96});
        CHECK(both.info().size == Size{64, 96});
        CHECK(both.info().sampleAspect == Ratio{2, 1});
    }

    TEST_CASE("scaling across the height that players go by pins the matrix down") {
        VideoRecipe recipe;
        recipe.frames = 1;
        recipe.size = {64, 720};
        CHECK(seen(recipe, "a.mkv", {.path = {}, .width = 64, .height = 48}).info().color.matrix == 1);
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
