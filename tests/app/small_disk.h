#pragma once

#include <cerrno>
#include <chrono>
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

/// While it lives, the disk of a folder is to fall sick. Everything that changes it counts: files created, written,
/// given room, cut, synced, renamed and removed. One at a time.
class SickDisk {
  public:
    struct Course {
        int well = 0;                         ///< so many changes succeed
        std::chrono::nanoseconds lasting{0};  ///< from the first that does not on; 0: that one only
        int error = EIO;                      ///< what the others answer; 0: they take that long and succeed
        bool partly = false;                  ///< a write has put down half of it before it fails
        std::string only = {};                ///< changes of files whose path has this in it; all others go well
    };

    SickDisk(const std::string& folder, const Course& course);
    ~SickDisk();
    SickDisk(const SickDisk&) = delete;
    SickDisk& operator=(const SickDisk&) = delete;

    /// Whether something has failed so far.
    [[nodiscard]] static bool struck();
};

}  // namespace smartcodec::test
