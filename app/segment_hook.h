#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec {

/// The words of a command as a shell would part them: at white space, but for what stands in quotes ('...' or "...") or
/// behind a backslash. Nothing else means anything. Throws std::runtime_error for an open quote and for no word.
[[nodiscard]] std::vector<std::string> commandWords(const std::string& command);

/// Throws std::runtime_error if there is no such program.
void checkCommand(const std::vector<std::string>& words);

/// Runs a command for one file after the other, without a shell: each `{}` in its words becomes the file's path; if
/// there is none, the path is the last word. It reads nothing, and what it prints goes to our standard error. Never
/// waits for one: a few run at the same time, the rest wait for their turn. One that cannot be run, fails, or is still
/// running when it is left behind, is told of. Thread-bound.
class SegmentHook {
  public:
    explicit SegmentHook(std::vector<std::string> words);
    /// Leaves those alone that still run.
    ~SegmentHook();
    SegmentHook(const SegmentHook&) = delete;
    SegmentHook& operator=(const SegmentHook&) = delete;

    void run(const std::string& file);

    /// Deals with those that have ended.
    void attend();

    /// To be polled for POLLIN: one has ended. They are the hook's.
    [[nodiscard]] std::vector<int> descriptors() const;
    /// Nothing runs, nothing waits.
    [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }

    /// Waits until all have been run and have ended, but no longer than that.
    void finish(std::chrono::milliseconds limit);

  private:
    struct Running {
        std::string file;
        pid_t process;
        UniqueFd ended;  // readable then; empty where the system has no such thing
    };
    void startSome();
    void start(const std::string& file);
    [[nodiscard]] bool hasEnded(const Running& one) const;

    const std::vector<std::string> words_;
    std::vector<Running> running_;
    std::deque<std::string> waiting_;
    bool crowded_ = false;  // some have to wait; it has been said
};

}  // namespace smartcodec
