#include "encoder/x265_options.h"

#include <string>

#include "capture/libav_handles.h"
#include "encoder/libav_options.h"

namespace smartcodec {

namespace {

constexpr int kCapBufferSeconds = 2;    // of EncoderConfig::maxBitrate
constexpr int kFixedBufferSeconds = 1;  // of EncoderConfig::constantBitrate

std::string rateParameters(AVCodecContext& context, const EncoderConfig& config) {
    std::int64_t kilobits = config.maxBitrate.bitsPerSecond / 1000;
    int seconds = kCapBufferSeconds;
    if (config.constantBitrate) {
        kilobits = config.constantBitrate->bitsPerSecond / 1000;
        seconds = kFixedBufferSeconds;
        context.bit_rate = config.constantBitrate->bitsPerSecond;
    } else {
        setOption(context, "crf", std::to_string(config.quality));
    }
    context.rc_max_rate = kilobits * 1000;
    context.rc_buffer_size = clampToInt(seconds * kilobits * 1000);
    // Half full for the reason given in x264_options.cpp.
    return "vbv-init=0.5";
}

}  // namespace

void setX265Options(AVCodecContext& context, const EncoderConfig& config) {
    setOption(context, "preset", "veryfast");
    setOption(context, "forced-idr", "1");
    context.flags |= AV_CODEC_FLAG_CLOSED_GOP;
    // Quantisation groups of one macroblock, so that a QP map acts on each of its blocks (the preset's are 32x32).
    std::string parameters = "log-level=none:keyint=-1:scenecut=0:open-gop=0:repeat-headers=0:qg-size=16:" +
                             rateParameters(context, config);
    if (config.lookaheadFrames == 0)
        parameters += ":bframes=0:rc-lookahead=0:frame-threads=1:b-adapt=0:lookahead-slices=0";
    else if (config.lookaheadFrames)
        parameters += ":rc-lookahead=" + std::to_string(*config.lookaheadFrames);
    setOption(context, "x265-params", parameters);
}

}  // namespace smartcodec
