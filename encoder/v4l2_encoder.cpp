#include "encoder/v4l2_encoder.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "encoder/v4l2_client.h"

namespace smartcodec {

namespace {

/// Refuses what no encoder could be opened for.
void validate(const EncoderConfig& config) {
    const auto refuse = [&](const std::string& reason) {
        throw std::runtime_error(std::string("opening a V4L2 encoder of ") + name(config.codec) + " for " +
                                 std::to_string(config.size.width) + "x" + std::to_string(config.size.height) + ": " +
                                 reason);
    };
    if (const std::string reason = whyNotEncodable(config); !reason.empty())
        refuse(reason);
    if (!is420(config.format) && config.format != kBgr888 && config.format != kRgb888)
        refuse("it takes NV12, YU12, RGB3 and BGR3 pictures, not " + name(config.format));
}

[[nodiscard]] std::string joined(const std::vector<std::string>& texts, const char* separator) {
    std::string all;
    for (const std::string& text : texts)
        all += (all.empty() ? "" : separator) + text;
    return all;
}

/// The encoders to try, in their order, and in `passedOver` what else was looked at and why it will not do.
std::vector<V4l2EncoderNode> candidates(Codec codec, const std::string& path, V4l2System& system,
                                        std::vector<std::string>& passedOver) {
    std::vector<V4l2EncoderNode> nodes;
    if (path.empty()) {
        nodes = findEncoders(system, &passedOver);
        if (const std::vector<std::string> all = system.nodes(); nodes.empty() && !all.empty() && passedOver.empty())
            passedOver.push_back("there is no stateful video encoder among " + joined(all, ", "));
    } else {
        const V4l2Device device(system, path);
        if (std::optional<V4l2EncoderNode> node = describeEncoder(device))
            nodes.push_back(std::move(*node));
        else
            passedOver.push_back(path + " is no stateful video encoder");
    }
    std::erase_if(nodes, [&](const V4l2EncoderNode& node) {
        if (node.find(v4l2Fourcc(codec)))
            return false;
        passedOver.push_back(describe(node) + " does not code " + name(codec));
        return true;
    });
    return nodes;
}

}  // namespace

std::unique_ptr<Encoder> openV4l2Encoder(const EncoderConfig& config, const std::string& path, V4l2System& system,
                                         const V4l2Limits& limits) {
    validate(config);
    std::vector<std::string> reasons;
    std::vector<V4l2EncoderNode> nodes;
    try {
        nodes = candidates(config.codec, path, system, reasons);
    } catch (const std::system_error& error) {
        throw std::runtime_error(error.what() + v4l2Remedy(error.code().value()));
    }
    int error = nodes.empty() ? ENOENT : 0;
    for (V4l2EncoderNode& node : nodes) {
        try {
            return std::make_unique<V4l2Client>(config, std::move(node), system, limits);
        } catch (const std::system_error& failure) {
            reasons.emplace_back(failure.what());
            error = failure.code().value();
        } catch (const std::runtime_error& failure) {
            reasons.emplace_back(failure.what());
        }
    }
    if (reasons.empty())
        reasons.emplace_back("there are no video nodes here");
    throw std::runtime_error(std::string("no V4L2 encoder for ") + name(config.codec) + ": " + joined(reasons, "; ") +
                             v4l2Remedy(error));
}

}  // namespace smartcodec
