#include "capture/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace smartcodec {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        reset();
        descriptor_ = other.release();
    }
    return *this;
}

UniqueFd UniqueFd::duplicate() const {
    const int copy = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        throw std::system_error(errno, std::generic_category(),
                                "duplicating descriptor " + std::to_string(descriptor_));
    return UniqueFd(copy);
}

void UniqueFd::reset() noexcept {
    // close is not repeated on EINTR: Linux has freed the number by then, and another thread may already own it
    if (const int descriptor = release(); descriptor >= 0)
        close(descriptor);
}

}  // namespace smartcodec
