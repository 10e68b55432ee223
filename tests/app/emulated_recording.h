#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/pipeline.h"
#include "tests/app/recorded_file.h"
#include "tests/support/emulated_v4l2.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {

/// One line of a trace.
struct TraceLine {
    double time = 0;  ///< seconds
    bool record = false;
    bool keyFrame = false;
    double bitrate = 0;  ///< the cap, bits per second
};

/// A recording through an emulated device, and everything that is known of it afterwards.
struct EmulatedRecording {
    RecordingSummary summary;
    std::vector<std::string> notes;
    std::vector<TraceLine> trace;
    std::vector<RecordedFile> files;  ///< as in the summary

    [[nodiscard]] bool hasNote(const std::string& part) const;
    /// Times of frames that were to be recorded, and of those that were to be key frames; seconds.
    [[nodiscard]] std::vector<double> decidedTimes() const;
    [[nodiscard]] std::vector<double> decidedKeyTimes() const;
    /// The same as the files have them, on the time line of the recording.
    [[nodiscard]] std::vector<double> recordedTimes() const;
    [[nodiscard]] std::vector<double> recordedKeyTimes() const;
    [[nodiscard]] std::vector<RecordedFile::VideoPacket> packets() const;
    /// Bits per second of the packets from `from` to `to`, in seconds.
    [[nodiscard]] double rate(double from, double to) const;
    /// The same over the `window` seconds that have most of them.
    [[nodiscard]] double highestRate(double window) const;
};

/// The drivers that have this codec.
[[nodiscard]] std::vector<V4l2Personality> personalitiesWith(Codec codec);

/// A small scene of some seconds, recorded through the first V4L2 encoder into `folder`.
[[nodiscard]] Settings emulatedSettings(const TemporaryFolder& folder, const std::string& script, int seconds);

/// What happens when a frame is captured, by its number.
using FrameHook = std::function<void(int number)>;

/// Records as the settings say, with a trace beside the output. `onFrame` is called from the source's thread.
[[nodiscard]] EmulatedRecording recordEmulated(V4l2System& system, Settings settings, const FrameHook& onFrame = {});

}  // namespace smartcodec::test
