#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "encoder/codec.h"
#include "encoder/probe_stream.h"
#include "encoder/v4l2_device.h"
#include "encoder/v4l2_drivers.h"
#include "encoder/v4l2_system.h"

namespace smartcodec {

/// What one thing that a recording steers did when it was tried out.
struct ProbedControl {
    enum class Effect {
        Unknown,  ///< not measured: the probe failed before, or the control's range is too small to tell
        Absent,   ///< there is none
        None,     ///< accepted or refused, but without any effect
        Opening,  ///< acts only when the device is opened anew with it
        Static,   ///< acts from the next start of the stream on
        Live,     ///< acts while the stream runs
    };
    Effect effect = Effect::Unknown;
    int refused = 0;  ///< errno that setting it while running gave; 0: it was accepted
    // What was asked for in the control's unit, and what the pictures then came to; empty: not measured.
    double askedFrom = 0;
    double askedTo = 0;
    std::optional<double> measuredFrom;
    std::optional<double> measuredTo;
};
[[nodiscard]] const char* name(ProbedControl::Effect effect);

/// What an encoder really did.
struct V4l2Probe {
    Codec codec = Codec::H264;
    Size size;
    FrameRate frameRate;
    std::string failure;  ///< empty: everything was measured. Else one line: what went wrong, and where

    int pictures = 0;  ///< encoded in all
    int missing = 0;   ///< of which nothing came
    double picturesPerSecond = 0;

    ProbedControl bitrate;  ///< asked for: bits per second; measured: bytes per picture
    /// measuredFrom, measuredTo: by how many pictures it came late, the least and the most of several requests;
    /// negative is early: the driver does not tie a request to the picture that is queued next.
    ProbedControl keyFrame;
    ProbedControl qpRange;           ///< asked for: the lowest QP; measured: bytes per picture
    ProbedControl frameRateControl;  ///< asked for: frames per second; measured: bytes per picture
    ProbedControl qpMap;             ///< asked for: delta on every block; measured: bytes per picture
    /// Bytes per picture with the finer delta where the picture's detail is, divided by those with it elsewhere: above
    /// 1 regions act where they are asked for. Empty: there are none, or they have no effect.
    std::optional<double> qpMapPlacement;
    /// By how many pictures a map acts before the one that it was sent for. Empty as above.
    std::optional<int> qpMapEarly;
    std::string regions;  ///< what the driver says of them; empty: none

    /// Bytes per picture at a quarter of the pictures for the same time, as timestamps say, divided by those before:
    /// about 4, rate control reckons with times, about 1, it counts pictures. Empty: not measured.
    std::optional<double> sparsePictures;
    std::optional<bool> repeatsParameterSets;  ///< with every key frame; empty: there was but one
    std::optional<int> ownKeyFrames;  ///< pictures between key frames that nobody asked for; empty: there were none
};

struct V4l2ProbeSettings {
    Size size{640, 360};  ///< or as near to it as the device can
    /// With each setting: two seconds of them, which rate control is given to settle.
    int picturesPerStep = 60;
    ProbeLimits limits;
};

/// Encodes some hundred pictures of its own with the recorder's client and measures. Throws nothing: what goes wrong is
/// in the result's `failure`, with what was measured until then. A device that is silent ends it within seconds.
[[nodiscard]] V4l2Probe probeEncoder(V4l2System& system, const V4l2EncoderNode& node, Codec codec,
                                     const V4l2ProbeSettings& settings = {});

}  // namespace smartcodec
