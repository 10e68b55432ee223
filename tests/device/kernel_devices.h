#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/unique_fd.h"

namespace smartcodec::test {

/// "/dev/video4", of the node whose name in sysfs is this ("stateful-encoder"). Throws std::runtime_error if there is
/// none.
[[nodiscard]] std::string videoNode(const std::string& name);

/// The virtual encoder, which stays as it is while this lives: another process of the tests waits until then before it
/// loads it otherwise. The constructor throws std::runtime_error and std::system_error.
class Vicodec {
  public:
    enum class Use {
        Shared,  ///< others may use it too
        Alone,   ///< no other process has any of these
    };
    /// Loads it anew where it is of the other kind. Empty: any will do.
    explicit Vicodec(std::optional<bool> multiplanar, Use use = Use::Shared);

    [[nodiscard]] const std::string& node() const { return node_; }

  private:
    UniqueFd lock_;
    std::string node_;
};

/// Waits until the device manager has done what new devices take. Throws std::runtime_error.
void settleDevices();

/// What the kernel complains about as long as this lives: errors and worse, and whatever comes with a call trace.
class KernelLog {
  public:
    KernelLog();
    [[nodiscard]] std::vector<std::string> complaints();

  private:
    UniqueFd log_;
};

}  // namespace smartcodec::test
