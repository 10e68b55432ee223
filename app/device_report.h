#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/devices.h"
#include "capture/camera.h"
#include "encoder/encoder.h"
#include "encoder/v4l2_device.h"
#include "encoder/v4l2_probe.h"
#include "encoder/v4l2_survey.h"

namespace smartcodec {

/// What there is on this machine to record from and with.
struct DeviceReport {
    /// A video node that this program does nothing with.
    struct OtherNode {
        std::string path;
        std::string driver;
        std::string card;
    };
    struct Software {
        Codec codec = Codec::H264;
        EncoderCapabilities capabilities;
        std::string failure;  ///< why it is not there; empty: it is
    };
    struct Coding {
        V4l2Survey survey;
        std::string failure;  ///< why it could not be asked; empty: it could
        std::optional<V4l2Probe> probe;
    };
    struct Hardware {
        V4l2EncoderNode node;
        std::string droppedFrames;   ///< how rate control reckons with them; empty: not known
        std::vector<Coding> codecs;  ///< of those that can be recorded, those that it codes
    };
    struct Skipped {
        std::string reason;  ///< names the node
        std::string remedy;  ///< may be empty
    };

    std::string version;                     ///< of this program
    std::string system;                      ///< "Linux 6.1.0-56-amd64 x86_64"
    std::vector<CameraDescription> cameras;  ///< those that libcamera knows, by their numbers
    std::string cameraFailure;               ///< why libcamera could not be asked; empty: it could
    std::vector<OtherNode> captureNodes;     ///< V4L2's, which libcamera's cameras are made of
    std::vector<Software> software;
    std::vector<Hardware> hardware;
    std::vector<OtherNode> others;
    std::vector<Skipped> skipped;
};

/// Looks at every node, and at every camera unless `cameras` is null. Throws nothing for a device: what is wrong with
/// one is in its place.
[[nodiscard]] DeviceReport reportDevices(const DeviceListing& listing, V4l2System& system, CameraSystem* cameras);

/// For a terminal, and for a bug report.
[[nodiscard]] std::string toText(const DeviceReport& report);
/// The same as one JSON object.
[[nodiscard]] std::string toJson(const DeviceReport& report);

/// What a probe found in something else than was known of the driver, or than it said itself; empty: nothing.
[[nodiscard]] std::vector<std::string> surprises(const V4l2Survey& survey, const V4l2Probe& probe);

/// What a probe found of one control; null: it measures another, or none of its kind.
[[nodiscard]] const ProbedControl* measured(const SteeringControl& control, const V4l2Probe& probe);

/// Its rate control goes by the pictures' times, not by their number and the frame rate. Empty: not measured.
[[nodiscard]] std::optional<bool> reckonsWithTimes(const V4l2Probe& probe);

}  // namespace smartcodec
