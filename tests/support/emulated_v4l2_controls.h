#pragma once

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "tests/support/v4l2_personality.h"

namespace smartcodec::emulated {

/// What S_CTRL and S_EXT_CTRLS did.
struct ControlChange {
    const V4l2PersonalityControl* control = nullptr;
    std::int64_t value = 0;
    std::vector<std::byte> payload{};  ///< of arrays and compounds
};

/// The controls of one opened device as the kernel's control framework (drivers/media/v4l2-core/v4l2-ctrls-*.c) answers
/// for them: what is found, what is clamped, what is refused. Ioctls give 0 or the errno. Not thread-safe: its device
/// locks.
class Controls {
  public:
    explicit Controls(const V4l2Personality& personality);

    int query(v4l2_query_ext_ctrl& query) const;
    int query(v4l2_queryctrl& query) const;
    int menu(v4l2_querymenu& query) const;
    int get(v4l2_control& control) const;
    int set(v4l2_control& control, bool streaming, std::vector<ControlChange>& changes);
    int get(v4l2_ext_controls& controls) const;
    /// `changes` null: TRY.
    int set(v4l2_ext_controls& controls, bool streaming, std::vector<ControlChange>* changes);

    [[nodiscard]] bool has(std::uint32_t id) const { return entries_.contains(id); }
    /// Empty: there is no such control.
    [[nodiscard]] std::optional<std::int64_t> value(std::uint32_t id) const;
    /// What the driver itself changes: read-only and volatile controls.
    void tell(std::uint32_t id, std::int64_t value);

  private:
    struct Entry {
        V4l2PersonalityControl control;
        std::int64_t value = 0;
        std::vector<std::byte> payload;
    };
    [[nodiscard]] const Entry* next(std::uint32_t id, std::uint32_t flags) const;
    [[nodiscard]] const Entry* find(std::uint32_t id) const;
    static int validate(const V4l2PersonalityControl& control, std::int64_t& value);
    static void clampElements(const V4l2PersonalityControl& control, std::span<std::byte> payload);
    /// What prepare_ext_ctrls refuses.
    [[nodiscard]] int prepare(v4l2_ext_controls& controls, bool get) const;
    int apply(Entry& entry, std::int64_t value, std::span<const std::byte> payload, bool streaming,
              std::vector<ControlChange>& changes) const;

    std::map<std::uint32_t, Entry> entries_;
};

}  // namespace smartcodec::emulated
