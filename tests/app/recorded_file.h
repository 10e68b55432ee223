#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace smartcodec::test {

/// What a player finds in a recording. Times in seconds.
struct RecordedFile {
    std::vector<double> times;     ///< of the decoded pictures, in the order they are shown
    std::vector<double> keyTimes;  ///< of the video's key packets
    struct VideoPacket {
        double time = 0;  ///< of presentation
        std::size_t bytes = 0;
    };
    std::vector<VideoPacket> videoPackets;  ///< in the file's order
    double videoEnd = 0;                    ///< when the last picture has been shown
    int width = 0;
    int height = 0;
    int audioTracks = 0;
    double audioEnd = 0;                  ///< of the longest audio track; 0 if there is none
    std::vector<std::size_t> audioSizes;  ///< bytes of each packet of the audio tracks
};

/// Reads and decodes the whole file; throws std::runtime_error for anything that a player would stumble over.
[[nodiscard]] RecordedFile readRecording(const std::string& path);

/// As far as it can be decoded: a power cut may have left the last fragment in part. `videoEnd` is where that begins.
[[nodiscard]] RecordedFile readUntilDamage(const std::string& path);

}  // namespace smartcodec::test
