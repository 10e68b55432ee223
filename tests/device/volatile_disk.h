#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec::test {

/// A disk in memory with a write cache, as a network block device (nbd). What it was not told to flush goes when its
/// power is cut, but for some of it: disks store in any order. One at a time.
class VolatileDisk {
  public:
    /// Throws std::system_error or std::runtime_error where the kernel has no such device.
    VolatileDisk(std::uint64_t bytes, unsigned seed);
    ~VolatileDisk();
    VolatileDisk(const VolatileDisk&) = delete;
    VolatileDisk& operator=(const VolatileDisk&) = delete;

    /// Of the device.
    [[nodiscard]] const std::string& path() const { return path_; }

    /// What it holds now is what it will hold. It goes on answering, so that whoever uses it can be ended in peace.
    void cutPower();
    /// Once nobody uses it any more. Throws std::system_error.
    void restorePower();

  private:
    static constexpr std::size_t kBlockBytes = 4096;
    using Block = std::array<std::byte, kBlockBytes>;

    void serve();
    [[nodiscard]] bool answer();
    void read(std::uint64_t from, std::vector<std::byte>& data);
    void write(std::uint64_t from, const std::vector<std::byte>& data, bool through);
    void store(std::uint64_t number, const Block& block);
    void flush();

    const std::string path_;
    UniqueFd device_;
    UniqueFd socket_;
    std::mutex mutex_;  // of what follows
    std::vector<std::byte> stored_;
    std::unordered_map<std::uint64_t, Block> cache_;  // by the block's number
    bool powered_ = true;
    std::mt19937 random_;
    std::jthread server_;
    std::jthread kernel_;  // in the call that runs the device
};

}  // namespace smartcodec::test
