#pragma once

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "encoder/codec.h"
#include "encoder/v4l2_device.h"

namespace smartcodec {

/// The controls of one device, each set by itself (some drivers refuse a whole set for one of them), only when it
/// changes, and read back, since drivers round silently. For one opening of the device, with its formats set: what
/// stands and the ranges are remembered. Thread-bound; `device` must outlive it.
class V4l2Controls {
  public:
    explicit V4l2Controls(const V4l2Device& device) : device_(device) {}

    /// VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYCTRL where the driver or plug-in lacks that. Null: absent or disabled. Asked
    /// once per control.
    [[nodiscard]] const v4l2_query_ext_ctrl* query(std::uint32_t id);
    /// All controls but the titles of their classes, for listings. Asked anew each time.
    [[nodiscard]] std::vector<v4l2_query_ext_ctrl> all();

    struct Result {
        int error = 0;  ///< errno of setting it; 0: it was set, or stood there already. ENOENT: no such control
        std::int64_t value = 0;  ///< what the driver now says it is; 0 where it does not say
    };
    /// For controls of one value (EINVAL for arrays, structures and strings). Brings the value into the control's range
    /// and to its nearest step first. A value that stands already costs no system call and no memory. A button is
    /// pushed each time. After an error it is not taken for granted what stands.
    [[nodiscard]] Result set(std::uint32_t id, std::int64_t value);
    /// What the driver says now; empty: there is no such control, it has no one value, or it could not be read.
    [[nodiscard]] std::optional<std::int64_t> get(std::uint32_t id);

    // Arrays and structures, as they are: nothing is limited or remembered. 0, or the errno.

    /// Reads it back too, where it can be read: see payloadsKept.
    [[nodiscard]] int setPayload(std::uint32_t id, std::span<const std::byte> payload);
    /// Fills all of `payload`, whose size must be the control's.
    [[nodiscard]] int getPayload(std::uint32_t id, std::span<std::byte> payload) const;
    /// False: the driver made something else of one that it took.
    [[nodiscard]] bool payloadsKept() const { return payloadsKept_; }

  private:
    struct Standing {
        std::int64_t asked;
        std::int64_t granted;
    };

    const V4l2Device& device_;
    std::map<std::uint32_t, std::optional<v4l2_query_ext_ctrl>> known_;
    std::map<std::uint32_t, Standing> values_;
    std::vector<std::byte> readBack_;
    bool payloadsKept_ = true;
};

}  // namespace smartcodec
