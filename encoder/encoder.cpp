#include "encoder/encoder.h"

#include "capture/limits.h"

namespace smartcodec {

std::string whyNotEncodable(const EncoderConfig& config) {
    if (!recordable(config.size))
        return "pictures are recorded with " + recordableSizes() + "; scale to such a size";
    if (config.size.width % 2 != 0 || config.size.height % 2 != 0)
        return "4:2:0 pictures have an even width and height; crop the odd edge";
    if (!config.frameRate.known())
        return "a frame rate above 0 is needed";
    if (config.quality < 1 || config.quality > 51)
        return "quality " + std::to_string(config.quality) + " is outside 1..51";
    const Bitrate rate = config.constantBitrate.value_or(config.maxBitrate);
    if (rate < kMinBitrate || rate > kMaxBitrate)
        return "a bit rate of " + std::to_string(rate.bitsPerSecond) + " bits per second is outside " +
               std::to_string(kMinBitrate.bitsPerSecond) + ".." + std::to_string(kMaxBitrate.bitsPerSecond);
    return "";
}

const char* name(RegionSupport support) {
    switch (support) {
        case RegionSupport::QpMap:
            return "QP map";
        case RegionSupport::Rectangles:
            return "rectangles";
        case RegionSupport::QpRange:
            return "QP range";
        case RegionSupport::None:
            return "none";
    }
    return "none";
}

Status Encoder::wait(int /*wake*/) {
    return {};
}

}  // namespace smartcodec
