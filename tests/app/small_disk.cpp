#include "tests/app/small_disk.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>

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

}  // namespace

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

extern "C" ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
    if (smartcodec::test::isBroken(descriptor)) {
        errno = EIO;
        return -1;
    }
    using Function = ssize_t (*)(int, const void*, size_t, off_t);
    static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "pwrite"));
    return next(descriptor, data, size, offset);
}

extern "C" int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    if (smartcodec::test::isFull(length)) {
        errno = ENOSPC;
        return -1;
    }
    using Function = int (*)(int, int, off_t, off_t);
    static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "fallocate"));
    return next(descriptor, mode, offset, length);
}
