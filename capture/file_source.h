#pragma once

#include <memory>
#include <optional>
#include <string>

#include "capture/source.h"

namespace smartcodec {

struct FileSourceConfig {
    std::string path;
    std::optional<int> width;   ///< scale to it; alone, the height follows the aspect
    std::optional<int> height;
};

/// The first video track of any file that libavformat and libavcodec read, and its audio tracks as they are. Times are
/// the file's own, the first video frame at CaptureTime{}. Pictures come as kYuv420 or kNv12, 8 bits: the decoder's own
/// memory where it delivers that (not writable), else converted once by libswscale. An odd edge is cropped.
/// A file that breaks off ends the run with a failure, after the last frame that could be decoded.
[[nodiscard]] std::unique_ptr<Source> openFile(const FileSourceConfig& config);

}  // namespace smartcodec
