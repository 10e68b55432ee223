#pragma once

#include <memory>
#include <optional>
#include <string>

#include "capture/source.h"

namespace smartcodec {

struct FileSourceConfig {
    std::string path;
    std::optional<int> width;  ///< scale to it, even; alone, the height follows the aspect
    std::optional<int> height;
};

/// The first video track of any file that libavformat and libavcodec read, and its audio tracks as they are. Times are
/// the file's own, the first video frame at CaptureTime{}; audio may begin before it. Pictures come as kYuv420 or
/// kNv12, 8 bits: the decoder's own memory where it delivers that (writable only where the decoder does not need it any
/// more), else converted once by libswscale. An odd edge is cropped. Where the picture's size changes in
/// mid-file, it is scaled to the first.
/// A file that breaks off ends the run with a failure, after the last frame that could be decoded; damage in the middle
/// is concealed as well as the decoder can. Asking `run` to stop also interrupts libavformat between two reads, and
/// while it waits for a FIFO or a device; `openFile` itself waits until there is a first picture.
[[nodiscard]] std::unique_ptr<Source> openFile(const FileSourceConfig& config);

}  // namespace smartcodec
