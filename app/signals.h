#pragma once

#include <thread>

#include "capture/unique_fd.h"

namespace smartcodec {

/// SIGINT, SIGTERM and SIGUSR1 as descriptors to poll. Made before the first thread, so that every thread has them
/// blocked. SIGPIPE and SIGXFSZ are ignored from then on: writing fails with EPIPE and EFBIG instead, which can be
/// told.
class StopSignals {
  public:
    /// Throws std::system_error.
    StopSignals();

    /// Readable when a signal waits.
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// The number of the signal that waits, 0 if there is none.
    [[nodiscard]] int take();

    /// Readable when SIGUSR1 waits, which it may do for as long as it likes.
    [[nodiscard]] int userDescriptor() const { return user_.get(); }
    /// Whether it has come since this was asked last.
    [[nodiscard]] bool takeUser();

  private:
    UniqueFd descriptor_;
    UniqueFd user_;
};

/// While it lives, a signal ends the program at once: for the time in which there is nothing that could be ended
/// properly, and which may be long where an input is waited for. Listens on a thread of its own.
class EndAtOnce {
  public:
    /// `signals` is borrowed, and not to be used meanwhile. Throws std::system_error.
    explicit EndAtOnce(StopSignals& signals);
    ~EndAtOnce();
    EndAtOnce(const EndAtOnce&) = delete;
    EndAtOnce& operator=(const EndAtOnce&) = delete;

  private:
    UniqueFd over_;  // an eventfd
    std::jthread listener_;
};

/// Ends the program at once, as the signal would have done by itself.
[[noreturn]] void dieOf(int signal);

}  // namespace smartcodec
