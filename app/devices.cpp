#include "app/devices.h"

#include <spdlog/fmt/fmt.h>

#include <exception>

#include "encoder/software_encoder.h"

namespace smartcodec {

namespace {

std::string describe(Codec codec) {
    // What an encoder can do is known once it is open; the size does not matter for that.
    constexpr Size kProbeSize{640, 360};
    EncoderConfig config;
    config.codec = codec;
    config.format = kYuv420;
    config.size = kProbeSize;
    config.frameRate = {25, 1};
    try {
        const EncoderCapabilities can = openSoftwareEncoder(config)->capabilities();
        return fmt::format("  software  {:5} {:10} key frame on request: {}; bit rate while running: {}; regions: {}\n",
                           name(codec), can.name, can.keyFrameOnRequest ? "yes" : "no",
                           can.bitrateWhileRunning ? "yes" : "no, through the QP map", name(can.regions));
    } catch (const std::exception& error) {
        return fmt::format("  software  {:5} not there: {}\n", name(codec), error.what());
    }
}

}  // namespace

std::string listDevices(const DeviceListing&, V4l2System&) {
    return "cameras\n  none: this build has no camera support\nencoders\n" + describe(Codec::H264) +
           describe(Codec::Hevc) + "  V4L2: this build has no support for it\n";
}

}  // namespace smartcodec
