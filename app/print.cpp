#include "app/print.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace smartcodec {

void print(const std::string& text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "writing on standard output (is its disk full?)");
}

}  // namespace smartcodec
