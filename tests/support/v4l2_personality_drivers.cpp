#include "tests/support/v4l2_personality_drivers.h"

#include <cerrno>

#include "tests/support/v4l2_personality_controls.h"

// From the drivers' sources, Linux 7.2 unless noted: what each offers, with its ranges and defaults, when a setting
// acts, and how it ends a stream.

namespace smartcodec {
namespace {

using namespace personality;

const std::vector<std::string> kVariableOrConstant{"Variable Bitrate", "Constant Bitrate"};
const std::vector<std::string> kConstantOnly{"", "Constant Bitrate"};
constexpr auto kH264MinQp = V4L2_CID_MPEG_VIDEO_H264_MIN_QP;
constexpr auto kH264MaxQp = V4L2_CID_MPEG_VIDEO_H264_MAX_QP;
constexpr auto kHevcMinQp = V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP;
constexpr auto kHevcMaxQp = V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP;
constexpr auto kH264KeyQp = V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP;
constexpr auto kH264OtherQp = V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP;
constexpr auto kHevcKeyQp = V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_QP;
constexpr auto kHevcOtherQp = V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_QP;
constexpr auto kPrepend = V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR;
constexpr auto kMegabit = 1'000'000;

// Raspberry Pi OS: drivers/staging/vc04_services/bcm2835-codec
V4l2Personality bcm2835() {
    return {.name = "bcm2835-codec",
            .driver = "bcm2835-codec",
            .card = "bcm2835-codec-encode",
            .codedFormats = {V4L2_PIX_FMT_H264},
            .rawFormats = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV21},
            .smallest = {32, 32},
            .largest = {1920, 1920},
            .alignment = {2, 16},
            .strideAlignment = 32,
            .strideAsAsked = true,
            .controls = {minBuffers(1), bitrateMode(kVariableOrConstant, Live),
                         stepped(integer(kBitrate, "Video Bitrate", 25'000, 25'000'000, 10 * kMegabit, Live), 25'000),
                         headerMode(kBothHeaderModes, kJoined, Live),
                         boolean(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, "Repeat Sequence Header", false, Live),
                         forceKeyFrame(Live), integer(kIntraPeriod, "H264 I-Frame Period", 0, 0x7fffffff, 60, Live),
                         integer(kGop, "Video GOP Size", 0, 0x7fffffff, 60, Live),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 51, 20, Live),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Live),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_4_0, Static), h264Profile(Static)},
            .frameRateEffect = Live,
            .overflow = V4l2Overflow::Continue,
            .end = V4l2EndOfStream::LastOnEmpty,
            .startResumes = false,
            .outputStartResumes = false,
            .emptyOutputEnds = true,
            .stallsAboveLevel = true};
}

