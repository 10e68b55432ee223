#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace smartcodec::bench {

/// A new folder for recordings that nobody keeps; it goes with all that is in it.
class ScratchFolder {
  public:
    ScratchFolder() : path_((std::filesystem::temp_directory_path() / "smartcodec-bench-XXXXXX").string()) {
        if (!mkdtemp(path_.data()))
            throw std::system_error(errno, std::generic_category(),
                                    "cannot make the folder '" + path_ + "'; set TMPDIR");
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace smartcodec::bench
