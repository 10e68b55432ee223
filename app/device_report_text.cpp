#include <linux/videodev2.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <system_error>

#include "app/device_report.h"
#include "encoder/v4l2_format.h"

namespace smartcodec {

namespace {

constexpr int kLabel = 18;  // columns, indentation included

std::string line(int indent, std::string_view label, std::string_view text) {
    return fmt::format("{:{}}{:{}} {}\n", "", indent, label, kLabel - indent, text);
}

std::string sizeText(Size size) {
    return fmt::format("{}x{}", size.width, size.height);
}

std::string formatText(const V4l2CodedFormat& format) {
    std::string text =
        format.largest.width > 0 ? sizeText(format.smallest) + " to " + sizeText(format.largest) : "sizes not told";
    text += ", takes";
    for (const std::uint32_t raw : format.rawFormats)
        text += fmt::format(" {}", v4l2FourccName(raw));
    return text;
}

std::string surveyedText(const SurveyedControl& control) {
    if (control.effect == ControlEffect::Absent && control.known)
        return "absent: there is a control, which does nothing";
    if (control.effect == ControlEffect::Absent)
        return "absent";
    return fmt::format("{:7} {}", name(control.effect),
                       control.known ? "known of this driver" : "by the driver's word");
}

std::string surveyText(const V4l2Survey& survey) {
    std::string text = line(6, "bit rate", surveyedText(survey.bitrate));
    text += line(6, "key frame", surveyedText(survey.keyFrame));
    text += line(6, "QP range", surveyedText(survey.qpRange));
    text += line(6, "frame rate", surveyedText(survey.frameRate));
    text += line(
        6, "regions",
        survey.regionDescription.empty() ? "absent" : surveyedText(survey.regions) + ": " + survey.regionDescription);
    return text;
}

const char* effectText(ProbedControl::Effect effect) {
    using enum ProbedControl::Effect;
    switch (effect) {
        case Unknown:
            return "not measured";
        case Absent:
            return "absent";
        case None:
            return "no effect";
        case Opening:
            return "at opening";
        case Static:
            return "static";
        case Live:
            return "live";
    }
    return "";
}

/// "live: 1036800 to 172800 bit/s gave 3251 to 1393 bytes a picture"
std::string sizesText(const ProbedControl& control, std::string_view asked) {
    std::string text = effectText(control.effect);
    if (control.measuredFrom && control.measuredTo)
        text += fmt::format(": {} gave {:.0f} to {:.0f} bytes a picture", asked, *control.measuredFrom,
                            *control.measuredTo);
    if (control.refused != 0)
        text += "; while running: " + std::generic_category().message(control.refused);
    return text;
}

/// By how many pictures a key frame was late.
std::string delayText(double least, double most) {
    if (least != most)
        return fmt::format("{:+.0f} to {:+.0f} pictures from the one it was asked for", least, most);
    if (least == 0)
        return "with the picture it was asked for";
    return fmt::format("{:.0f} pictures {} the one it was asked for", std::abs(least), least < 0 ? "before" : "after");
}

std::string keyFrameText(const ProbedControl& control) {
    std::string text = effectText(control.effect);
    if (control.measuredFrom && control.measuredTo)
        text += ": " + delayText(*control.measuredFrom, *control.measuredTo);
    if (control.refused != 0)
        text += "; asking: " + std::generic_category().message(control.refused);
    return text;
}

std::string regionsText(const V4l2Probe& probe) {
    const ProbedControl& map = probe.qpMap;
    std::string text = sizesText(map, fmt::format("deltas of {:+.0f} to {:+.0f}", map.askedFrom, map.askedTo));
    if (probe.qpMapPlacement)
        text += *probe.qpMapPlacement > 1 ? ", where they are asked for" : ", but not where they are asked for";
    if (probe.qpMapEarly.value_or(0) > 0)
        text += fmt::format(", {} pictures early", *probe.qpMapEarly);
    return text;
}

std::string probeText(const V4l2Probe& probe, const V4l2Survey& survey) {
    std::string text =
        line(6, "measured",
             fmt::format("at {}, {} pictures a second: {} pictures, {:.0f} coded in a second", sizeText(probe.size),
                         probe.frameRate.numerator, probe.pictures, probe.picturesPerSecond));
    if (!probe.failure.empty())
        text += line(8, "failed", probe.failure);
    if (probe.pictures == 0)
        return text;
    const ProbedControl& rate = probe.bitrate;
    text += line(8, "bit rate", sizesText(rate, fmt::format("{:.0f} to {:.0f} bit/s", rate.askedFrom, rate.askedTo)));
    text += line(8, "key frame", keyFrameText(probe.keyFrame));
    const ProbedControl& range = probe.qpRange;
    text += line(8, "QP range",
                 sizesText(range, fmt::format("a lowest QP of {:.0f} to {:.0f}", range.askedFrom, range.askedTo)));
    const ProbedControl& frames = probe.frameRateControl;
    text +=
        line(8, "frame rate",
             sizesText(frames, fmt::format("{:.0f} to {:.0f} pictures a second", frames.askedFrom, frames.askedTo)));
    text += line(8, "regions", regionsText(probe));
    if (const std::optional<bool> times = reckonsWithTimes(probe))
        text += line(8, "gaps",
                     fmt::format("pictures 4 times as far apart are {:.1f} times as large: rate control {}",
                                 *probe.sparsePictures, *times ? "goes by times" : "counts pictures"));
    if (probe.repeatsParameterSets)
        text += line(8, "headers", *probe.repeatsParameterSets ? "with every key frame" : "not with every key frame");
    if (probe.ownKeyFrames)
        text += line(8, "own keys",
                     fmt::format("a key frame that nobody asked for after {} pictures", *probe.ownKeyFrames));
    if (probe.missing > 0)
        text += line(8, "missing", fmt::format("nothing came of {} pictures", probe.missing));
    for (const std::string& surprise : surprises(survey, probe))
        text += line(8, "surprise", surprise + "; please report it");
    return text;
}

std::string sourceText(const SteeringControl& control) {
    using enum SteeringControl::Source;
    if (control.effect == ControlEffect::Absent)
        return control.source == Known ? "there is one, which does nothing" : "";
    return control.source == Driver ? "by the driver's word" : name(control.source);
}

/// Each control by itself: what is expected of it, from where that is known, and what was measured.
std::string steeringText(const V4l2Survey& survey, const std::optional<V4l2Probe>& probe) {
    std::string text = "      each of them\n";
    for (const SteeringControl& control : survey.steering) {
        std::string what = fmt::format("{:7} {}", name(control.effect), sourceText(control));
        const ProbedControl* const probed = probe ? measured(control, *probe) : nullptr;
        if (probed != nullptr && probed->effect != ProbedControl::Effect::Unknown)
            what += fmt::format("{}measured: {}", what.ends_with(' ') ? "" : "; ", effectText(probed->effect));
        what.erase(what.find_last_not_of(' ') + 1);
        text += fmt::format("        {:18} {}\n", control.name, what);
    }
    return text;
}

const char* typeText(std::uint32_t type) {
    switch (type) {
        case V4L2_CTRL_TYPE_INTEGER:
            return "int";
        case V4L2_CTRL_TYPE_BOOLEAN:
            return "bool";
        case V4L2_CTRL_TYPE_MENU:
        case V4L2_CTRL_TYPE_INTEGER_MENU:
            return "menu";
        case V4L2_CTRL_TYPE_BUTTON:
            return "button";
        case V4L2_CTRL_TYPE_INTEGER64:
            return "int64";
        case V4L2_CTRL_TYPE_STRING:
            return "string";
        case V4L2_CTRL_TYPE_BITMASK:
            return "bitmask";
        default:
            return "data";
    }
}

std::string controlText(const ListedControl& control) {
    const v4l2_query_ext_ctrl& query = control.query;
    std::string text = fmt::format("        0x{:08x} {:32} {:7}", query.id, query.name, typeText(query.type));
    if (query.type != V4L2_CTRL_TYPE_BUTTON)
        text +=
            fmt::format(" {}..{} step {}, default {}", query.minimum, query.maximum, query.step, query.default_value);
    if (control.value)
        text += fmt::format(", now {}", *control.value);
    if (query.elems > 1 || query.elem_size > 8)
        text += fmt::format(", {} of {} bytes", query.elems, query.elem_size);
    if ((query.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0)
        text += ", read only";
    return text + "\n";
}

/// Whether two listings say the same.
bool sameControls(const std::vector<ListedControl>& left, const std::vector<ListedControl>& right) {
    return std::ranges::equal(left, right, {}, controlText, controlText);
}

std::string codingText(const DeviceReport::Coding& coding, const DeviceReport::Coding& first) {
    if (!coding.failure.empty())
        return line(6, "failed", coding.failure);
    std::string text = surveyText(coding.survey);
    if (coding.probe)
        text += probeText(*coding.probe, coding.survey);
    text += steeringText(coding.survey, coding.probe);
    if (&coding != &first && sameControls(coding.survey.controls, first.survey.controls))
        return text + line(6, "controls", fmt::format("as of {}", name(first.survey.codec)));
    text += "      controls\n";
    for (const ListedControl& control : coding.survey.controls)
        text += controlText(control);
    return text;
}

std::string hardwareText(const DeviceReport::Hardware& hardware) {
    const V4l2EncoderNode& node = hardware.node;
    std::string text = fmt::format("  {}  {}\n", node.path, node.card);
    const std::string version = hardware.codecs.empty() ? "" : " " + hardware.codecs.front().survey.driverVersion;
    text += line(4, "driver",
                 fmt::format("{}{}, {}, {}", node.driver, version, node.bus,
                             node.multiplanar ? "multi-planar" : "single-planar"));
    text +=
        line(4, "dropped frames", hardware.droppedFrames.empty() ? "not known of this driver" : hardware.droppedFrames);
    for (const V4l2CodedFormat& format : node.formats)
        text += line(4, v4l2FourccName(format.fourcc), formatText(format));
    if (hardware.codecs.empty())
        text += line(4, "", "none that can be recorded");
    for (const DeviceReport::Coding& coding : hardware.codecs)
        text += fmt::format("    {}\n{}", name(coding.survey.codec), codingText(coding, hardware.codecs.front()));
    return text;
}

std::string softwareText(const DeviceReport::Software& software) {
    if (!software.failure.empty())
        return fmt::format("  software  {}\n", name(software.codec)) + line(4, "failed", software.failure);
    const EncoderCapabilities& can = software.capabilities;
    std::string text = fmt::format("  software  {} ({})\n", name(software.codec), can.name);
    text += line(4, "bit rate", can.bitrateWhileRunning ? "live" : "static: while running the QP map stands in for it");
    text += line(4, "key frame", can.keyFrameOnRequest ? "live" : "absent");
    text += line(4, "regions", std::string("live    ") + name(can.regions));
    return text;
}

std::string otherText(const DeviceReport::OtherNode& node) {
    return fmt::format("  {:13} {} ({})", node.path, node.card, node.driver);
}

std::string sizesText(const std::vector<Size>& sizes) {
    constexpr std::size_t kMany = 8;  // of a list that nobody reads, its ends
    if (sizes.size() > kMany)
        return fmt::format("{} sizes, {} to {}", sizes.size(), sizeText(sizes.front()), sizeText(sizes.back()));
    std::string all;
    for (const Size size : sizes)
        all += fmt::format("{}{}", all.empty() ? "" : " ", sizeText(size));
    return all;
}

std::string cameraControlText(const CameraControl& control) {
    std::string text = fmt::format("        {:22} {:9}", control.name, control.type);
    if (!control.values.empty())
        text += fmt::format(" {}", fmt::join(control.values, " "));
    else if (!control.minimum.empty() || !control.maximum.empty())
        text += fmt::format(" {} to {}", control.minimum, control.maximum);
    if (!control.standard.empty())
        text += fmt::format(", default {}", control.standard);
    return text + "\n";
}

std::string cameraText(std::size_t number, const CameraDescription& camera) {
    std::string text = fmt::format("  {}  {}{}\n", number, camera.model.empty() ? "camera" : camera.model,
                                   camera.location.empty() ? "" : fmt::format(" ({})", camera.location));
    text += line(6, "id", camera.id);
    if (!camera.failure.empty())
        text += line(6, "formats", camera.failure);
    for (const CameraFormat& format : camera.formats)
        text += line(6, "format", fmt::format("{:5} {}", name(format.format), sizesText(format.sizes)));
    text += line(6, "controls", camera.controls.empty() ? "none" : "--camera-control NAME=VALUE");
    for (const CameraControl& control : camera.controls)
        text += cameraControlText(control);
    return text;
}

}  // namespace

std::string toText(const DeviceReport& report) {
    std::string text = fmt::format("smartcodec {} on {}\n\ncameras\n", report.version, report.system);
    if (!report.cameraFailure.empty())
        text += fmt::format("  not known: {}\n", report.cameraFailure);
    else if (report.cameras.empty())
        text += "  none that libcamera knows\n";
    for (std::size_t i = 0; i < report.cameras.size(); ++i)
        text += cameraText(i, report.cameras[i]);
    for (const DeviceReport::OtherNode& node : report.captureNodes)
        text += otherText(node) + "\n";
    text += "\nencoders\n";
    if (report.hardware.empty())
        text += "  no V4L2 encoder\n";
    for (const DeviceReport::Hardware& hardware : report.hardware)
        text += hardwareText(hardware);
    for (const DeviceReport::Software& software : report.software)
        text += softwareText(software);
    if (!report.others.empty())
        text += "\nneither camera nor video encoder\n";
    for (const DeviceReport::OtherNode& node : report.others)
        text += otherText(node) + "\n";
    if (!report.skipped.empty())
        text += "\nskipped\n";
    for (const DeviceReport::Skipped& node : report.skipped)
        text += fmt::format("  {}{}{}\n", node.reason, node.remedy.empty() ? "" : "; ", node.remedy);
    return text;
}

}  // namespace smartcodec
