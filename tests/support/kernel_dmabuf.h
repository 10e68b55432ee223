#pragma once

#include <cstddef>

#include "capture/unique_fd.h"

namespace smartcodec::test {

/// A new dmabuf of the kernel's, at least this large, readable and writable by processes and devices: from
/// /dev/dma_heap/system, /dev/udmabuf or the module vgem, whichever is here. Empty: none of them is.
[[nodiscard]] UniqueFd makeKernelDmabuf(std::size_t bytes);

}  // namespace smartcodec::test
