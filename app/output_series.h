#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mux/file_writer.h"

namespace smartcodec {

/// A file that is being written.
struct OpenOutput {
    std::string path;
    std::unique_ptr<FileWriter> writer;
};

/// Makes the files of one recording, one after the other: the first has the name that was asked for, the others are
/// numbered beside it: video.mp4, video-2.mp4, video-3.mp4. Thread-bound.
class OutputSeries {
  public:
    struct Config {
        /// Of all files; `path` is the first one's. What its spans show must outlive the series, but for
        /// `parameterSets`, which do not count.
        FileConfig file;
        std::vector<std::string> spared;  ///< never replaced, not even with `file.overwrite`: the input, the trace
    };

    struct Next {
        std::span<const std::byte> parameterSets;  ///< borrowed for the call
        bool insteadOfLast = false;  ///< the file before has been removed, since it got no picture: its name is free
    };

    explicit OutputSeries(Config config);

    /// Creates the next file. A number that is taken is left out, so that nothing is replaced unless
    /// `FileConfig::overwrite` says so. Throws as `createFile` does.
    [[nodiscard]] OpenOutput open(const Next& next);

  private:
    [[nodiscard]] std::string path(int number) const;
    [[nodiscard]] bool isTaken(const std::string& path) const;

    Config config_;
    int last_ = 0;  // number of the file made last; 0: none
};

/// Whether both paths lead to one file, or would if it existed.
[[nodiscard]] bool isSameFile(const std::string& a, const std::string& b);

}  // namespace smartcodec
