#pragma once

#include <linux/videodev2.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "encoder/v4l2_device.h"

namespace smartcodec {

/// The controls of one device, each set by itself (some drivers refuse a whole set for one of them), only when it
/// changes, and read back, since drivers round silently. Thread-bound; `device` must outlive it.
class V4l2Controls {
  public:
    explicit V4l2Controls(const V4l2Device& device) : device_(device) {}

    /// VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYCTRL where the driver or plug-in lacks that. Empty: absent or disabled. Asked
    /// once per control.
    [[nodiscard]] const v4l2_query_ext_ctrl* query(std::uint32_t id);
    /// All controls, for listings.
    [[nodiscard]] std::vector<v4l2_query_ext_ctrl> all();

    struct Result {
        int error = 0;  ///< errno of setting it; 0: it was set, or stood there already. ENOENT: no such control
        std::int64_t value = 0;  ///< what the driver now says it is
    };
    /// Clamps to the control's range and step first. A value that stands already costs no system call. A button is
    /// pushed each time.
    Result set(std::uint32_t id, std::int64_t value);
    [[nodiscard]] std::optional<std::int64_t> get(std::uint32_t id);

    /// Forget what stands: after the device was opened again or its formats were set.
    void forgetValues();

  private:
    const V4l2Device& device_;
    std::map<std::uint32_t, std::optional<v4l2_query_ext_ctrl>> known_;
    std::map<std::uint32_t, std::int64_t> values_;
};

}  // namespace smartcodec
