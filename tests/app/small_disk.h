#pragma once

#include <cstdint>
#include <string>

namespace smartcodec::test {

/// While it lives, this process finds a folder's disk full when its files would take more than some bytes: fallocate,
/// by which recordings reserve their room, answers ENOSPC then. What is removed makes room. One at a time.
class SmallDisk {
  public:
    SmallDisk(const std::string& folder, std::uint64_t bytes);
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    /// That the files take now, reserved room included.
    [[nodiscard]] static std::uint64_t used();
};

}  // namespace smartcodec::test