// drivers/media/platform/qcom/venus/venc*.c
V4l2Personality venus() {
    return {
        .name = "venus",
        .driver = "qcom-venus",
        .card = "Qualcomm Venus video encoder",
        .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
        .rawFormats = {V4L2_PIX_FMT_NV12},
        .smallest = {96, 96},
        .largest = {8192, 4320},
        .alignment = {128, 32},
        .strideAlignment = 128,
        .rowAlignment = 32,
        .controls = {minBuffers(4), bitrateMode({"Variable Bitrate", "Constant Bitrate", "Constant Quality"}, Static),
                     stepped(integer(kBitrate, "Video Bitrate", 10'000, 160'000'000, kMegabit, Live), 100),
                     boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                     headerMode(kBothHeaderModes, kSeparate, Live), forceKeyFrame(Live),
                     integer(kGop, "Video GOP Size", 0, 65535, 30, Static),
                     integer(kIntraPeriod, "H264 I-Frame Period", 0, 65535, 0, None),
                     integer(kH264KeyQp, "H264 I-Frame QP Value", 1, 51, 26, Static),
                     integer(kH264OtherQp, "H264 P-Frame QP Value", 1, 51, 28, Static),
                     integer(kH264MinQp, "H264 Minimum QP Value", 1, 51, 1, Static),
                     integer(kH264MaxQp, "H264 Maximum QP Value", 1, 51, 51, Static),
                     integer(kHevcKeyQp, "HEVC I-Frame QP Value", 1, 63, 26, Static),
                     integer(kHevcOtherQp, "HEVC P-Frame QP Value", 1, 63, 28, Static),
                     integer(kHevcMinQp, "HEVC Minimum QP Value", 1, 63, 1, Static),
                     integer(kHevcMaxQp, "HEVC Maximum QP Value", 1, 63, 63, Static),
                     h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_5_0, Static), h264Profile(Static)},
        .frameRateEffect = Static,
        .ratesByTimestamp = true,
        .repeatsWhenJoined = true,
        .captureDataOffset = 64,
        .outputBuffersAtLeast = 4,
        .captureBuffersAtLeast = 4,
        .end = V4l2EndOfStream::LastOnEmpty};
}

// drivers/media/platform/qcom/iris, second generation, with the patch series "enc_roi_enable" (2026)
V4l2Personality iris() {
    return {.name = "iris",
            .driver = "iris_driver",
            .card = "Iris Encoder",
            .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
            .rawFormats = {V4L2_PIX_FMT_NV12},
            .smallest = {96, 96},
            .largest = {8192, 4352},
            .alignment = {128, 32},
            .strideAlignment = 128,
            .rowAlignment = 32,
            .controls = {minBuffers(4),
                         bitrateMode(kVariableOrConstant, Static, EINVAL),
                         integer(kBitrate, "Video Bitrate", 1, 245'000'000, 20 * kMegabit, Live),
                         integer(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, "Video Peak Bitrate", 1, 245'000'000, 20 * kMegabit,
                                 Live),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static, EINVAL),
                         headerMode(kBothHeaderModes, kJoined, Static),
                         boolean(kPrepend, "Prepend SPS/PPS to IDR", false, Static, EINVAL),
                         integer(kGop, "Video GOP Size", 0, 32767, 59, Live),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", 0, 51, 26, Live),
                         integer(kH264OtherQp, "H264 P-Frame QP Value", 0, 51, 28, Live),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 51, 8, Static, EINVAL),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Static, EINVAL),
                         integer(kHevcKeyQp, "HEVC I-Frame QP Value", 0, 63, 26, Live),
                         integer(kHevcOtherQp, "HEVC P-Frame QP Value", 0, 63, 28, Live),
                         integer(kHevcMinQp, "HEVC Minimum QP Value", 0, 63, 8, Static, EINVAL),
                         integer(kHevcMaxQp, "HEVC Maximum QP Value", 0, 63, 63, Static, EINVAL),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_5_1, Static, EINVAL),
                         h264Profile(Static, EINVAL),
                         {.id = uapi::kCidRoiMbDeltaQp,
                          .type = uapi::kCtrlTypeS8,
                          .name = "Enc MB ROI Delta QP",
                          .minimum = -31,
                          .maximum = 30,
                          .effect = NextBuffer,
                          .elementBytes = 1,
                          .dimensions = {139264}},
                         readOnly({.id = uapi::kCidRoiMbSize,
                                   .type = V4L2_CTRL_TYPE_U8,
                                   .name = "Enc MB ROI MB Size",
                                   .minimum = 16,
                                   .maximum = 32,
                                   .step = 16,
                                   .byDefault = 16,
                                   .effect = Static,
                                   .elementBytes = 1})},
            .captureFrameRate = true,
            .frameRateEffect = Static,
            .ratesByTimestamp = true,
            .outputBuffersAtLeast = 4,
            .captureBuffersAtLeast = 4,
            .end = V4l2EndOfStream::LastOnEmpty};
}

// drivers/media/platform/mediatek/vcodec/encoder
V4l2Personality mtk() {
    return {.name = "mtk-vcodec",
            .driver = "mtk-vcodec-enc",
            .card = "MT8173 video encoder",
            .codedFormats = {V4L2_PIX_FMT_H264},
            .rawFormats = {V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV21M, V4L2_PIX_FMT_YUV420M, V4L2_PIX_FMT_YVU420M},
            .smallest = {160, 128},
            .largest = {1920, 1088},
            .alignment = {16, 16},
            .strideAlignment = 16,
            .rowAlignment = 32,
            .controls = {minBuffers(1), bitrateMode(kConstantOnly, Static),
                         integer(kBitrate, "Video Bitrate", 1, 20'000'000, 4 * kMegabit, NextBuffer),
                         integer(V4L2_CID_MPEG_VIDEO_B_FRAMES, "Video B Frames", 0, 2, 0, None),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                         headerMode(kBothHeaderModes, kSeparate, Static), forceKeyFrame(NextBuffer),
                         integer(kGop, "Video GOP Size", 0, 65535, 0, NextBuffer),
                         integer(kIntraPeriod, "H264 I-Frame Period", 0, 65535, 0, None),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Static),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_4_0, Static), h264Profile(Static)},
            .frameRateEffect = NextBuffer,
            .end = V4l2EndOfStream::LastOnEmpty};
}

