#include "tests/device/kernel_devices.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace smartcodec::test {

namespace {

void run(const std::string& command) {
    if (const int status = std::system(command.c_str()); status != 0)
        throw std::runtime_error(command + " ended with status " + std::to_string(status));
}

void lock(const UniqueFd& file, int operation) {
    while (flock(file.get(), operation) < 0)
        if (errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "locking the virtual encoder");
}

bool isMultiplanar() {
    std::ifstream file("/sys/module/vicodec/parameters/multiplanar");
    char value = 0;
    if (!(file >> value))
        throw std::runtime_error("the virtual encoder is not loaded");
    return value == 'Y' || value == '1';
}

/// Who looks what devices there are may have it open for a moment.
void load(bool multiplanar) {
    KernelLog log;
    run("modprobe --remove --wait=20000 vicodec");
    run(std::string("modprobe vicodec multiplanar=") + (multiplanar ? "1" : "0"));
    settleDevices();
    for (const std::string& complaint : log.complaints())
        throw std::runtime_error("loading the virtual encoder makes the kernel say: " + complaint);
}

}  // namespace

std::string videoNode(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/video4linux")) {
        std::string found;
        std::getline(std::ifstream(entry.path() / "name"), found);
        if (const std::string node = entry.path().filename(); found == name && node.starts_with("video"))
            return "/dev/" + node;
    }
    throw std::runtime_error("no video node has the name " + name);
}

Vicodec::Vicodec(std::optional<bool> multiplanar, Use use)
    : lock_(open("/run/vicodec.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const int wanted = use == Use::Alone ? LOCK_EX : LOCK_SH;
    lock(lock_, wanted);
    while (multiplanar && *multiplanar != isMultiplanar()) {
        lock(lock_, LOCK_EX);
        if (*multiplanar != isMultiplanar())
            load(*multiplanar);
        lock(lock_, wanted);  // not in one step: it may have been loaded otherwise between the two
    }
    node_ = videoNode("stateful-encoder");
}

void settleDevices() {
    run("udevadm settle --timeout=20");
}

KernelLog::KernelLog() : log_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (!log_ || lseek(log_.get(), 0, SEEK_END) < 0)
        throw std::runtime_error("/dev/kmsg cannot be read");
}

std::vector<std::string> KernelLog::complaints() {
    constexpr int kError = 3;         // syslog(2)
    constexpr int kPriorities = 8;    // below them is the facility
    std::array<char, 8192> record{};  // one for every read
    std::vector<std::string> found;
    for (;;) {
        const ssize_t size = read(log_.get(), record.data(), record.size());
        if (size < 0 && errno == EPIPE)  // what was not read yet has been overwritten; go on with what is there
            continue;
        if (size <= 0)
            return found;
        // "4,1234,5678901,-;text"
        const std::string_view text(record.data(), static_cast<std::size_t>(size));
        const int priority = std::atoi(record.data()) % kPriorities;
        if (priority <= kError || text.find("Call Trace") != std::string_view::npos)
            found.emplace_back(text.substr(std::min(text.size(), text.find(';') + 1)));
    }
}

}  // namespace smartcodec::test
