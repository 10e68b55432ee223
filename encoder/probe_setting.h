#pragma once

#include <functional>
#include <vector>

#include "encoder/probe_judgement.h"
#include "encoder/v4l2_probe.h"

namespace smartcodec {

/// One of the controls that make pictures larger or smaller, to be changed by a probe.
struct ProbeSetting {
    const char* doing;
    ProbedControl& result;
    std::function<int(V4l2Session&, double)> set;  ///< in the control's unit; 0, or the errno
    bool enlarges = false;                         ///< the pictures, if it acts
    std::vector<ProbeRound> rounds{};              ///< empty: it was refused while running

    /// What was measured shows that it acted.
    [[nodiscard]] bool acted() const;
};

/// Of the bit rates that are asked for: beyond what rate control wavers by and what it has saved up.
constexpr int kProbeRateFactor = 6;

/// Those that the encoder has, the lowest QP last; `probe`, which must outlive them, gets what will be asked for, and
/// says of the others that they are absent.
[[nodiscard]] std::vector<ProbeSetting> listProbeSettings(V4l2Session& session, const V4l2EncoderNode& node,
                                                          const EncoderConfig& config, V4l2Probe& probe);

}  // namespace smartcodec