// drivers/media/platform/chips-media/coda
V4l2Personality coda() {
    return {.name = "coda",
            .driver = "coda",
            .card = "CODA960",
            .multiplanar = false,
            .codedFormats = {V4L2_PIX_FMT_H264},
            .rawFormats = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420},
            .smallest = {48, 16},
            .largest = {1920, 1088},
            .alignment = {16, 16},
            .strideAlignment = 16,
            .controls = {minBuffers(1), stepped(integer(kBitrate, "Video Bitrate", 0, 32'767'000, 0, Live), 1000),
                         headerMode(kJoinedOnly, kJoined, Static), forceKeyFrame(Live),
                         integer(kGop, "Video GOP Size", 0, 99, 16, Static),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", 0, 51, 25, Live),
                         integer(kH264OtherQp, "H264 P-Frame QP Value", 0, 51, 25, Static),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 51, 8, Static),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Static),
                         integer(V4L2_CID_MPEG_VIDEO_CYCLIC_INTRA_REFRESH_MB, "Number of Intra Refresh MBs", 0, 8160, 0,
                                 None),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_4_0, Static)},
            .frameRateEffect = Live,
            .end = V4l2EndOfStream::Epipe,
            .startResumes = false,
            .startStops = true};
}

// drivers/media/platform/samsung/s5p-mfc
V4l2Personality s5pMfc() {
    return {.name = "s5p-mfc",
            .driver = "s5p-mfc",
            .card = "s5p-mfc-enc",
            .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
            .rawFormats = {V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV21M, V4L2_PIX_FMT_YUV420M, V4L2_PIX_FMT_YVU420M},
            .smallest = {32, 32},
            .largest = {4096, 2304},
            .strideAlignment = 16,
            .rowAlignment = 16,
            .enumeratesSizes = false,
            .enumeratesIntervals = false,
            .crops = false,
            .controls = {minBuffers(1),
                         integer(kGop, "Video GOP Size", 0, 65535, 12, Static),
                         boolean(kRc, "Frame Level Rate Control Enable", false, Static),
                         boolean(V4L2_CID_MPEG_VIDEO_MB_RC_ENABLE, "H264 MB Level Rate Control", true, Static),
                         integer(kBitrate, "Video Bitrate", 1, 1073741823, 1, Static),
                         headerMode(kBothHeaderModes, kSeparate, Static),
                         forceKeyFrame(None),
                         integer(V4L2_CID_MPEG_VIDEO_B_FRAMES, "Video B Frames", 0, 2, 0, None),
                         boolean(kPrepend, "Prepend SPS/PPS to IDR", false, Static),
                         integer(kIntraPeriod, "H264 I-Frame Period", 0, 65535, 0, None),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", 0, 51, 1, Static),
                         integer(kH264OtherQp, "H264 P-Frame QP Value", 0, 51, 1, Static),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 51, 1, Static),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Static),
                         integer(kHevcKeyQp, "HEVC I-Frame QP Value", 0, 51, 0, Static),
                         integer(kHevcOtherQp, "HEVC P-Frame QP Value", 0, 51, 0, Static),
                         integer(kHevcMinQp, "HEVC Minimum QP Value", 0, 51, 0, Static),
                         integer(kHevcMaxQp, "HEVC Maximum QP Value", 0, 51, 51, Static),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_4_0, Static),
                         h264Profile(Static)},
            .tellsTimePerFrame = false,
            .frameRateEffect = Static,
            .needsFrameRate = true,
            .end = V4l2EndOfStream::Event,
            .hasTryEncoderCommand = false,
            .takesStart = false,
            .stopNeedsStreaming = true,
            .takesOutputAfterStop = false,
            .restarts = false};
}

