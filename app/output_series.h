#pragma once

#include <string>
#include <vector>

#include "app/file_series.h"
#include "mux/file_writer.h"
#include "mux/home_disk.h"

namespace smartcodec {

/// Makes the files of one recording, one after the other: the first has the name that was asked for, the others are
/// numbered beside it: video.mp4, video-2.mp4, video-3.mp4. Thread-bound.
class OutputSeries final : public FileSeries {
  public:
    struct Config {
        /// Of all files; `path` is the first one's. What its spans show must outlive the series, but for
        /// `parameterSets`, which do not count.
        FileConfig file;
        std::vector<std::string> spared;  ///< never replaced, not even with `file.overwrite`: the input, the trace
    };

    explicit OutputSeries(Config config);

    /// A number that is taken is left out, so that nothing is replaced unless `FileConfig::overwrite` says so.
    [[nodiscard]] OpenOutput open(const Next& next) override;

  private:
    [[nodiscard]] std::string path(int number) const;
    [[nodiscard]] bool isTaken(const std::string& path) const;

    Config config_;
    const HomeDisk disk_;
    int last_ = 0;  // number of the file made last; 0: none
};

/// Whether both paths lead to one file, or would if it existed.
[[nodiscard]] bool isSameFile(const std::string& a, const std::string& b);

}  // namespace smartcodec
