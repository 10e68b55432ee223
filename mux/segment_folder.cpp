#include "mux/segment_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace smartcodec {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

std::error_code lastError() {
    return {errno, std::generic_category()};
}

std::vector<std::string> steps(const std::string& name) {
    std::vector<std::string> parts(1);
    for (const char c : name) {
        if (c == '/')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

}  // namespace

SegmentFolder::SegmentFolder(std::string path) : path_(std::move(path)), disk_(path_), folder_(open(path_)) {}

UniqueFd SegmentFolder::open(const std::string& path) {
    UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder && errno == ENOENT)
        throw std::runtime_error("cannot record into '" + path + "': there is no such folder; create it first");
    if (!folder)
        throw std::system_error(lastError(), "cannot record into '" + path + "'; give a folder that you may read");
    if (::faccessat(folder.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        throw std::system_error(lastError(),
                                "cannot record into '" + path + "'; choose a folder that you may write to");
    // Not every file system has locks.
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw std::runtime_error("'" + path + "' is where another recording's segments go; give each one its own");
    return folder;
}

bool SegmentFolder::reopen() {
    disk_.check();
    struct stat before {
    }, now{};
    if (::fstat(folder_.get(), &before) == 0 && ::stat(path_.c_str(), &now) == 0 && before.st_dev == now.st_dev &&
        before.st_ino == now.st_ino)
        return false;
    const UniqueFd folder = open(path_);
    if (::dup3(folder.get(), folder_.get(), O_CLOEXEC) < 0)
        throw std::system_error(lastError(), "cannot record into '" + path_ + "'");
    return true;
}

std::string SegmentFolder::pathOf(const std::string& name) const {
    return path_ == "." ? name : path_ == "/" ? "/" + name : path_ + "/" + name;
}

bool SegmentFolder::isInside(const std::string& name) {
    const std::vector<std::string> parts = steps(name);
    return std::ranges::none_of(parts, [](const std::string& part) {
        return part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos;
    });
}

SegmentFolder::Place SegmentFolder::placeOf(const std::string& name) const {
    Place place;
    if (!isInside(name))
        return place;
    const std::vector<std::string> parts = steps(name);
    place.folder = UniqueFd(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
    for (std::size_t i = 0; i + 1 < parts.size() && place.folder; ++i)
        place.folder = UniqueFd(::openat(place.folder.get(), parts[i].c_str(), kFolderFlags));
    place.last = parts.back();
    return place;
}

std::vector<std::string> SegmentFolder::makeFoldersFor(const std::string& name) {
    if (!isInside(name))
        throw std::runtime_error("'" + name + "' is no name inside '" + path_ + "'");
    std::vector<std::string> made;
    UniqueFd folder(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
    std::string soFar;
    const std::vector<std::string> parts = steps(name);
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        soFar += (i == 0 ? "" : "/") + parts[i];
        if (::mkdirat(folder.get(), parts[i].c_str(), 0777) == 0)
            made.push_back(soFar);
        else if (errno != EEXIST)
            throw std::system_error(lastError(), "cannot create the folder '" + pathOf(soFar) + "'");
        folder = UniqueFd(::openat(folder.get(), parts[i].c_str(), kFolderFlags));
        if (!folder)
            throw std::system_error(lastError(), "cannot record into '" + pathOf(soFar) +
                                                     "': segments go into folders only, and not through links");
    }
    return made;
}

bool SegmentFolder::isTaken(const std::string& name) const {
    const Place place = placeOf(name);
    struct stat status {};
    return place.folder &&
           (::fstatat(place.folder.get(), place.last.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT);
}

std::optional<std::uint64_t> SegmentFolder::sizeOf(const std::string& name) const {
    const Place place = placeOf(name);
    struct stat status {};
    if (!place.folder || ::fstatat(place.folder.get(), place.last.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return std::nullopt;
    return static_cast<std::uint64_t>(status.st_size);
}

std::error_code SegmentFolder::removeFile(const std::string& name) {
    if (!isInside(name))
        return std::make_error_code(std::errc::invalid_argument);
    const Place place = placeOf(name);
    struct stat status {};
    if (!place.folder || ::fstatat(place.folder.get(), place.last.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return lastError();
    if (!S_ISREG(status.st_mode))
        return std::make_error_code(std::errc::invalid_argument);
    return ::unlinkat(place.folder.get(), place.last.c_str(), 0) == 0 ? std::error_code() : lastError();
}

void SegmentFolder::removeFolder(const std::string& name) {
    if (const Place place = placeOf(name); place.folder)
        (void)::unlinkat(place.folder.get(), place.last.c_str(), AT_REMOVEDIR);  // refused unless it is empty
}

std::optional<std::uint64_t> SegmentFolder::freeBytes() const {
    struct statvfs disk {};
    if (::fstatvfs(folder_.get(), &disk) != 0)
        return std::nullopt;
    return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

UniqueFd SegmentFolder::openHere(const char* name, int flags) const {
    return UniqueFd(::openat(folder_.get(), name, flags | O_CLOEXEC | O_NOFOLLOW, 0666));
}

std::error_code SegmentFolder::replace(const char* from, const char* to) {
    return ::renameat(folder_.get(), from, folder_.get(), to) == 0 ? std::error_code() : lastError();
}

std::error_code SegmentFolder::sync() {
    return ::fsync(folder_.get()) == 0 || errno == EINVAL ? std::error_code() : lastError();
}

}  // namespace smartcodec
