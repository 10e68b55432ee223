#include "encoder/x264_options.h"

#include <string>

#include "capture/libav_handles.h"
#include "encoder/libav_options.h"

namespace smartcodec {

namespace {

constexpr int kCapBufferSeconds = 2;           // of EncoderConfig::maxBitrate
constexpr int kFixedBufferSeconds = 1;         // of EncoderConfig::constantBitrate
constexpr int kInfiniteKeyInterval = 1 << 30;  // x264.h: X264_KEYINT_MAX_INFINITE

void setRateControl(AVCodecContext& context, const EncoderConfig& config) {
    if (config.constantBitrate) {
        const std::int64_t rate = config.constantBitrate->bitsPerSecond;
        context.bit_rate = rate;
        context.rc_max_rate = rate;
        context.rc_buffer_size = clampToInt(kFixedBufferSeconds * rate);
    } else {
        setOption(context, "crf", std::to_string(config.quality));
        context.rc_max_rate = config.maxBitrate.bitsPerSecond;
        context.rc_buffer_size = clampToInt(kCapBufferSeconds * config.maxBitrate.bitsPerSecond);
        // Half full: what the buffer lends to the first seconds is then at most one second's worth, so that the first
        // ten seconds stay within 1.1 times the cap.
        context.rc_initial_buffer_occupancy = context.rc_buffer_size / 2;
    }
}

// Where bits are to go is said by the QP map, from what moves. The library's own idea, finer where a block is flat,
// takes what is left of noise there for worth coding, and its bits from what moves. A fifth of its strength keeps plain
// surfaces that stand still within half a decibel of what others show at the same bits; with none of it, which costs
// them 0.7 dB on a car park, libavcodec would take no map either.
constexpr const char* kLittleAdaptiveQuantisation = ":aq-mode=1:aq-strength=0.2";

// Of each level that the final quantiser leaves, the cheaper of two: 4 % of the encoder's time for 4 % of the bits, on
// text 11 %.
constexpr const char* kTrellis = ":trellis=1";

// A page that scrolls, a camera that is turned at once: what is far away is looked for, which on text takes half of the
// bits away. It costs time only where nothing near fits: at worst, a fast pan, a quarter and a half of the encoder's.
constexpr const char* kLongMotionLive = ":me=umh:merange=32";
constexpr const char* kLongMotion = ":me=umh:merange=64";

}  // namespace

void setX264Options(AVCodecContext& context, const EncoderConfig& config, X264Timing timing) {
    setOption(context, "preset", "veryfast");
    setOption(context, "profile", "high");
    setOption(context, "forced-idr", "1");
    setOption(context, "sc_threshold", "0");  // key frames are decided outside
    context.gop_size = kInfiniteKeyInterval;
    context.flags |= AV_CODEC_FLAG_CLOSED_GOP;
    setRateControl(context, config);

    std::string parameters = timing == X264Timing::Even ? "force-cfr=1" : "force-cfr=0";
    if (config.color.chromaLocation > 0)
        parameters += ":chromaloc=" + std::to_string(config.color.chromaLocation - 1);
    if (!config.constantBitrate)
        parameters += std::string(kLittleAdaptiveQuantisation) + kTrellis;
    parameters += config.lookaheadFrames == 0 ? kLongMotionLive : kLongMotion;
    if (config.lookaheadFrames == 0) {
        setOption(context, "tune", "zerolatency");
        context.thread_type = FF_THREAD_SLICE;
    } else if (config.lookaheadFrames) {
        setOption(context, "rc-lookahead", std::to_string(*config.lookaheadFrames));
    }
    setOption(context, "x264-params", parameters);
}

}  // namespace smartcodec
