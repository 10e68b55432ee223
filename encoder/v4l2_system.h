#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace smartcodec {

/// Every system call that the V4L2 client makes: the one place where a test puts an emulated device. All of them answer
/// like the calls themselves, -1 (MAP_FAILED) and errno. One thread at a time.
class V4l2System {
  public:
    virtual ~V4l2System() = default;

    /// Paths of the video nodes here. Nothing is opened.
    [[nodiscard]] virtual std::vector<std::string> nodes() = 0;

    /// For reading and writing, not blocking, closed on exec.
    virtual int open(const char* path) = 0;
    virtual int close(int descriptor) = 0;
    virtual int ioctl(int descriptor, unsigned long request, void* argument) = 0;
    /// Shared, for reading and writing.
    virtual void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) = 0;
    virtual int unmap(void* address, std::size_t lengthBytes) = 0;
    /// How many bytes a dmabuf holds.
    virtual std::int64_t length(int dmabuf) = 0;
    /// Descriptors of devices opened here and any others, as poll(2).
    virtual int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) = 0;
};

/// The paths of a folder's video nodes: those of the kernel ("video11") in the order of their numbers, then those of
/// libv4l2's plug-ins ("video-enc0"), sorted by name. Nothing is opened.
[[nodiscard]] std::vector<std::string> videoNodes(const std::string& folder);

/// The real ones, through libv4l2, so that vendors' plug-ins work. Lives as long as the program.
[[nodiscard]] V4l2System& v4l2System();

}  // namespace smartcodec
