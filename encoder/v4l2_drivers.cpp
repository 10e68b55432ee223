#include "encoder/v4l2_drivers.h"

#include <algorithm>
#include <array>

namespace smartcodec {

namespace {

using enum ControlEffect;

// Every driver is given evenly spaced times (V4l2Packets keeps the true ones) and one frame rate, once. What rate
// control makes of gaps is what would hand the bits of dropped frames to the others, and so would the rate of those
// that are left, also where a driver takes another while it runs (`frameRate` Live, VIDIOC_S_PARM): bits per frame are
// the bit rate by the frame rate. Where a source is faster than it said, the bit rate makes up for it
// (V4l2Client::steer), which acts while running wherever the frame rate does.
constexpr std::string_view kCountsFrames = "counts frames, not their times: the bits of dropped ones are saved";
constexpr std::string_view kReckonsWithTimes =
    "goes by the frames' times, and is given evenly spaced ones: the bits of dropped ones are saved";
constexpr std::string_view kClosed =
    "is closed firmware; evenly spaced times and one frame rate save the bits of dropped ones either way";

/// From the drivers' sources, Linux 7.2 unless noted.
constexpr std::array kDrivers{
    // drivers/staging/vc04_services/bcm2835-codec (Raspberry Pi): bcm2835_codec_s_ctrl and vidioc_s_parm hand
    // everything to the running component. The buffer's time goes to the firmware with the picture, and what that makes
    // of it is not public. Below about 100 kbit/s the encoder hangs (raspberrypi/rpicam-apps, issue 664).
    V4l2DriverFacts{.driver = "bcm2835-codec",
                    .bitrate = Live,
                    .keyFrame = Live,
                    .qpRange = Live,
                    .frameRate = Live,
                    .qpMap = {},
                    .droppedFrames = kClosed,
                    .leastBitrate = 100'000},
    // drivers/media/platform/qcom/venus: venc_op_s_ctrl sends bit rate and key-frame request at once; QP limits and
    // frame rate are read in venc_set_properties, when both queues start.
    V4l2DriverFacts{.driver = "qcom-venus",
                    .bitrate = Live,
                    .keyFrame = Live,
                    .qpRange = Static,
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kReckonsWithTimes},
    // drivers/media/platform/qcom/iris: bit rate is CAP_FLAG_DYNAMIC_ALLOWED, QP limits are refused with EINVAL while
    // streaming, and iris_venc_s_param only stores the rate. The key-frame request ("Add request key frame support",
    // 2026) and the QP map (patch series "enc_roi_enable") act where the driver has them. Its firmware's rate control
    // is time-delta based unless told otherwise ("disable time-delta-based rate control for VBR", 2026).
    V4l2DriverFacts{.driver = "iris_driver",
                    .bitrate = Live,
                    .keyFrame = {},
                    .qpRange = Static,
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kReckonsWithTimes},
    // drivers/media/platform/mediatek/vcodec/encoder: struct mtk_video_enc_buf.param_change latches bit rate, rate and
    // key-frame request into the next picture; MAX_QP is read in mtk_venc_set_param at the start.
    V4l2DriverFacts{.driver = "mtk-vcodec-enc",
                    .bitrate = Live,
                    .keyFrame = Live,
                    .qpRange = Static,
                    .frameRate = Live,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames},
    // drivers/media/platform/samsung/s5p-mfc: s5p_mfc_enc_s_ctrl stores into enc_params, which only
    // s5p_mfc_set_enc_params_* reads, at the start; nothing reads ctx->force_frame_type. s5p_mfc_stop_streaming sets
    // MFCINST_FINISHED, in which s5p_mfc_ctx_ready has nothing to do for good.
    V4l2DriverFacts{.driver = "s5p-mfc",
                    .bitrate = Static,
                    .keyFrame = Absent,
                    .qpRange = Static,
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames,
                    .restarts = false},
    // drivers/media/platform/chips-media/coda: coda_s_ctrl and coda_s_parm mark what RC_PARAM_CHANGE hands over with
    // the next picture; the QP limits (H264_MIN_QP, MAX_QP) go into the sequence header's set-up, in
    // coda_start_encoding.
    V4l2DriverFacts{.driver = "coda",
                    .bitrate = Live,
                    .keyFrame = Live,
                    .qpRange = Static,
                    .frameRate = Live,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames},
    // drivers/media/platform/allegro-dvt: v4l2_ctrl_grab on all of them while there is a channel (EBUSY).
    V4l2DriverFacts{.driver = "allegro",
                    .bitrate = Static,
                    .keyFrame = {},
                    .qpRange = Static,
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames},
    // drivers/media/platform/amphion/venc.c: venc->bitrate_change alone leads to an update while running; a new frame
    // rate waits for one. vpu_v4l2.c: vpu_get_vb_phy_addr adds data_offset.
    V4l2DriverFacts{.driver = "amphion-vpu",
                    .bitrate = Live,
                    .keyFrame = Live,
                    .qpRange = {},
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames,
                    .dataOffset = true},
    // drivers/media/platform/chips-media/wave5: wave5_vpu_enc_s_ctrl stores into inst->enc_param, which
    // initialize_sequence reads. wave5_vpu_enc_stop_streaming sets VPU_INST_STATE_STOP, from which start_streaming does
    // not go on.
    V4l2DriverFacts{.driver = "wave5-enc",
                    .bitrate = Static,
                    .keyFrame = {},
                    .qpRange = Static,
                    .frameRate = Static,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames,
                    .restarts = false},
    // drivers/media/platform/st/sti/hva: hva_h264_prepare_task reads ctx->ctrls and the rate again for every picture.
    V4l2DriverFacts{.driver = "st-hva",
                    .bitrate = Live,
                    .keyFrame = {},
                    .qpRange = Live,
                    .frameRate = Live,
                    .qpMap = {},
                    .droppedFrames = kCountsFrames},
    // NXP's vsi_v4l2 (i.MX8M): vsi_v4l2_enc_s_ctrl marks what changed and a closed daemon gets it with the next buffer;
    // what the daemon does with it while running has not been looked at.
    V4l2DriverFacts{.driver = "vsi_v4l2",
                    .bitrate = {},
                    .keyFrame = {},
                    .qpRange = {},
                    .frameRate = {},
                    .qpMap = {},
                    .droppedFrames = kClosed},
    // drivers/media/test-drivers/vicodec: a transform with fixed quantisers.
    V4l2DriverFacts{.driver = "vicodec",
                    .bitrate = {},
                    .keyFrame = {},
                    .qpRange = {},
                    .frameRate = {},
                    .qpMap = {},
                    .droppedFrames = "has no rate control: the bits of dropped ones are saved"},
};

constexpr V4l2DriverFacts kUnknown{
    .driver = {}, .bitrate = {}, .keyFrame = {}, .qpRange = {}, .frameRate = {}, .qpMap = {}, .droppedFrames = {}};

}  // namespace

const char* name(ControlEffect effect) {
    switch (effect) {
        case Absent:
            return "absent";
        case Static:
            return "static";
        case Live:
            return "live";
    }
    return "";
}

const V4l2DriverFacts& driverFacts(std::string_view driver) {
    const auto* const found = std::ranges::find(kDrivers, driver, &V4l2DriverFacts::driver);
    return found == kDrivers.end() ? kUnknown : *found;
}

}  // namespace smartcodec
