#pragma once

// Private to .cpp files.

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "capture/libav_handles.h"
#include "capture/unique_fd.h"

namespace smartcodec {

/// A FIFO, a character device or a socket (/dev/stdin, too) for libavformat to read from. Waiting for bytes, or for
/// somebody to write any, can be given up, which libavformat's own files cannot: there a read blocks until it has some.
/// Thread-bound, but for the asking to stop.
class PipeInput {
  public:
    /// Whether `path` is such a thing.
    [[nodiscard]] static bool isPipe(const std::string& path);

    /// Throws std::system_error with the path.
    explicit PipeInput(const std::string& path);
    PipeInput(const PipeInput&) = delete;
    PipeInput& operator=(const PipeInput&) = delete;

    /// Belongs to this object, which must outlive its user.
    [[nodiscard]] AVIOContext& context() { return *context_; }

    /// From now on reading fails with AVERROR_EXIT, at once, when `stop` is asked for.
    void stopOn(const std::stop_token& stop);

  private:
    struct Wake {
        int descriptor;
        void operator()() const noexcept;
    };
    struct FreeContext {
        void operator()(AVIOContext* context) const noexcept;
    };

    static int read(void* self, std::uint8_t* buffer, int size);

    UniqueFd pipe_;
    UniqueFd stopped_;  // an eventfd
    std::optional<std::stop_callback<Wake>> wake_;
    std::unique_ptr<AVIOContext, FreeContext> context_;
};

}  // namespace smartcodec
