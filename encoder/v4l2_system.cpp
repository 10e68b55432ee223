#include "encoder/v4l2_system.h"

#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace smartcodec {

namespace {

constexpr std::string_view kNodeName = "video";
constexpr std::string_view kPluginNodeName = "video-enc";  // of what libv4l-rkmpp makes an encoder

/// The number of "video11"; -1 for anything else.
int nodeNumber(std::string_view fileName) {
    if (!fileName.starts_with(kNodeName))
        return -1;
    const std::string_view digits = fileName.substr(kNodeName.size());
    int number = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size() ? number : -1;
}

/// A node that no plug-in makes a device of: a video device that has gone, or memory (/dev/null).
bool isBarren(int descriptor) {
    constexpr unsigned kVideoMajor = 81;
    constexpr unsigned kMemoryMajor = 1;
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISCHR(status.st_mode))
        return false;
    const unsigned number = major(status.st_rdev);
    return number == kVideoMajor || number == kMemoryMajor;
}

}  // namespace

std::vector<std::string> videoNodes(const std::string& folder) {
    std::vector<int> numbers;
    std::vector<std::string> ofPlugins;
    std::error_code ignored;  // nothing to look into: no nodes
    for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
        const std::string fileName = entry->path().filename().string();
        if (const int number = nodeNumber(fileName); number >= 0)
            numbers.push_back(number);
        else if (fileName.starts_with(kPluginNodeName))
            ofPlugins.push_back(entry->path().string());
    }
    std::ranges::sort(numbers);
    std::ranges::sort(ofPlugins);
    std::vector<std::string> paths;
    for (const int number : numbers)
        paths.push_back(folder + "/" + std::string(kNodeName) + std::to_string(number));
    paths.insert(paths.end(), ofPlugins.begin(), ofPlugins.end());
    return paths;
}

namespace {

class RealSystem final : public V4l2System {
  public:
    [[nodiscard]] std::vector<std::string> nodes() override { return videoNodes("/dev"); }

    int open(const char* path) override {
        const int descriptor = ::open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (descriptor < 0)
            return descriptor;
        // Plug-ins make devices of what is none to the kernel, so that is offered to them. They and libv4l2 complain on
        // standard error about what they can do nothing with: that is kept from them.
        v4l2_capability capability{};
        if (::ioctl(descriptor, VIDIOC_QUERYCAP, &capability) != 0 && errno != EINTR && isBarren(descriptor))
            return descriptor;
        // Plug-ins are wanted, emulated formats and controls are not. What libv4l2 will not look after it hands on to
        // the kernel unchanged, so its refusal changes nothing.
        static_cast<void>(v4l2_fd_open(descriptor, V4L2_DISABLE_CONVERSION));
        return descriptor;
    }

    int close(int descriptor) override { return v4l2_close(descriptor); }

    int ioctl(int descriptor, unsigned long request, void* argument) override {
        return v4l2_ioctl(descriptor, request, argument);
    }

    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override {
        return v4l2_mmap(nullptr, lengthBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, offset);
    }

    int unmap(void* address, std::size_t lengthBytes) override { return v4l2_munmap(address, lengthBytes); }

    std::int64_t length(int dmabuf) override { return ::lseek(dmabuf, 0, SEEK_END); }

    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        return ::poll(descriptors.data(), descriptors.size(), timeoutMilliseconds);
    }
};

}  // namespace

V4l2System& v4l2System() {
    static RealSystem system;
    return system;
}

}  // namespace smartcodec
