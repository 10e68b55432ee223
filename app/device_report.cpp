#include "app/device_report.h"

#include <linux/videodev2.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include "encoder/software_encoder.h"

namespace smartcodec {

namespace {

std::string describeSystem() {
    utsname names{};
    if (uname(&names) != 0)
        return "an unknown system";
    return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

std::string remedy(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
            return "add yourself to the group that owns it: sudo usermod -aG video $USER, then log in again";
        case EBUSY:
            return "another program uses it: end that first";
        default:
            return "";
    }
}

DeviceReport::Software describeSoftware(Codec codec) {
    // What an encoder can do is known once it is open; the size does not matter for that.
    constexpr Size kProbeSize{640, 360};
    EncoderConfig config;
    config.codec = codec;
    config.format = kYuv420;
    config.size = kProbeSize;
    config.frameRate = {25, 1};
    DeviceReport::Software software;
    software.codec = codec;
    try {
        software.capabilities = openSoftwareEncoder(config)->capabilities();
    } catch (const std::exception& error) {
        software.failure = error.what();
    }
    return software;
}

DeviceReport::Hardware describeHardware(const V4l2EncoderNode& node, bool probe, V4l2System& system) {
    DeviceReport::Hardware hardware{
        .node = node, .droppedFrames = std::string(driverFacts(node.driver).droppedFrames), .codecs = {}};
    for (const Codec codec : {Codec::H264, Codec::Hevc, Codec::Fwht}) {
        if (node.find(v4l2Fourcc(codec)) == nullptr)
            continue;
        DeviceReport::Coding coding;
        coding.survey.codec = codec;
        try {
            coding.survey = surveyEncoder(system, node, codec);
            if (probe)
                coding.probe = probeEncoder(system, node, codec);
        } catch (const std::system_error& error) {
            coding.failure = error.what();
        }
        hardware.codecs.push_back(std::move(coding));
    }
    return hardware;
}

/// A node that is no encoder.
void describeOther(const V4l2Device& device, DeviceReport& report) {
    v4l2_capability capability{};
    if (const int error = device.ioctl(VIDIOC_QUERYCAP, capability); error != 0) {
        report.skipped.push_back({.reason = "asking " + device.path() +
                                            " what it is (VIDIOC_QUERYCAP): " + std::generic_category().message(error),
                                  .remedy = remedy(error)});
        return;
    }
    const auto text = [](const auto& field) {
        const auto* const begin = reinterpret_cast<const char*>(field);
        return std::string(begin, strnlen(begin, sizeof(field)));
    };
    const std::uint32_t has =
        capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    constexpr std::uint32_t kMemoryToMemory =
        V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE;
    const bool camera =
        (has & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)) != 0 && (has & kMemoryToMemory) == 0;
    (camera ? report.captureNodes : report.others)
        .push_back({.path = device.path(), .driver = text(capability.driver), .card = text(capability.card)});
}

/// Whether what was measured is what was expected.
bool agrees(ControlEffect expected, ProbedControl::Effect measured) {
    using enum ProbedControl::Effect;
    switch (measured) {
        case Unknown:
            return true;
        case Absent:
        case None:
            return expected == ControlEffect::Absent;
        case Opening:
        case Static:
            return expected == ControlEffect::Static;
        case Live:
            return expected == ControlEffect::Live;
    }
    return true;
}

}  // namespace

DeviceReport reportDevices(const DeviceListing& listing, V4l2System& system, CameraSystem* cameras) {
    DeviceReport report;
    report.version = SMARTCODEC_VERSION;
    report.system = describeSystem();
    for (const Codec codec : {Codec::H264, Codec::Hevc})
        report.software.push_back(describeSoftware(codec));
    try {
        if (cameras)
            report.cameras = cameras->cameras(true);
    } catch (const std::exception& error) {
        report.cameraFailure = error.what();
    }
    for (const std::string& path : system.nodes()) {
        try {
            std::optional<V4l2EncoderNode> encoder;
            {
                // Closed before the encoder is opened again: some take one user at a time.
                const V4l2Device device(system, path);
                encoder = describeEncoder(device);
                if (!encoder)
                    describeOther(device, report);
            }
            if (encoder)
                report.hardware.push_back(describeHardware(*encoder, listing.probe, system));
        } catch (const std::system_error& error) {
            report.skipped.push_back({.reason = error.what(), .remedy = remedy(error.code().value())});
        }
    }
    return report;
}

const ProbedControl* measured(const SteeringControl& control, const V4l2Probe& probe) {
    const std::pair<const char*, const ProbedControl*> kMeasured[]{
        {"bit rate", &probe.bitrate},  {"key frame request", &probe.keyFrame},
        {"lowest QP", &probe.qpRange}, {"frame rate", &probe.frameRateControl},
        {"QP map", &probe.qpMap},      {"rectangles", &probe.qpMap},
    };
    const auto* const found =
        std::ranges::find(kMeasured, control.name, &std::pair<const char*, const ProbedControl*>::first);
    // Regions were measured of the kind that is there.
    const bool otherKind = found != std::end(kMeasured) && found->second == &probe.qpMap &&
                           control.effect == ControlEffect::Absent &&
                           probe.qpMap.effect != ProbedControl::Effect::Absent;
    return found == std::end(kMeasured) || otherKind ? nullptr : found->second;
}

std::optional<bool> reckonsWithTimes(const V4l2Probe& probe) {
    if (!probe.sparsePictures)
        return std::nullopt;
    constexpr double kMiddle = 2;  // of 1, which is the number of pictures, and 4
    return *probe.sparsePictures > kMiddle;
}

std::vector<std::string> surprises(const V4l2Survey& survey, const V4l2Probe& probe) {
    std::vector<std::string> found;
    const auto compare = [&](const char* what, const SurveyedControl& expected, const ProbedControl& measured) {
        if (!agrees(expected.effect, measured.effect))
            found.push_back(std::string(what) + ": expected " + name(expected.effect) +
                            (expected.known ? " (known of this driver)" : " (by the driver's word)") + ", measured " +
                            name(measured.effect));
    };
    compare("bit rate", survey.bitrate, probe.bitrate);
    compare("key frame", survey.keyFrame, probe.keyFrame);
    compare("QP range", survey.qpRange, probe.qpRange);
    // Where rate control goes by times, the frame rate has nothing to act on.
    if (!reckonsWithTimes(probe).value_or(false))
        compare("frame rate", survey.frameRate, probe.frameRateControl);
    compare("regions", survey.regions, probe.qpMap);
    return found;
}

}  // namespace smartcodec
