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

    /// So many writes still succeed, all others fail with EIO; the index's are not among them.
    static void failAfter(int writes);

    /// That the files take now, reserved room included.
    [[nodiscard]] static std::uint64_t used();
};

}  // namespace smartcodec::test