// drivers/media/platform/amphion
V4l2Personality amphion() {
    return {.name = "amphion",
            .driver = "amphion-vpu",
            .card = "amphion encoder",
            .codedFormats = {V4L2_PIX_FMT_H264},
            .rawFormats = {V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV12},
            .largest = {1920, 1920},
            .strideAlignment = 32,
            .rowAlignment = 16,
            .controls = {minBuffers(2), bitrateMode(kVariableOrConstant, Static),
                         stepped(integer(kBitrate, "Video Bitrate", 16'384, 251'658'240, 2'097'152, Live), 1024),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                         headerMode(kJoinedOnly, kJoined, Static), forceKeyFrame(Live),
                         integer(kGop, "Video GOP Size", 1, 8000, 30, Static),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", 0, 51, 26, WithBitrate),
                         integer(kH264OtherQp, "H264 P-Frame QP Value", 0, 51, 28, WithBitrate),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_4_0, Static), h264Profile(Static),
                         readOnly(integer(uapi::kCidAverageQp, "Average QP Value", 0, 51, 0, Static))},
            .frameRateEffect = WithBitrate,
            .outputBuffersAtLeast = 2,
            .captureBuffersAtLeast = 2,
            .end = V4l2EndOfStream::Epipe};
}

// drivers/media/platform/chips-media/wave5
V4l2Personality wave5() {
    return {.name = "wave5",
            .driver = "wave5-enc",
            .card = "wave5-enc",
            .codedFormats = {V4L2_PIX_FMT_HEVC, V4L2_PIX_FMT_H264},
            .rawFormats = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV21, V4L2_PIX_FMT_YUV420M,
                           V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV21M},
            .smallest = {256, 128},
            .largest = {8192, 4320},
            .alignment = {8, 8},
            .strideAlignment = 32,
            .rowAlignment = 8,
            .controls = {minBuffers(1), bitrateMode(kVariableOrConstant, Static),
                         integer(kBitrate, "Video Bitrate", 0, 700'000'000, 0, Static),
                         boolean(kRc, "Frame Level Rate Control Enable", false, Static),
                         integer(kGop, "Video GOP Size", 0, 2047, 0, Static),
                         boolean(kPrepend, "Prepend SPS/PPS to IDR", false, Static),
                         integer(kHevcKeyQp, "HEVC I-Frame QP Value", 0, 63, 30, Static),
                         integer(kHevcMinQp, "HEVC Minimum QP Value", 0, 63, 8, Static),
                         integer(kHevcMaxQp, "HEVC Maximum QP Value", 0, 63, 51, Static),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", 0, 63, 30, Static),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 63, 8, Static),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 63, 51, Static),
                         integer(kIntraPeriod, "H264 I-Frame Period", 0, 2047, 0, None),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_5_0, Static), h264Profile(Static)},
            .frameRateEffect = Static,
            .bitrateAboveFrameRate = true,
            .flags = V4l2PictureFlags::HevcNumbers,
            .end = V4l2EndOfStream::LastOnEmpty,
            .startResumes = false,
            .restarts = false};
}

