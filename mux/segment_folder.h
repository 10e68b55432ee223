#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "capture/unique_fd.h"
#include "mux/home_disk.h"

namespace smartcodec {

/// The folder of a recording's segments, for one recorder alone. Names are relative to it; what they lead to is reached
/// step by step from the folder itself, and never through a link or out of it: whatever a name says, nothing else is
/// touched. Any thread.
class SegmentFolder {
  public:
    /// Throws std::system_error or std::runtime_error that names the folder and the remedy: none there, no folder,
    /// unwritable, in use by another recorder.
    explicit SegmentFolder(std::string path);

    /// Where a disk may have gone and come back: follows the path again. True: there is another folder now, be it the
    /// same disk's. Throws as the constructor does, and changes nothing then.
    [[nodiscard]] bool reopen();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// For those who open files by their path.
    [[nodiscard]] std::string pathOf(const std::string& name) const;

    /// Whether the name is one of something in here: not empty, not absolute, without "." and "..".
    [[nodiscard]] static bool isInside(const std::string& name);

    /// Makes the folders that are missing on the way to `name`, and returns their names, the outermost first. Throws
    /// std::system_error; a link on the way is an error too.
    [[nodiscard]] std::vector<std::string> makeFoldersFor(const std::string& name);

    /// Whether there is anything of that name, be it a link; not where there is no way to it.
    [[nodiscard]] bool isTaken(const std::string& name) const;

    /// In bytes; empty if it is no file.
    [[nodiscard]] std::optional<std::uint64_t> sizeOf(const std::string& name) const;

    /// Removes a file, and nothing that is not one.
    [[nodiscard]] std::error_code removeFile(const std::string& name);
    /// Removes a folder if it is empty.
    void removeFolder(const std::string& name);

    /// What others than the administrator may still use of the disk; empty if nobody knows.
    [[nodiscard]] std::optional<std::uint64_t> freeBytes() const;

    /// A file in the folder itself, with open(2)'s flags, never through a link. Empty with errno set if it cannot be.
    [[nodiscard]] UniqueFd openHere(const char* name, int flags) const;
    /// Gives `from` in the folder itself the name `to`, replacing it.
    [[nodiscard]] std::error_code replace(const char* from, const char* to);
    /// Waits until the disk knows the names in the folder itself.
    [[nodiscard]] std::error_code sync();

  private:
    struct Place {
        UniqueFd folder;  ///< empty: there is no way there
        std::string last;
    };
    [[nodiscard]] Place placeOf(const std::string& name) const;

    static UniqueFd open(const std::string& path);

    std::string path_;
    HomeDisk disk_;
    const UniqueFd folder_;  // its number stays whatever folder it leads to, since others may be using it
};

}  // namespace smartcodec
