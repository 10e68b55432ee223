#include "app/trace.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <system_error>

namespace smartcodec {

namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

void addMeasurement(Json& line, const Measurement& measurement) {
    line["noise_sigma_grey"] = measurement.noiseSigma;
    line["moving_share"] = measurement.movingShare;
    line["peak_contrast_sigma"] = measurement.peakContrast;
    line["mean_luma_grey"] = measurement.meanLuma;
    line["lighting_gain"] = measurement.lightingGain;
    line["lighting_contrast_sigma"] = measurement.lightingContrast;
    line["shift_x_px"] = measurement.shiftX;
    line["shift_y_px"] = measurement.shiftY;
    line["camera_moved"] = measurement.cameraMoved;
    line["scene_cut"] = measurement.sceneCut;
    line["lighting"] = measurement.lighting;
}

void addQpMap(Json& line, const QpMap& map) {
    if (map.empty())
        return;
    const auto [least, most] = std::minmax_element(map.delta.begin(), map.delta.end());
    line["qp_delta_mean"] =
        std::accumulate(map.delta.begin(), map.delta.end(), 0.0) / static_cast<double>(map.delta.size());
    line["qp_delta_min"] = static_cast<int>(*least);
    line["qp_delta_max"] = static_cast<int>(*most);
}

}  // namespace

TraceWriter::TraceWriter(const std::string& path) : path_(path), file_(path, std::ios::binary | std::ios::trunc) {
    if (!file_)
        throw std::system_error(errno, std::generic_category(),
                                "creating the trace file " + path + " (give one in a folder that can be written to)");
}

void TraceWriter::write(std::uint64_t index, std::chrono::nanoseconds time, const Decision& decision) {
    Json line;
    line["index"] = index;
    line["time_s"] = seconds(time);
    line["record"] = decision.record;
    line["reason"] = name(decision.reason);
    line["key_frame"] = decision.record && decision.keyFrame;
    if (decision.record && decision.keyFrame)
        line["key_frame_reason"] = name(decision.keyFrameReason);
    line["level"] = name(decision.level);
    line["bitrate_bps"] = decision.bitrate.bitsPerSecond;
    addMeasurement(line, decision.measurement);
    if (decision.record)
        addQpMap(line, decision.qpMap);
    file_ << line << '\n';
}

bool TraceWriter::finish() {
    file_.close();
    return !file_.fail();
}

void TraceWriter::discard() noexcept {
    file_.close();
    std::error_code ignored;  // nothing can be done about a file that does not go
    std::filesystem::remove(path_, ignored);
}

}  // namespace smartcodec
