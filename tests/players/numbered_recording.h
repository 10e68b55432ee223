#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/app/program.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {

constexpr double kNumberedFrameRate = 30;

/// How a recording is made whose pictures have their numbers in them.
struct NumberedRecipe {
    std::string codec = "h264";
    bool live = false;  ///< at its own pace, without B-frames; else as fast as it goes, with them
    enum class Form {
        Finished,
        Killed,    ///< by SIGKILL, at a random moment
        UnderWay,  ///< the recorder is there yet; it stands still while players look
        RepairedFinished,
        RepairedKilled,
        Segment,        ///< one in the middle of a recording
        CutOffSegment,  ///< the last one, after SIGKILL and another start
    };
    Form form = Form::Finished;
};

/// "hevc live, cut off segment"
[[nodiscard]] std::string describe(const NumberedRecipe& recipe);

struct NumberedPicture {
    double time = 0;      ///< seconds in the file
    double duration = 0;  ///< seconds
    std::optional<std::uint32_t> number;
};

/// The file, as long as this lives.
class NumberedRecording {
  public:
    /// Starts the recorder if it ends by itself, so that several are at work at the same time.
    explicit NumberedRecording(const NumberedRecipe& recipe);
    ~NumberedRecording();
    NumberedRecording(const NumberedRecording&) = delete;
    NumberedRecording& operator=(const NumberedRecording&) = delete;

    /// Waits until the file is as it is to be. To be called once. Throws std::runtime_error if the recorder does not do
    /// what it should.
    void finish();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Where the file's zero is in the recording, seconds.
    [[nodiscard]] double start() const { return start_; }

  private:
    void waitUntilThereIsEnough();
    void endRecorder();
    void findSegment();

    NumberedRecipe recipe_;
    TemporaryFolder folder_;
    std::string path_;
    double start_ = 0;
    std::vector<std::string> arguments_;
    std::unique_ptr<Program> recorder_;
};

/// All pictures of a file, in order, as decoded from its beginning to its end.
[[nodiscard]] std::vector<NumberedPicture> picturesOf(const std::string& path);

}  // namespace smartcodec::test
