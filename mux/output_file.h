#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "capture/unique_fd.h"

namespace smartcodec {

/// Whether that is what a disk without room says, or one on which this user may have no more.
[[nodiscard]] bool isDiskFull(const std::error_code& error);

/// A regular file that is written from its start, with corrections further back. It knows no format. Thread-bound.
/// The interface is there for tests that need a disk to fill up at a certain byte.
class OutputFile {
  public:
    virtual ~OutputFile() = default;

    [[nodiscard]] virtual const std::string& path() const = 0;

    /// Makes sure that writing up to `endBytes` will not find the disk full. Does not change the file's size.
    [[nodiscard]] virtual std::error_code reserve(std::uint64_t endBytes) = 0;

    /// After an error nothing of what `data` would have added behind the file's end is in the file once it is closed.
    [[nodiscard]] virtual std::error_code writeAt(std::uint64_t offsetBytes, std::span<const std::byte> data) = 0;

    /// Waits until everything written so far is safe from a power cut.
    [[nodiscard]] virtual std::error_code sync() { return {}; }

    /// A descriptor of its own for whoever has the time to sync the file; empty if there is nothing to be synced.
    [[nodiscard]] virtual UniqueFd duplicate() const { return {}; }

    /// End of what was written so far.
    [[nodiscard]] virtual std::uint64_t sizeBytes() const = 0;

    /// Gives back what was reserved and not used, and closes the file. Called once, last.
    [[nodiscard]] virtual std::error_code close() = 0;
};

/// Creates `path`. An existing file is replaced only with `overwrite`. Throws std::system_error or std::runtime_error
/// that names the file and the remedy, before anything is touched.
/// `makeRoom` as in FileConfig.
[[nodiscard]] std::unique_ptr<OutputFile> createOutputFile(const std::string& path, bool overwrite,
                                                           std::function<bool()> makeRoom = {});

/// The same checks without creating anything, for those who have much to set up before.
void checkOutputPath(const std::string& path, bool overwrite);

}  // namespace smartcodec
