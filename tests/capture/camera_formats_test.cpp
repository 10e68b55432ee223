#include "capture/camera_formats.h"

#include <doctest/doctest.h>
#include <drm_fourcc.h>

#include <string>
#include <vector>

using namespace smartcodec;

namespace {

const PixelFormat kYuyv{DRM_FORMAT_YUYV};
const PixelFormat kBgrx{DRM_FORMAT_XRGB8888};
const PixelFormat kTenBits{DRM_FORMAT_P010};
const std::vector<PixelFormat> kUsual{kNv12, kYuv420};

CameraFormat offer(PixelFormat format, Size largest) {
    return {format, {{320, 240}, largest}};
}

std::optional<ChosenFormat> choose(const std::vector<CameraFormat>& offered, std::optional<Size> size = {},
                                   std::optional<FrameRate> rate = {},
                                   const std::vector<PixelFormat>& direct = kUsual) {
    return chooseFormat(offered, direct, size, rate);
}

void checkChoice(const std::optional<ChosenFormat>& chosen, PixelFormat format, CameraConversion conversion) {
    REQUIRE(chosen);
    CHECK(chosen->format == format);
    CHECK(chosen->conversion == conversion);
}

constexpr Size kHd{1280, 720};
constexpr Size kFullHd{1920, 1080};
constexpr Size kVga{640, 480};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a camera gives what the encoder takes in the encoder's order") {
        const std::vector<CameraFormat> offered{offer(kYuyv, kHd), offer(kYuv420, kHd), offer(kNv12, kHd)};
        checkChoice(choose(offered), kNv12, CameraConversion::None);
        checkChoice(choose(offered, {}, {}, {kYuv420, kNv12}), kYuv420, CameraConversion::None);
    }

    TEST_CASE("halved chroma goes before another format that the encoder takes") {
        const std::vector<PixelFormat> direct{kBgrx, kNv12};
        checkChoice(choose({offer(kBgrx, kHd), offer(kNv12, kHd)}, {}, {}, direct), kNv12, CameraConversion::None);
        checkChoice(choose({offer(kBgrx, kHd)}, {}, {}, direct), kBgrx, CameraConversion::None);
    }

    TEST_CASE("a format that the analysis could not read is not given to the encoder") {
        CHECK_FALSE(choose({offer(kTenBits, kHd)}, {}, {}, {kTenBits}));
    }

    TEST_CASE("a format that the encoder does not take is converted") {
        checkChoice(choose({offer(kBgrx, kHd), offer(kYuyv, kHd)}), kYuyv, CameraConversion::Converted);
        checkChoice(choose({offer(kNv12, kHd)}, {}, {}, {kYuv420}), kNv12, CameraConversion::Converted);
        CHECK_FALSE(choose({offer(kTenBits, kHd)}));
        CHECK_FALSE(choose({}));
    }

    TEST_CASE("a format without the wished size gives way to one that has it") {
        const std::vector<CameraFormat> offered{offer(kNv12, kVga), offer(kYuyv, kVga), offer(kMjpeg, kFullHd)};
        checkChoice(choose(offered, kFullHd), kMjpeg, CameraConversion::Decompressed);
        checkChoice(choose(offered, kVga), kNv12, CameraConversion::None);
        checkChoice(choose(offered, Size{3840, 2160}), kNv12, CameraConversion::None);  // nobody has it
        checkChoice(choose(offered), kNv12, CameraConversion::None);
    }

    TEST_CASE("Motion JPEG is for what USB 2 cannot carry otherwise") {
        const std::vector<CameraFormat> offered{offer(kYuyv, kFullHd), offer(kMjpeg, kFullHd)};
        checkChoice(choose(offered, kVga), kYuyv, CameraConversion::Converted);                   // 18 MB/s
        checkChoice(choose(offered, kHd), kMjpeg, CameraConversion::Decompressed);                // 55 MB/s
        checkChoice(choose(offered, kHd, FrameRate{10, 1}), kYuyv, CameraConversion::Converted);  // 18 MB/s
        checkChoice(choose(offered), kMjpeg, CameraConversion::Decompressed);
        checkChoice(choose({offer(kYuyv, kFullHd)}, kFullHd), kYuyv, CameraConversion::Converted);
        checkChoice(choose({offer(kMjpeg, kVga)}, kFullHd), kMjpeg, CameraConversion::Decompressed);
        checkChoice(choose({offer(kYuyv, kFullHd), offer(kMjpeg, kVga)}, kFullHd), kYuyv, CameraConversion::Converted);
    }

    TEST_CASE("the picture for the analysis has the main one's shape at 640") {
        struct Row {
            Size main;
            std::optional<Size> small;
        };
        const Row rows[] = {
            {{1920, 1080}, Size{640, 360}}, {{1280, 720}, Size{640, 360}},  {{1080, 1920}, Size{360, 640}},
            {{648, 480}, Size{640, 474}},   {{4056, 3040}, Size{640, 480}}, {{642, 642}, Size{640, 640}},
            {{640, 480}, std::nullopt},     {{320, 240}, std::nullopt},     {{8192, 16}, Size{640, 2}},
        };
        for (const Row& row : rows) {
            CAPTURE(row.main.width);
            CAPTURE(row.main.height);
            CHECK(analysisSize(row.main) == row.small);
            if (row.small && row.small->height > 16)
                CHECK(servesAnalysis(*row.small, row.main));
        }
    }

    TEST_CASE("a small picture serves the analysis within its bounds and in the main one's shape") {
        CHECK(servesAnalysis({640, 360}, kFullHd));
        CHECK(servesAnalysis({320, 180}, kFullHd));
        CHECK_FALSE(servesAnalysis({318, 178}, kFullHd));
        CHECK_FALSE(servesAnalysis({642, 362}, kFullHd));
        CHECK_FALSE(servesAnalysis({640, 480}, kFullHd));
        CHECK(servesAnalysis({640, 368}, {1920, 1088}));
        CHECK(servesAnalysis({360, 640}, {1080, 1920}));
        CHECK_FALSE(servesAnalysis({640, 360}, {1080, 1920}));
    }
}
