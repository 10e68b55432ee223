#pragma once

#include <string>

namespace smartcodec {

/// That a folder is on a disk of its own, a stick or a card say. When that has gone its place may still be there, empty
/// and on the system's own disk, which nobody wants to be filled. Any thread.
class HomeDisk {
  public:
    explicit HomeDisk(std::string folder);

    /// Throws std::runtime_error if the folder was on a disk of its own and is not any more.
    void check() const;

  private:
    std::string folder_;
    bool own_;
};

}  // namespace smartcodec
