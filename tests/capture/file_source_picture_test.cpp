#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>

#include "tests/capture/file_fixture.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

Pixel diagonal(int, int x, int y) {
    return {40 + 2 * x + y, 128, 128};
}

}  // namespace

TEST_SUITE("integration") {
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
}
