#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec::test {

/// "/dev/video4", of the node whose name in sysfs is this ("stateful-encoder"). Throws std::runtime_error if there is
/// none.
[[nodiscard]] std::string videoNode(const std::string& name);

/// Loads the virtual encoder anew, and returns its node. Nothing may have it open. Throws std::runtime_error.
[[nodiscard]] std::string loadVicodec(bool multiplanar);

/// What the kernel complains about as long as this lives: errors and worse, and whatever comes with a call trace.
class KernelLog {
  public:
    KernelLog();
    [[nodiscard]] std::vector<std::string> complaints();

  private:
    UniqueFd log_;
};

}  // namespace smartcodec::test
