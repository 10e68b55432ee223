#include "tests/support/emulated_camera_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace smartcodec::test {

namespace {

[[noreturn]] void failed(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), "emulated camera: " + what);
}

}  // namespace

MappedMemory::MappedMemory(int fd, std::size_t bytes, int protection) : bytes_(bytes) {
    address_ = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    if (address_ == MAP_FAILED)
        failed("mapping a buffer");
}

MappedMemory::~MappedMemory() {
    if (address_)
        munmap(address_, bytes_);
}

PictureMemory::PictureMemory(const PatternLayout& layout, MainMemory access)
    : fd_(memfd_create("camera picture", MFD_CLOEXEC)), camera_(sized(layout.bytes)) {
    if (access != MainMemory::Mapped) {  // a mapping needs to read
        const std::string path = "/proc/self/fd/" + std::to_string(fd_.get());
        UniqueFd unreadable(open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!unreadable)
            failed("opening a buffer");
        if (access == MainMemory::Forbidden)
            forbidden_.emplace(fd_.get(), layout.bytes, PROT_NONE);
        fd_ = std::move(unreadable);
    } else {
        shown_ = PaddedMapping(fd_.get(), layout.bytes, true);
        if (!shown_)
            failed("mapping a buffer");
    }
    picture_.format = layout.format;
    picture_.size = layout.size;
    picture_.writable = access != MainMemory::Unmapped;
    std::byte* const memory = forbidden_ ? forbidden_->data() : shown_.data();
    const auto planes = static_cast<std::size_t>(std::max(1, planeCount(layout.format)));
    for (std::size_t i = 0; i < planes; ++i) {
        Plane& plane = picture_.planes[i];
        plane.dmabuf = fd_.get();
        plane.offsetBytes = layout.offsets[i];
        plane.strideBytes = i > 0 && planes == 3 ? layout.strideBytes / 2 : layout.strideBytes;
        plane.data = memory ? memory + plane.offsetBytes : nullptr;
    }
}

void PictureMemory::fill(const std::vector<std::byte>& bytes) const {
    std::memcpy(camera_.data(), bytes.data(), bytes.size());
}

MappedMemory PictureMemory::sized(std::size_t bytes) const {
    if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0)
        failed("making a buffer");
    return {fd_.get(), bytes, PROT_READ | PROT_WRITE};
}

}  // namespace smartcodec::test
