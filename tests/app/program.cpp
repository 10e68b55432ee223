#include "tests/app/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace smartcodec::test {

namespace {

struct Pipe {
    UniqueFd readEnd;
    UniqueFd writeEnd;
};

Pipe openPipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "opening a pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// In the child, where only plain system calls are safe.
[[noreturn]] void become(char* const* arguments, int output, int errors, const ProgramOptions& options) {
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    if (options.fileSizeLimitBytes) {
        const rlimit limit{*options.fileSizeLimitBytes, *options.fileSizeLimitBytes};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(arguments[0], arguments);
    _exit(127);
}

/// False at the end of the stream.
bool append(int descriptor, std::string& text) {
    char buffer[4096];
    const ssize_t size = read(descriptor, buffer, sizeof buffer);
    if (size > 0)
        text.append(buffer, static_cast<std::size_t>(size));
    return size > 0 || (size < 0 && errno == EINTR);
}

}  // namespace

int ProgramResult::errorLines() const {
    return static_cast<int>(std::count(errors.begin(), errors.end(), '\n'));
}

Program::Program(const std::vector<std::string>& arguments, const ProgramOptions& options) {
    std::vector<std::string> owned{options.binary};
    owned.insert(owned.end(), arguments.begin(), arguments.end());
    std::vector<char*> raw;
    for (std::string& argument : owned)
        raw.push_back(argument.data());
    raw.push_back(nullptr);

    Pipe output = openPipe();
    Pipe errors = openPipe();
    if (!options.output.empty()) {
        output.writeEnd = UniqueFd(open(options.output.c_str(), O_WRONLY | O_CLOEXEC));
        if (!output.writeEnd)
            throw std::system_error(errno, std::generic_category(), "opening " + options.output);
    }
    process_ = fork();
    if (process_ < 0)
        throw std::system_error(errno, std::generic_category(), "starting " + options.binary);
    if (process_ == 0)
        become(raw.data(), output.writeEnd.get(), errors.writeEnd.get(), options);
    output_ = std::move(output.readEnd);
    errors_ = std::move(errors.readEnd);
}

Program::~Program() {
    if (process_ > 0) {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
}

void Program::send(int signal) const {
    kill(process_, signal);
}

bool Program::readSome(std::chrono::milliseconds timeout) {
    pollfd descriptors[] = {{.fd = output_.get(), .events = POLLIN, .revents = 0},
                            {.fd = errors_.get(), .events = POLLIN, .revents = 0}};
    poll(descriptors, std::size(descriptors), static_cast<int>(timeout.count()));
    if (descriptors[0].revents != 0 && !append(output_.get(), result_.output))
        output_.reset();
    if (descriptors[1].revents != 0 && !append(errors_.get(), result_.errors))
        errors_.reset();
    return output_ || errors_;
}

bool Program::waitForError(const std::string& text, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (result_.errors.find(text) == std::string::npos) {
        if (!readSome(std::chrono::milliseconds(100)) || std::chrono::steady_clock::now() > deadline)
            return false;
    }
    return true;
}

ProgramResult Program::wait(std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (readSome(std::chrono::milliseconds(100))) {
        if (std::chrono::steady_clock::now() > deadline)
            kill(process_, SIGKILL);
    }
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    result_.exitStatus = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return std::move(result_);
}

ProgramResult runProgram(const std::vector<std::string>& arguments, const ProgramOptions& options) {
    return Program(arguments, options).wait();
}

}  // namespace smartcodec::test
