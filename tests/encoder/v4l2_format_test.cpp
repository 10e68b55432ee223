#include "encoder/v4l2_format.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "encoder/v4l2_levels.h"

namespace smartcodec {
namespace {

V4l2Format format(std::uint32_t fourcc, Size size, std::size_t stride, std::vector<std::size_t> sizes) {
    V4l2Format result;
    result.fourcc = fourcc;
    result.size = size;
    result.planeCount = static_cast<int>(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i)
        result.planes[i] = {i > 0 && fourcc == V4L2_PIX_FMT_YUV420M ? stride / 2 : stride, sizes[i]};
    return result;
}

Picture picture(PixelFormat pixelFormat, Size size, std::vector<Plane> planes) {
    Picture result{.format = pixelFormat, .size = size};
    std::copy(planes.begin(), planes.end(), result.planes.begin());
    return result;
}

TEST_SUITE("unit") {
    TEST_CASE("planes lie behind each other in one buffer or each in its own") {
        const auto nv12 = RawLayout::of(format(V4L2_PIX_FMT_NV12, {320, 192}, 384, {384 * 192 * 3 / 2}));
        REQUIRE(nv12);
        CHECK(nv12->bufferPlanes == 1);
        CHECK(nv12->places[1].offsetBytes == 384 * 192);
        CHECK(nv12->places[1].strideBytes == 384);
        CHECK(nv12->usedBytes[0] == 384 * 192 * 3 / 2);
        const auto planar = RawLayout::of(format(V4L2_PIX_FMT_YUV420, {320, 192}, 384, {200'000}));
        REQUIRE(planar);
        CHECK(planar->places[2].offsetBytes == 384 * 192 + 192 * 96);
        CHECK(planar->places[2].strideBytes == 192);
        CHECK(planar->usedBytes[0] == 384 * 192 * 3 / 2);  // and not what there is room for
        const auto separate =
            RawLayout::of(format(V4L2_PIX_FMT_YUV420M, {320, 192}, 384, {384 * 192, 192 * 96, 192 * 96}));
        REQUIRE(separate);
        CHECK(separate->bufferPlanes == 3);
        CHECK(separate->places[2].bufferPlane == 2);
        CHECK(separate->places[2].offsetBytes == 0);
    }

    TEST_CASE("formats that cannot hold what they claim are not believed") {
        CHECK_FALSE(RawLayout::of(format(V4L2_PIX_FMT_NV12, {320, 192}, 320, {320 * 192})));
        CHECK_FALSE(RawLayout::of(format(V4L2_PIX_FMT_NV12, {320, 192}, 256, {1'000'000})));
        CHECK_FALSE(RawLayout::of(format(V4L2_PIX_FMT_NV12M, {320, 192}, 320, {1'000'000})));
        CHECK_FALSE(RawLayout::of(format(V4L2_PIX_FMT_YUYV, {320, 192}, 640, {1'000'000})));
        CHECK_FALSE(RawLayout::of(format(V4L2_PIX_FMT_NV12, {0, 0}, 0, {0})));
    }

    TEST_CASE("a picture is imported only where it lies exactly as the driver reads") {
        const auto layout = RawLayout::of(format(V4L2_PIX_FMT_NV12, {320, 192}, 320, {320 * 192 * 3 / 2}));
        REQUIRE(layout);
        const std::size_t chroma = 320 * 192;
        const auto imports = [&](std::vector<Plane> planes) {
            return layout->import(picture(kNv12, {320, 192}, planes));
        };
        const auto exact = imports({{5, 0, 320}, {5, chroma, 320}});
        REQUIRE(exact);
        CHECK(exact->atStart);
        CHECK(exact->planes[0].picturePlane == 0);
        const auto shifted = imports({{5, 4096, 320}, {5, chroma + 4096, 320}});
        REQUIRE(shifted);
        CHECK_FALSE(shifted->atStart);
        CHECK(shifted->planes[0].offsetBytes == 4096);
        CHECK_FALSE(imports({{5, 0, 320}, {6, chroma, 320}}));        // another dmabuf
        CHECK_FALSE(imports({{5, 0, 320}, {5, chroma + 320, 320}}));  // a gap
        CHECK_FALSE(imports({{5, 4096, 320}, {5, chroma, 320}}));     // the other way round
        CHECK_FALSE(imports({{5, 0, 384}, {5, chroma, 384}}));        // another stride
        CHECK_FALSE(imports({{-1, 0, 320}, {-1, chroma, 320}}));      // no dmabuf
        CHECK_FALSE(layout->import(picture(kYuv420, {320, 192}, {{5, 0, 320}, {5, chroma, 160}, {5, 99, 160}})));

        const auto two = RawLayout::of(format(V4L2_PIX_FMT_NV12M, {320, 192}, 320, {320 * 192, 320 * 96}));
        REQUIRE(two);
        const auto separate = two->import(picture(kNv12, {320, 192}, {{5, 0, 320}, {6, 0, 320}}));
        REQUIRE(separate);
        CHECK(separate->atStart);
        CHECK(separate->planes[1].picturePlane == 1);
        // one dmabuf for both: the second plane begins in its middle, which few drivers heed
        const auto one = two->import(picture(kNv12, {320, 192}, {{5, 0, 320}, {5, chroma, 320}}));
        REQUIRE(one);
        CHECK_FALSE(one->atStart);
    }

    TEST_CASE("a copy repeats the picture's edges up to the end of the last block") {
        const auto layout = RawLayout::of(format(V4L2_PIX_FMT_NV12, {32, 32}, 32, {32 * 32 * 3 / 2}));
        REQUIRE(layout);
        std::vector<std::byte> luma(20 * 18);
        for (std::size_t i = 0; i < luma.size(); ++i)
            luma[i] = static_cast<std::byte>(i);
        std::vector<std::byte> cb(10 * 9, std::byte{7});
        std::vector<std::byte> cr(10 * 9, std::byte{9});
        Picture source =
            picture(kYuv420, {20, 18}, {{-1, 0, 20, luma.data()}, {-1, 0, 10, cb.data()}, {-1, 0, 10, cr.data()}});
        std::vector<std::byte> memory(32 * 32 * 3 / 2, std::byte{0xee});
        const std::span<std::byte> plane = memory;
        layout->copy(source, std::span(&plane, 1));
        CHECK(memory[0] == luma[0]);
        CHECK(memory[17 * 32 + 19] == luma[17 * 20 + 19]);
        CHECK(memory[17 * 32 + 31] == luma[17 * 20 + 19]);
        CHECK(memory[31 * 32 + 5] == luma[17 * 20 + 5]);
        CHECK(memory[31 * 32 + 31] == luma[17 * 20 + 19]);
        for (std::size_t i = 32 * 32; i < memory.size(); i += 2) {
            CHECK(memory[i] == std::byte{7});
            CHECK(memory[i + 1] == std::byte{9});
        }
    }

    TEST_CASE("colours are told in V4L2's words") {
        V4l2Format raw = format(V4L2_PIX_FMT_NV12, {320, 192}, 320, {1});
        raw.color = {.primaries = 6, .transfer = 13, .matrix = 5, .fullRange = false};
        const v4l2_format multi = raw.toV4l2(V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE);
        CHECK(+multi.fmt.pix_mp.colorspace == V4L2_COLORSPACE_SMPTE170M);
        CHECK(+multi.fmt.pix_mp.xfer_func == V4L2_XFER_FUNC_SRGB);
        CHECK(+multi.fmt.pix_mp.ycbcr_enc == V4L2_YCBCR_ENC_601);
        CHECK(+multi.fmt.pix_mp.quantization == V4L2_QUANTIZATION_LIM_RANGE);
        raw.color = {};
        CHECK(raw.toV4l2(V4L2_BUF_TYPE_VIDEO_OUTPUT).fmt.pix.colorspace == V4L2_COLORSPACE_DEFAULT);
        CHECK(v4l2FourccName(V4L2_PIX_FMT_H264) == "H264");
    }

    TEST_CASE("the level fits size and frame rate and bit rate") {
        const auto h264 = [](Size size, int fps, std::int64_t rate) {
            return v4l2Level(Codec::H264, size, {fps, 1}, {rate});
        };
        CHECK(h264({1920, 1080}, 30, 6'000'000) == V4L2_MPEG_VIDEO_H264_LEVEL_4_0);
        CHECK(h264({1920, 1080}, 31, 6'000'000) == V4L2_MPEG_VIDEO_H264_LEVEL_4_2);
        CHECK(h264({1920, 1080}, 30, 25'000'000) == V4L2_MPEG_VIDEO_H264_LEVEL_4_1);
        CHECK(h264({1280, 720}, 30, 6'000'000) == V4L2_MPEG_VIDEO_H264_LEVEL_3_1);
        CHECK(h264({3840, 2160}, 30, 6'000'000) == V4L2_MPEG_VIDEO_H264_LEVEL_5_1);
        CHECK(h264({4112, 64}, 5, 100'000) == V4L2_MPEG_VIDEO_H264_LEVEL_4_2);  // too wide for lower ones
        CHECK(h264({20000, 20000}, 30, 1) == V4L2_MPEG_VIDEO_H264_LEVEL_6_2);
        CHECK(v4l2Level(Codec::Hevc, {1920, 1080}, {30, 1}, {6'000'000}) == V4L2_MPEG_VIDEO_HEVC_LEVEL_4);
        CHECK(v4l2Level(Codec::Hevc, {3840, 2160}, {60, 1}, {6'000'000}) == V4L2_MPEG_VIDEO_HEVC_LEVEL_5_1);
    }
}

}  // namespace
}  // namespace smartcodec
