// Input files: whatever bytes they hold, frames come in their order and of the stated size, or one line that says what
// is wrong. As a file, scaled, and through a pipe, by the number of bytes.

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>

#include "capture/file_source.h"
#include "capture/limits.h"
#include "tests/fuzz/fuzz_support.h"

using namespace smartcodec;
using namespace smartcodec::test;

namespace {

constexpr int kEnough = 8;
constexpr int kPipeBytes = 1 << 20;

/// Looks at all samples, so that the address sanitizer sees what is not there.
class Viewer final : public SourceSink {
  public:
    explicit Viewer(const SourceInfo& info) : info_(info) {}

    bool deliver(Frame frame) override {
        const Picture& picture = frame->picture;
        expect(picture.size == info_.size && picture.format == info_.format, "all pictures are as stated");
        expect(!last_ || frame->time > *last_, "times rise");
        last_ = frame->time;
        for (int plane = 0; plane < planeCount(picture.format); ++plane) {
            const Size bytes = planeSizeBytes(picture.format, picture.size, plane);
            const Plane& samples = picture.planes[static_cast<std::size_t>(plane)];
            for (int y = 0; y < bytes.height; ++y)
                for (int x = 0; x < bytes.width; x += bytes.width - 1)
                    sum_ = sum_ +
                           std::to_integer<unsigned>(samples.data[static_cast<std::size_t>(y) * samples.strideBytes +
                                                                  static_cast<std::size_t>(x)]);
        }
        return ++seen_ < kEnough;
    }
    bool deliver(Packet packet) override { return packet.data.size() < (1U << 30); }
    void offer(Frame) override {}

  private:
    const SourceInfo& info_;
    std::optional<CaptureTime> last_;
    int seen_ = 0;
    volatile unsigned sum_ = 0;
};

void play(const FileSourceConfig& config) {
    try {
        const std::unique_ptr<Source> source = openFile(config);
        expect(recordable(source->info().size), "the size can be recorded");
        Viewer viewer(source->info());
        const Status status = source->run(viewer, {});
        expect(status.message().find('\n') == std::string::npos, "a message is one line", status.message());
    } catch (const std::runtime_error& error) {
        expect(std::string(error.what()).find('\n') == std::string::npos, "a message is one line", error.what());
    }
}

void playPipe(const std::uint8_t* data, std::size_t size) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        throw std::system_error(errno, std::generic_category(), "opening a pipe");
    const UniqueFd readEnd(ends[0]);
    UniqueFd writeEnd(ends[1]);
    (void)::fcntl(writeEnd.get(), F_SETPIPE_SZ, kPipeBytes);
    if (::write(writeEnd.get(), data, size) != static_cast<ssize_t>(size))
        return;        // what does not fit would have to be written meanwhile
    writeEnd.reset();  // it ends there
    play({.path = "/proc/self/fd/" + std::to_string(readEnd.get()), .width = {}, .height = {}});
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size % 4 == 3) {
        playPipe(data, size);
        return 0;
    }
    const MemoryFile file(data, size);
    FileSourceConfig config{.path = file.path(), .width = {}, .height = {}};
    if (size % 4 == 2)
        config.width = 48;
    play(config);
    return 0;
}
