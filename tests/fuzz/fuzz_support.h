#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "capture/unique_fd.h"

/// What libFuzzer calls with each input, and the driver with each file of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace smartcodec::test {

inline std::string_view asText(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// What must hold, or the input is a finding.
inline void expect(bool holds, const char* what, const std::string& about = {}) {
    if (holds)
        return;
    std::fprintf(stderr, "it does not hold that %s: %s\n", what, about.c_str());
    std::abort();
}

/// Without an end that is not there: an empty text has no line.
inline std::vector<std::string> linesOf(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// A file in memory, with a path for those who open files by it.
class MemoryFile {
  public:
    MemoryFile(const std::uint8_t* data, std::size_t size) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        if (!file_)
            throw std::system_error(errno, std::generic_category(), "making a file in memory");
        if (::write(file_.get(), data, size) != static_cast<ssize_t>(size))
            throw std::system_error(errno, std::generic_category(), "filling a file in memory");
    }

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

  private:
    UniqueFd file_;
};

}  // namespace smartcodec::test
