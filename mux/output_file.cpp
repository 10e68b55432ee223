#include "mux/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include "capture/unique_fd.h"

namespace smartcodec {
namespace {

/// Space is reserved in steps of this, so that the disk is asked every few seconds and not for every packet.
constexpr std::uint64_t kReserveStepBytes = 4 << 20;

std::error_code lastError() {
    return {errno, std::generic_category()};
}

std::optional<struct stat> statusOf(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return std::nullopt;
    return status;
}

class DiskFile final : public OutputFile {
  public:
    DiskFile(std::string path, UniqueFd fd, bool regular, std::function<bool()> makeRoom)
        : path_(std::move(path)), fd_(std::move(fd)), regular_(regular), makeRoom_(std::move(makeRoom)) {}

    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] std::uint64_t sizeBytes() const override { return sizeBytes_; }

    [[nodiscard]] std::error_code reserve(std::uint64_t endBytes) override {
        if (endBytes <= reservedBytes_ || !regular_)
            return {};
        if (!reserveUpTo(endBytes + kReserveStepBytes))
            return {};
        for (;;) {  // the last of the disk comes in small pieces
            const std::error_code error = reserveUpTo(endBytes);
            if (!isDiskFull(error) || !makeRoom_ || !makeRoom_())
                return error;
        }
    }

    [[nodiscard]] std::error_code writeAt(std::uint64_t offsetBytes, std::span<const std::byte> data) override {
        std::uint64_t offset = offsetBytes;
        const std::uint64_t endBytes = offsetBytes + data.size();
        // Also where it fails on the way: what came to lie behind `sizeBytes_` is cut off when the file is closed.
        touchedBytes_ = std::max(touchedBytes_, endBytes);
        while (!data.empty()) {
            // A device such as /dev/full has no positions; there they do not matter either.
            const ssize_t written = regular_ ? ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset))
                                             : ::write(fd_.get(), data.data(), data.size());
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return lastError();
            offset += static_cast<std::uint64_t>(written);
            data = data.subspan(static_cast<std::size_t>(written));
        }
        sizeBytes_ = std::max(sizeBytes_, endBytes);
        return {};
    }

    [[nodiscard]] std::error_code sync() override {
        if (regular_ && ::fdatasync(fd_.get()) != 0)
            return lastError();
        return {};
    }

    [[nodiscard]] UniqueFd duplicate() const override {
        return regular_ ? UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)) : UniqueFd();
    }

    [[nodiscard]] std::error_code close() override {
        std::error_code error;
        if (regular_ && std::max(reservedBytes_, touchedBytes_) > sizeBytes_ &&
            ::ftruncate(fd_.get(), static_cast<off_t>(sizeBytes_)) != 0)
            error = lastError();
        // Network file systems report here what they could not store.
        if (::close(fd_.release()) != 0 && !error)
            error = lastError();
        return error;
    }

  private:
    std::error_code reserveUpTo(std::uint64_t endBytes) {
        // fallocate without a change of size does not ask for the process's own limit on every file system.
        rlimit limit{};
        if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && endBytes > limit.rlim_cur)
            return {EFBIG, std::generic_category()};
        int result = 0;
        do {
            result = ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(reservedBytes_),
                                 static_cast<off_t>(endBytes - reservedBytes_));
        } while (result != 0 && errno == EINTR);
        if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
            if (const std::error_code error = fillUpTo(endBytes))
                return error;
        } else if (result != 0) {
            return lastError();
        }
        reservedBytes_ = endBytes;
        return {};
    }

    /// For file systems without fallocate (some network ones, old FAT drivers): zeros take the room that the recording
    /// will need. `close` cuts off what is left of them.
    std::error_code fillUpTo(std::uint64_t endBytes) {
        static constexpr std::array<std::byte, 64 << 10> kZeros{};
        for (std::uint64_t at = std::max(reservedBytes_, sizeBytes_); at < endBytes;) {
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kZeros.size(), endBytes - at));
            const ssize_t written = ::pwrite(fd_.get(), kZeros.data(), wanted, static_cast<off_t>(at));
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return lastError();
            at += static_cast<std::uint64_t>(written);
        }
        return {};
    }

    std::string path_;
    UniqueFd fd_;
    bool regular_;
    std::function<bool()> makeRoom_;
    std::uint64_t sizeBytes_ = 0;
    std::uint64_t touchedBytes_ = 0;
    std::uint64_t reservedBytes_ = 0;
};

}  // namespace

bool isDiskFull(const std::error_code& error) {
    return error == std::errc::no_space_on_device || error == std::error_code(EDQUOT, std::generic_category());
}

void checkOutputPath(const std::string& path, bool overwrite) {
    if (path.empty())
        throw std::runtime_error("no output file is named; give one with --output");
    if (const auto status = statusOf(path)) {
        if (S_ISDIR(status->st_mode))
            throw std::runtime_error("cannot record to '" + path + "': it is a folder; give a file name inside it");
        if (S_ISFIFO(status->st_mode) || S_ISSOCK(status->st_mode))
            throw std::runtime_error("cannot record to '" + path +
                                     "': it is a pipe; give a file, which can be sought in");
        if (!overwrite)
            throw std::runtime_error("'" + path + "' exists; give --overwrite to replace it");
        if (::access(path.c_str(), W_OK) != 0)
            throw std::system_error(lastError(),
                                    "cannot overwrite '" + path + "'; choose another file or change its permissions");
        return;
    }
    std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (folder.empty())
        folder = ".";
    const auto status = statusOf(folder.string());
    if (!status)
        throw std::system_error(lastError(),
                                "cannot create '" + path + "': no folder '" + folder.string() + "'; create it first");
    if (!S_ISDIR(status->st_mode))
        throw std::runtime_error("cannot create '" + path + "': '" + folder.string() + "' is not a folder");
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw std::system_error(lastError(), "cannot create '" + path + "': choose a folder that you may write to");
}

std::unique_ptr<OutputFile> createOutputFile(const std::string& path, bool overwrite, std::function<bool()> makeRoom) {
    checkOutputPath(path, overwrite);
    // O_EXCL: a file that appeared since the check is nobody's to replace either.
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL);
    UniqueFd fd(::open(path.c_str(), flags, 0666));
    if (fd.get() < 0)
        throw std::system_error(lastError(), "cannot create '" + path + "'; choose another file or folder");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        throw std::system_error(lastError(), "cannot create '" + path + "'");
    // For those who would replace it meanwhile; not every file system has locks, nor must it.
    (void)::flock(fd.get(), LOCK_EX | LOCK_NB);
    return std::make_unique<DiskFile>(path, std::move(fd), S_ISREG(status.st_mode), std::move(makeRoom));
}

}  // namespace smartcodec
