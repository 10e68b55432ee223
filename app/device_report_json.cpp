#include <linux/videodev2.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "app/device_report.h"
#include "encoder/v4l2_format.h"

namespace smartcodec {

namespace {

using Json = nlohmann::ordered_json;

template <typename Value>
Json orNull(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json orNull(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json sizeJson(Size size) {
    return size.width > 0 ? Json{{"width_px", size.width}, {"height_px", size.height}} : Json(nullptr);
}

Json nodeJson(const DeviceReport::OtherNode& node) {
    return {{"path", node.path}, {"driver", node.driver}, {"card", node.card}};
}

Json surveyedJson(const SurveyedControl& control) {
    return {{"effect", name(control.effect)}, {"source", control.known ? "known of this driver" : "driver"}};
}

Json controlJson(const ListedControl& control) {
    const v4l2_query_ext_ctrl& query = control.query;
    return {{"id", query.id},
            {"name", query.name},
            {"type", query.type},
            {"minimum", query.minimum},
            {"maximum", query.maximum},
            {"step", query.step},
            {"default", query.default_value},
            {"value", orNull(control.value)},
            {"flags", query.flags},
            {"elements", query.elems},
            {"element_bytes", query.elem_size}};
}

Json surveyJson(const V4l2Survey& survey) {
    Json json;
    json["bitrate"] = surveyedJson(survey.bitrate);
    json["key_frame"] = surveyedJson(survey.keyFrame);
    json["qp_range"] = surveyedJson(survey.qpRange);
    json["frame_rate"] = surveyedJson(survey.frameRate);
    json["regions"] = surveyedJson(survey.regions);
    json["regions"]["description"] = orNull(survey.regionDescription);
    return json;
}

Json steeringJson(const SteeringControl& control, const std::optional<V4l2Probe>& probe) {
    const ProbedControl* const probed = probe ? measured(control, *probe) : nullptr;
    const bool known = probed != nullptr && probed->effect != ProbedControl::Effect::Unknown;
    return {{"name", control.name},
            {"id", control.id != 0 ? Json(control.id) : Json(nullptr)},
            {"effect", name(control.effect)},
            {"source", name(control.source)},
            {"measured", known ? Json(name(probed->effect)) : Json(nullptr)}};
}

/// `unit` is that of what was asked for.
Json probedJson(const ProbedControl& control, const std::string& unit) {
    Json json;
    json["effect"] = name(control.effect);
    const bool measured = control.measuredFrom && control.measuredTo;
    json["asked_from_" + unit] = measured ? Json(control.askedFrom) : Json(nullptr);
    json["asked_to_" + unit] = measured ? Json(control.askedTo) : Json(nullptr);
    json["measured_from_bytes_per_picture"] = orNull(control.measuredFrom);
    json["measured_to_bytes_per_picture"] = orNull(control.measuredTo);
    json["refused_while_running"] =
        control.refused == 0 ? Json(nullptr) : Json(std::generic_category().message(control.refused));
    return json;
}

Json keyFrameJson(const ProbedControl& control) {
    return {{"effect", name(control.effect)},
            {"late_from_pictures", orNull(control.measuredFrom)},
            {"late_to_pictures", orNull(control.measuredTo)},
            {"refused_while_running",
             control.refused == 0 ? Json(nullptr) : Json(std::generic_category().message(control.refused))}};
}

Json probeJson(const V4l2Probe& probe, const V4l2Survey& survey) {
    Json json;
    json["failure"] = orNull(probe.failure);
    json["width_px"] = probe.size.width;
    json["height_px"] = probe.size.height;
    json["frame_rate"] = probe.frameRate.value();
    json["pictures"] = probe.pictures;
    json["pictures_missing"] = probe.missing;
    json["pictures_per_second"] = probe.picturesPerSecond;
    json["bitrate"] = probedJson(probe.bitrate, "bps");
    json["key_frame"] = keyFrameJson(probe.keyFrame);
    json["qp_range"] = probedJson(probe.qpRange, "lowest_qp");
    json["frame_rate_control"] = probedJson(probe.frameRateControl, "fps");
    json["regions"] = probedJson(probe.qpMap, "delta_qp");
    json["regions"]["bytes_where_asked_to_elsewhere"] = orNull(probe.qpMapPlacement);
    json["regions"]["early_pictures"] = orNull(probe.qpMapEarly);
    json["bytes_at_4_times_the_gap_to_before"] = orNull(probe.sparsePictures);
    json["rate_control_goes_by_times"] = orNull(reckonsWithTimes(probe));
    json["parameter_sets_with_every_key_frame"] = orNull(probe.repeatsParameterSets);
    json["own_key_frame_gap_pictures"] = orNull(probe.ownKeyFrames);
    json["surprises"] = surprises(survey, probe);
    return json;
}

Json hardwareJson(const DeviceReport::Hardware& hardware) {
    const V4l2EncoderNode& node = hardware.node;
    Json json{{"kind", "v4l2"},
              {"path", node.path},
              {"driver", node.driver},
              {"card", node.card},
              {"bus", node.bus},
              {"multiplanar", node.multiplanar},
              {"dropped_frames", orNull(hardware.droppedFrames)}};
    json["formats"] = Json::array();
    for (const V4l2CodedFormat& format : node.formats) {
        Json raw = Json::array();
        for (const std::uint32_t fourcc : format.rawFormats)
            raw.push_back(v4l2FourccName(fourcc));
        json["formats"].push_back({{"fourcc", v4l2FourccName(format.fourcc)},
                                   {"smallest", sizeJson(format.smallest)},
                                   {"largest", sizeJson(format.largest)},
                                   {"takes", raw}});
    }
    json["codecs"] = Json::array();
    for (const DeviceReport::Coding& coding : hardware.codecs) {
        Json entry{{"codec", name(coding.survey.codec)}, {"failure", orNull(coding.failure)}};
        if (coding.failure.empty()) {
            entry["driver_version"] = coding.survey.driverVersion;
            entry["expected"] = surveyJson(coding.survey);
            entry["measured"] = coding.probe ? probeJson(*coding.probe, coding.survey) : Json(nullptr);
            entry["steering"] = Json::array();
            for (const SteeringControl& control : coding.survey.steering)
                entry["steering"].push_back(steeringJson(control, coding.probe));
            entry["controls"] = Json::array();
            for (const ListedControl& control : coding.survey.controls)
                entry["controls"].push_back(controlJson(control));
        }
        json["codecs"].push_back(std::move(entry));
    }
    return json;
}

Json softwareJson(const DeviceReport::Software& software) {
    const EncoderCapabilities& can = software.capabilities;
    Json json{{"kind", "software"}, {"codec", name(software.codec)}, {"failure", orNull(software.failure)}};
    if (software.failure.empty()) {
        json["name"] = can.name;
        json["bitrate"] = can.bitrateWhileRunning ? "live" : "static";
        json["key_frame"] = can.keyFrameOnRequest ? "live" : "absent";
        json["regions"] = name(can.regions);
    }
    return json;
}

Json cameraJson(const CameraDescription& camera) {
    Json json{{"id", camera.id},
              {"model", orNull(camera.model)},
              {"location", orNull(camera.location)},
              {"failure", orNull(camera.failure)},
              {"formats", Json::array()},
              {"controls", Json::array()}};
    for (const CameraFormat& format : camera.formats) {
        Json sizes = Json::array();
        for (const Size size : format.sizes)
            sizes.push_back({{"width", size.width}, {"height", size.height}});
        json["formats"].push_back({{"format", name(format.format)}, {"sizes", std::move(sizes)}});
    }
    for (const CameraControl& control : camera.controls)
        json["controls"].push_back({{"name", control.name},
                                    {"type", control.type},
                                    {"minimum", orNull(control.minimum)},
                                    {"maximum", orNull(control.maximum)},
                                    {"default", orNull(control.standard)},
                                    {"values", control.values}});
    return json;
}

}  // namespace

std::string toJson(const DeviceReport& report) {
    Json json{{"version", report.version}, {"system", report.system}};
    json["cameras"] = Json::array();
    for (const CameraDescription& camera : report.cameras)
        json["cameras"].push_back(cameraJson(camera));
    json["cameras_failure"] = orNull(report.cameraFailure);
    json["capture_nodes"] = Json::array();
    for (const DeviceReport::OtherNode& node : report.captureNodes)
        json["capture_nodes"].push_back(nodeJson(node));
    json["encoders"] = Json::array();
    for (const DeviceReport::Hardware& hardware : report.hardware)
        json["encoders"].push_back(hardwareJson(hardware));
    for (const DeviceReport::Software& software : report.software)
        json["encoders"].push_back(softwareJson(software));
    json["others"] = Json::array();
    for (const DeviceReport::OtherNode& node : report.others)
        json["others"].push_back(nodeJson(node));
    json["skipped"] = Json::array();
    for (const DeviceReport::Skipped& node : report.skipped)
        json["skipped"].push_back({{"reason", node.reason}, {"remedy", orNull(node.remedy)}});
    // Drivers' texts need not be UTF-8, JSON must be.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace smartcodec
