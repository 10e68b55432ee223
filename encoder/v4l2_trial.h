#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "encoder/encoder.h"
#include "encoder/v4l2_session.h"

namespace smartcodec {

/// What an encoder showed when it was tried out.
struct V4l2Trial {
    std::vector<std::byte> parameterSets;
    std::size_t heldBack = 0;     ///< pictures whose bit stream it keeps until later ones come
    std::size_t buffersKept = 0;  ///< pictures whose buffers it keeps until then
    bool returnsTimes = true;     ///< packets have the timestamps of their pictures
};

struct V4l2TrialLimits {
    std::chrono::milliseconds first;    ///< for the first picture to come out
    std::chrono::milliseconds holding;  ///< for one to come out without another one
};

/// Encodes grey pictures in a stream of its own until one comes out. Throws std::system_error or std::runtime_error
/// that says what the encoder did.
[[nodiscard]] V4l2Trial tryOut(V4l2System& system, V4l2StreamSettings settings, const EncoderConfig& config,
                               const V4l2TrialLimits& limits);

}  // namespace smartcodec
