#pragma once

#include "capture/unique_fd.h"

namespace smartcodec {

/// SIGINT and SIGTERM as a descriptor to poll. Made before the first thread, so that every thread has them blocked.
/// SIGPIPE and SIGXFSZ are ignored from then on: writing fails with EPIPE and EFBIG instead, which can be told.
class StopSignals {
  public:
    /// Throws std::system_error.
    StopSignals();

    /// Readable when a signal waits.
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// The number of the signal that waits, 0 if there is none.
    [[nodiscard]] int take();

  private:
    UniqueFd descriptor_;
};

/// Ends the program at once, as the signal would have done by itself.
[[noreturn]] void dieOf(int signal);

}  // namespace smartcodec
