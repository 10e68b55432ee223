#include "tests/support/kernel_dmabuf.h"

#include <drm.h>
#include <drm_mode.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace smartcodec::test {

namespace {

constexpr std::size_t kGranule = 65536;  // a multiple of every page size

UniqueFd fromHeap(std::size_t bytes) {
    const UniqueFd heap(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC));
    dma_heap_allocation_data allocation{};
    allocation.len = bytes;
    allocation.fd_flags = O_RDWR | O_CLOEXEC;
    if (!heap || ioctl(heap.get(), DMA_HEAP_IOCTL_ALLOC, &allocation) != 0)
        return {};
    return UniqueFd(static_cast<int>(allocation.fd));
}

UniqueFd fromMemory(std::size_t bytes) {
    const UniqueFd maker(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    const UniqueFd memory(memfd_create("a picture", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!maker || !memory || ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0 ||
        fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        return {};
    udmabuf_create create{};
    create.memfd = static_cast<std::uint32_t>(memory.get());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = bytes;
    return UniqueFd(ioctl(maker.get(), UDMABUF_CREATE, &create));
}

bool isVgem(const UniqueFd& card) {
    std::array<char, 16> name{};
    drm_version version{};
    version.name = name.data();
    version.name_len = name.size() - 1;
    return ioctl(card.get(), DRM_IOCTL_VERSION, &version) == 0 && std::string_view(name.data()) == "vgem";
}

UniqueFd fromVgem(std::size_t bytes) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/dri", none)) {
        if (!entry.path().filename().string().starts_with("card"))
            continue;
        const UniqueFd card(open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
        if (!card || !isVgem(card))
            continue;
        drm_mode_create_dumb picture{};  // of one row
        picture.width = static_cast<std::uint32_t>(bytes / 4);
        picture.height = 1;
        picture.bpp = 32;
        if (ioctl(card.get(), DRM_IOCTL_MODE_CREATE_DUMB, &picture) != 0)
            return {};
        drm_prime_handle handle{};
        handle.handle = picture.handle;
        handle.flags = DRM_CLOEXEC | DRM_RDWR;
        if (ioctl(card.get(), DRM_IOCTL_PRIME_HANDLE_TO_FD, &handle) != 0)
            return {};
        return UniqueFd(handle.fd);  // outlives its handle, which goes with the card
    }
    return {};
}

}  // namespace

UniqueFd makeKernelDmabuf(std::size_t bytes) {
    bytes = (bytes + kGranule - 1) / kGranule * kGranule;
    for (auto* const make : {fromHeap, fromMemory, fromVgem})
        if (UniqueFd dmabuf = make(bytes))
            return dmabuf;
    return {};
}

}  // namespace smartcodec::test
