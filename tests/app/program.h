#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec::test {

/// How a program ended, and what it said.
struct ProgramResult {
    int exitStatus = -1;  ///< -1 if a signal ended it
    int signal = 0;
    std::string output;
    std::string errors;

    [[nodiscard]] int errorLines() const;
};

/// What a program is started with.
struct ProgramOptions {
    std::optional<std::uint64_t> fileSizeLimitBytes = {};  ///< a disk that is full at that size
    std::string output = {};                               ///< a file for its standard output; empty: a pipe to us
    std::string binary = SMARTCODEC_BINARY;                ///< smartcodec itself, or a relative of it
};

/// The real smartcodec binary in a process of its own.
class Program {
  public:
    explicit Program(const std::vector<std::string>& arguments, const ProgramOptions& options = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Waits until standard error holds `text`. False if the program ended before, or `limit` passed.
    [[nodiscard]] bool waitForError(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(60));
    void send(int signal) const;
    [[nodiscard]] pid_t process() const { return process_; }
    /// Waits for the end. A program that takes longer than `limit` is killed, which its result then says.
    [[nodiscard]] ProgramResult wait(std::chrono::seconds limit = std::chrono::seconds(120));

  private:
    bool readSome(std::chrono::milliseconds timeout);

    pid_t process_ = -1;
    UniqueFd output_;
    UniqueFd errors_;
    ProgramResult result_;
};

[[nodiscard]] ProgramResult runProgram(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

}  // namespace smartcodec::test
