#pragma once

#include "encoder/v4l2_system.h"

namespace smartcodec::test {

/// Hands every call on. Tests derive from it what looks at some calls or meddles with them.
class ForwardingV4l2 : public V4l2System {
  public:
    explicit ForwardingV4l2(V4l2System& system) : system_(system) {}

    [[nodiscard]] std::vector<std::string> nodes() override { return system_.nodes(); }
    int open(const char* path) override { return system_.open(path); }
    int close(int descriptor) override { return system_.close(descriptor); }
    int ioctl(int descriptor, unsigned long request, void* argument) override {
        return system_.ioctl(descriptor, request, argument);
    }
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override {
        return system_.map(descriptor, lengthBytes, offset);
    }
    int unmap(void* address, std::size_t lengthBytes) override { return system_.unmap(address, lengthBytes); }
    std::int64_t length(int dmabuf) override { return system_.length(dmabuf); }
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override {
        return system_.poll(descriptors, timeoutMilliseconds);
    }

  private:
    V4l2System& system_;
};

}  // namespace smartcodec::test
