#include "tests/app/small_disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace smartcodec::test {

namespace {

struct Disk {
    std::mutex mutex;
    std::string folder;  // empty: there is none
    std::uint64_t bytes = 0;
    std::optional<int> writesLeft;  // empty: no end
};

Disk& disk() {
    static Disk only;
    return only;
}

std::uint64_t usedIn(const std::string& folder) {
    constexpr std::uint64_t kBlockBytes = 512;  // of stat, whatever the file system has
    std::uint64_t used = 0;
    std::error_code gone;  // files come and go
    for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0)
            used += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
    }
    return used;
}

bool isFull(off_t length) {
    Disk& only = disk();
    const std::lock_guard lock(only.mutex);
    return !only.folder.empty() && usedIn(only.folder) + static_cast<std::uint64_t>(length) > only.bytes;
}

/// A write to one of the folder's files that is to fail.
bool isBroken(int descriptor) {
    Disk& only = disk();
    const std::lock_guard lock(only.mutex);
    if (only.folder.empty() || !only.writesLeft)
        return false;
    std::error_code error;
    const auto file = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
    return !error && file.parent_path() == only.folder && (*only.writesLeft)-- <= 0;
}

struct Sickness {
    std::atomic<bool> exists{false};  // so that all others lose no time
    std::mutex mutex;
    std::string folder;
    SickDisk::Course course;
    std::optional<std::chrono::steady_clock::time_point> since;
};

Sickness& sickness() {
    static Sickness only;
    return only;
}

/// Which error a change is to give; 0: none.
int ail(const std::string& path) {
    Sickness& only = sickness();
    std::chrono::nanoseconds pause{0};
    {
        const std::lock_guard lock(only.mutex);
        const bool inside = path == only.folder || path.starts_with(only.folder + "/");
        const bool meant = inside && path.find(only.course.only) != std::string::npos;
        if (!only.exists || !meant || only.course.well-- > 0)
            return 0;
        const auto now = std::chrono::steady_clock::now();
        const bool first = !only.since;
        only.since = only.since.value_or(now);
        if (!first && now - *only.since >= only.course.lasting)
            return 0;
        if (only.course.error != 0)
            return only.course.error;
        pause = *only.since + only.course.lasting - now;
    }
    std::this_thread::sleep_for(pause);
    return 0;
}

std::string pathOf(int descriptor) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error).string();
}

/// Sets errno where the change of that file is to fail.
bool isSick(int descriptor) {
    if (!sickness().exists)
        return false;
    const int error = ail(pathOf(descriptor));
    errno = error == 0 ? errno : error;
    return error != 0;
}

bool isSick(int folder, const char* name) {
    if (!sickness().exists)
        return false;
    const bool absolute = name[0] == '/' || folder == AT_FDCWD;
    const int error = ail(absolute ? name : pathOf(folder) + "/" + name);
    errno = error == 0 ? errno : error;
    return error != 0;
}

/// Of a write that fails: whole sectors, which no disk writes in part.
std::size_t writtenOf(std::size_t size) {
    constexpr std::size_t kSectorBytes = 512;
    const std::lock_guard lock(sickness().mutex);
    return sickness().course.partly ? size / 2 / kSectorBytes * kSectorBytes : 0;
}

bool changes(int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
}

/// The C library's own, or that of whoever stands between.
template <typename Function>
Function* theNext(const char* name, Function*) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

SickDisk::SickDisk(const std::string& folder, const Course& course) {
    const std::lock_guard lock(sickness().mutex);
    sickness().folder = folder;
    sickness().course = course;
    sickness().since.reset();
    sickness().exists = true;
}

SickDisk::~SickDisk() {
    sickness().exists = false;
}

bool SickDisk::struck() {
    const std::lock_guard lock(sickness().mutex);
    return sickness().since.has_value();
}

SmallDisk::SmallDisk(const std::string& folder, std::uint64_t bytes) {
    const std::lock_guard lock(disk().mutex);
    disk().folder = folder;
    disk().bytes = bytes;
}

SmallDisk::~SmallDisk() {
    const std::lock_guard lock(disk().mutex);
    disk().folder.clear();
    disk().writesLeft.reset();
}

void SmallDisk::failAfter(int writes) {
    const std::lock_guard lock(disk().mutex);
    disk().writesLeft = writes;
}

std::uint64_t SmallDisk::used() {
    const std::lock_guard lock(disk().mutex);
    return usedIn(disk().folder);
}

}  // namespace smartcodec::test

// In front of the C library's.

using namespace smartcodec::test;

extern "C" ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
    static const auto next = theNext("pwrite", &pwrite);
    if (isBroken(descriptor)) {
        errno = EIO;
        return -1;
    }
    if (isSick(descriptor)) {
        const int error = errno;
        (void)next(descriptor, data, writtenOf(size), offset);
        errno = error;
        return -1;
    }
    return next(descriptor, data, size, offset);
}

extern "C" ssize_t write(int descriptor, const void* data, size_t size) {
    static const auto next = theNext("write", &write);
    if (isSick(descriptor)) {
        const int error = errno;
        (void)next(descriptor, data, writtenOf(size));
        errno = error;
        return -1;
    }
    return next(descriptor, data, size);
}

extern "C" int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    static const auto next = theNext("fallocate", &fallocate);
    if (isFull(length)) {
        errno = ENOSPC;
        return -1;
    }
    return isSick(descriptor) ? -1 : next(descriptor, mode, offset, length);
}

extern "C" int ftruncate(int descriptor, off_t length) noexcept {
    static const auto next = theNext("ftruncate", &ftruncate);
    return isSick(descriptor) ? -1 : next(descriptor, length);
}

extern "C" int fdatasync(int descriptor) {
    static const auto next = theNext("fdatasync", &fdatasync);
    return isSick(descriptor) ? -1 : next(descriptor);
}

extern "C" int open(const char* path, int flags, ...) {
    static const auto next = theNext("open", &open);
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : mode_t{};
    va_end(arguments);
    return changes(flags) && isSick(AT_FDCWD, path) ? -1 : next(path, flags, mode);
}

extern "C" int openat(int folder, const char* path, int flags, ...) {
    static const auto next = theNext("openat", &openat);
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : mode_t{};
    va_end(arguments);
    return changes(flags) && isSick(folder, path) ? -1 : next(folder, path, flags, mode);
}

extern "C" int remove(const char* path) noexcept {
    static const auto next = theNext("remove", &remove);
    return isSick(AT_FDCWD, path) ? -1 : next(path);
}

extern "C" int unlinkat(int folder, const char* path, int flags) noexcept {
    static const auto next = theNext("unlinkat", &unlinkat);
    return isSick(folder, path) ? -1 : next(folder, path, flags);
}

extern "C" int renameat(int fromFolder, const char* from, int toFolder, const char* to) noexcept {
    static const auto next = theNext("renameat", &renameat);
    return isSick(fromFolder, from) ? -1 : next(fromFolder, from, toFolder, to);
}
