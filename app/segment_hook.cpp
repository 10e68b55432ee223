#include "app/segment_hook.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace smartcodec {

namespace {

/// At the same time: enough for an upload that takes longer than a segment now and then.
constexpr std::size_t kMostRunning = 4;
/// What cannot be run for so long is forgotten, one by one.
constexpr std::size_t kMostWaiting = 1000;
/// Where the system does not tell when a process ends.
constexpr std::chrono::milliseconds kLook(200);

constexpr std::string_view kPlace = "{}";

bool isRunnable(const std::string& path) {
    std::error_code error;  // one that is not there is the usual case
    return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

/// What posix_spawn is told beside the words.
class SpawnSetting {
  public:
    SpawnSetting() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);  // ours is the summary's
        posix_spawnattr_init(&attributes_);
        // As any program expects them; we have some blocked or ignored.
        sigset_t none;
        sigemptyset(&none);
        sigset_t all;
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);  // Ctrl-C is for the recorder
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~SpawnSetting() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnSetting(const SpawnSetting&) = delete;
    SpawnSetting& operator=(const SpawnSetting&) = delete;

    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

UniqueFd endOf([[maybe_unused]] pid_t process) {
#ifdef SYS_pidfd_open
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));  // closed on exec by itself
#else
    return {};
#endif
}

std::vector<std::string> filledIn(std::vector<std::string> words, const std::string& file) {
    bool placed = false;
    for (std::string& word : words) {
        for (std::size_t at = 0; (at = word.find(kPlace, at)) != std::string::npos; at += file.size()) {
            word.replace(at, kPlace.size(), file);
            placed = true;
        }
    }
    if (!placed)
        words.push_back(file);
    return words;
}

}  // namespace

std::vector<std::string> commandWords(const std::string& command) {
    std::vector<std::string> words;
    bool inside = false;  // a word
    char quote = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char c = command[i];
        const bool space = std::string_view(" \t\r\n").find(c) != std::string_view::npos;
        if (quote == 0 && space) {
            inside = false;
            continue;
        }
        if (!inside)
            words.emplace_back();
        inside = true;
        if (quote == 0 && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = 0;
        else if (c == '\\' && quote != '\'' && i + 1 < command.size())
            words.back() += command[++i];
        else
            words.back() += c;
    }
    if (quote != 0)
        throw std::runtime_error(std::string("a quote is not closed: ") + quote);
    if (words.empty())
        throw std::runtime_error("give a program, and its arguments behind it");
    return words;
}

void checkCommand(const std::vector<std::string>& words) {
    const std::string& program = words.front();
    if (program.find('/') != std::string::npos) {
        if (!isRunnable(program))
            throw std::runtime_error("'" + program + "' is no program that can be run");
        return;
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/bin:/usr/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (isRunnable((folder.empty() ? "." : folder) + "/" + program))
            return;
    }
    throw std::runtime_error("there is no program '" + program + "' in the folders of PATH");
}

SegmentHook::SegmentHook(std::vector<std::string> words) : words_(std::move(words)) {}

SegmentHook::~SegmentHook() {
    for (const Running& one : running_)
        spdlog::warn("the command for {} still runs, and is left alone", one.file);
    if (!waiting_.empty())
        spdlog::warn("the command was not run for the last {} segments", waiting_.size());
}

void SegmentHook::run(const std::string& file) {
    if (waiting_.size() >= kMostWaiting) {
        spdlog::warn("the command was not run for {}: {} are waiting, and none ends", waiting_.front(), kMostWaiting);
        waiting_.pop_front();
    }
    waiting_.push_back(file);
    startSome();
    if (!waiting_.empty() && !std::exchange(crowded_, true))
        spdlog::warn("the commands for {} segments still run: that for {} has to wait", running_.size(), file);
}

void SegmentHook::attend() {
    std::erase_if(running_, [this](const Running& one) { return hasEnded(one); });
    startSome();
}

std::vector<int> SegmentHook::descriptors() const {
    std::vector<int> descriptors;
    for (const Running& one : running_)
        descriptors.push_back(one.ended.get());
    return descriptors;
}

void SegmentHook::finish(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        attend();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (idle() || left.count() <= 0)
            return;
        std::vector<pollfd> ends;
        for (const int descriptor : descriptors())
            ends.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
        const bool told = std::ranges::all_of(ends, [](const pollfd& end) { return end.fd >= 0; });
        (void)::poll(ends.data(), ends.size(), static_cast<int>((told ? left : std::min(left, kLook)).count()));
    }
}

void SegmentHook::startSome() {
    while (!waiting_.empty() && running_.size() < kMostRunning) {
        const std::string file = std::move(waiting_.front());
        waiting_.pop_front();
        start(file);
    }
}

void SegmentHook::start(const std::string& file) {
    std::vector<std::string> words = filledIn(words_, file);
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const SpawnSetting setting;
    pid_t process = 0;
    const int error =
        ::posix_spawnp(&process, arguments[0], setting.actions(), setting.attributes(), arguments.data(), environ);
    if (error != 0) {
        spdlog::warn("the command for {} cannot be run: {}: {}", file, words.front(),
                     std::error_code(error, std::generic_category()).message());
        return;
    }
    running_.push_back({.file = file, .process = process, .ended = endOf(process)});
}

bool SegmentHook::hasEnded(const Running& one) const {
    int status = 0;
    const pid_t process = ::waitpid(one.process, &status, WNOHANG);
    if (process == 0 || (process < 0 && errno == EINTR))
        return false;
    if (process > 0 && WIFSIGNALED(status))
        spdlog::warn("the command for {} was ended by signal {}: {}", one.file, WTERMSIG(status), words_.front());
    else if (process > 0 && WEXITSTATUS(status) != 0)
        spdlog::warn("the command for {} ended with status {}: {}", one.file, WEXITSTATUS(status), words_.front());
    return true;
}

}  // namespace smartcodec
