#pragma once

#include "encoder/v4l2_session.h"
#include "encoder/v4l2_tuning.h"

namespace smartcodec {

/// A session with its controls, set up and running. Everything given must outlive it.
struct V4l2Stream {
    /// Throws like V4l2Session.
    V4l2Stream(V4l2System& system, const V4l2StreamSettings& settings, const EncoderConfig& config, Bitrate rate)
        : session(system, settings), tuning(session, config, driverFacts(settings.node.driver)) {
        tuning.setUp(rate);
        session.start();
    }

    V4l2Session session;
    V4l2Tuning tuning;
};

}  // namespace smartcodec