// NXP's vsi_v4l2 for the i.MX8M
V4l2Personality vsi() {
    return {.name = "vsi",
            .driver = "vsi_v4l2",
            .card = "vsi_v4l2enc",
            .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
            .rawFormats = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420},
            .smallest = {96, 96},
            .largest = {4096, 4096},
            .strideAlignment = 16,
            .rowAlignment = 16,
            .controls = {minBuffers(2),
                         readOnly(integer(uapi::kCidImxRoiCount, "roi count", 0, 8, 8, Static)),
                         {.id = uapi::kCidImxRoi,
                          .type = V4L2_CTRL_COMPOUND_TYPES + 100,
                          .name = "roi params",
                          .step = 0,
                          .effect = Live,
                          .flags = V4L2_CTRL_FLAG_EXECUTE_ON_WRITE,
                          .elementBytes = sizeof(uapi::ImxRoi)},
                         bitrateMode(kVariableOrConstant, Live),
                         integer(kBitrate, "Video Bitrate", 10'000, 288'000'000, 2'097'152, Live),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                         headerMode(kBothHeaderModes, kJoined, Static),
                         forceKeyFrame(Live),
                         integer(kGop, "Video GOP Size", 0, 300, 30, Live),
                         integer(kH264KeyQp, "H264 I-Frame QP Value", -1, 51, 30, Live),
                         integer(kH264OtherQp, "H264 P-Frame QP Value", -1, 51, 30, Live),
                         integer(kH264MinQp, "H264 Minimum QP Value", 0, 51, 0, Live),
                         integer(kH264MaxQp, "H264 Maximum QP Value", 0, 51, 51, Live),
                         integer(kHevcKeyQp, "HEVC I-Frame QP Value", -1, 51, 30, Live),
                         integer(kHevcOtherQp, "HEVC P-Frame QP Value", -1, 51, 30, Live),
                         integer(kHevcMinQp, "HEVC Minimum QP Value", 0, 51, 0, Live),
                         integer(kHevcMaxQp, "HEVC Maximum QP Value", 0, 51, 51, Live),
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_5_0, Static),
                         h264Profile(Static)},
            .frameRateEffect = Live,
            .outputBuffersAtLeast = 2,
            .captureBuffersAtLeast = 2,
            .end = V4l2EndOfStream::LastOnEmpty};
}

// drivers/media/test-drivers/vicodec
V4l2Personality vicodec() {
    return {.name = "vicodec",
            .driver = "vicodec",
            .card = "stateful-encoder",
            .multiplanar = false,
            .codedFormats = {V4L2_PIX_FMT_FWHT},
            .rawFormats = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV21},
            .smallest = {640, 360},
            .largest = {4096, 2160},
            .alignment = {8, 8},
            .strideAlignment = 8,
            .rowAlignment = 8,
            .controls = {minBuffers(1), integer(kGop, "Video GOP Size", 1, 16, 10, Live),
                         integer(V4L2_CID_FWHT_I_FRAME_QP, "FWHT I-Frame QP Value", 1, 31, 20, Live),
                         integer(V4L2_CID_FWHT_P_FRAME_QP, "FWHT P-Frame QP Value", 1, 31, 20, Live)},
            .hasFrameRate = false,
            .flags = V4l2PictureFlags::None};
}

// NVIDIA's libnvv4l2 for the Jetson: no kernel driver, but a library that answers like one
V4l2Personality jetson() {
    return {.name = "jetson",
            .driver = "tegra-video",
            .card = "msenc",
            .codedFormats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC},
            .rawFormats = {V4L2_PIX_FMT_YUV420M, V4L2_PIX_FMT_NV12M},
            .strideAlignment = 128,
            .enumeratesIntervals = false,
            .crops = false,
            .controls = {minBuffers(2),
                         bitrateMode(kVariableOrConstant, Static),
                         integer(kBitrate, "Video Bitrate", 0, 200'000'000, 4 * kMegabit, Live),
                         boolean(kRc, "Frame Level Rate Control Enable", true, Static),
                         forceKeyFrame(Live),
                         integer(kGop, "Video GOP Size", 0, 0x7fffffff, 30, Static),
                         {.id = uapi::kCidJetsonRoiEnable,
                          .type = V4L2_CTRL_TYPE_U8,
                          .name = "Enable ROI Param",
                          .maximum = 1,
                          .effect = Static,
                          .errorWhileStreaming = EBUSY,
                          .elementBytes = 1},
                         {.id = uapi::kCidJetsonRoi,
                          .type = V4L2_CTRL_COMPOUND_TYPES + 100,
                          .name = "ROI Params",
                          .step = 0,
                          .effect = NextBuffer,
                          .flags = V4L2_CTRL_FLAG_EXECUTE_ON_WRITE,
                          .elementBytes = sizeof(uapi::JetsonRoi)},
                         h264Level(V4L2_MPEG_VIDEO_H264_LEVEL_5_0, Static),
                         h264Profile(Static)},
            .frameRateEffect = Static,
            .outputBuffersAtLeast = 2,
            .captureBuffersAtLeast = 2};
}

}  // namespace

std::vector<V4l2Personality> driverPersonalities() {
    return {bcm2835(), venus(), iris(), mtk(), coda(), s5pMfc(), amphion(), wave5(), vsi(), vicodec(), jetson()};
}

}  // namespace smartcodec
