#pragma once

#include <linux/videodev2.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "encoder/v4l2_system.h"

namespace smartcodec::test {

/// A device that has controls and nothing else, which answers for them as the kernel's control framework does
/// (drivers/media/v4l2-core/v4l2-ctrls-api.c): ranges, sizes of payloads, dynamic arrays, and the driver hears of a
/// value only when it changes.
class ControlFake final : public V4l2System {
  public:
    struct Description {
        std::uint32_t id;
        std::uint32_t type;
        std::string name;
        std::int64_t minimum = 0;
        std::int64_t maximum = 0;
        std::uint64_t step = 1;
        std::int64_t standard = 0;
        std::uint32_t flags = 0;
        std::uint32_t elementBytes = 4;
        std::uint32_t elements = 1;  ///< of a dynamic array: at most
    };
    void add(const Description& description);
    /// Values of one number, and the bytes of others.
    void setValue(std::uint32_t id, std::int64_t value);
    void setBytes(std::uint32_t id, std::span<const std::byte> bytes);
    [[nodiscard]] std::int64_t value(std::uint32_t id) const;
    [[nodiscard]] const std::vector<std::byte>& bytes(std::uint32_t id) const;

    /// What the driver was told, in order.
    struct Told {
        std::uint32_t id;
        std::int64_t value;
        std::vector<std::byte> bytes;
    };
    std::vector<Told> told;
    std::size_t calls = 0;                     ///< ioctl calls so far
    std::set<unsigned long> unknown;           ///< requests that this driver does not know
    int unknownError = 25;                     ///< ENOTTY
    std::map<std::uint32_t, int> failing;      ///< controls whose setting fails, with the errno
    std::map<std::uint32_t, int> granularity;  ///< controls whose values the driver rounds down by itself

    [[nodiscard]] std::vector<std::string> nodes() override { return {"/dev/video0"}; }
    int open(const char* path) override;
    int close(int descriptor) override;
    int ioctl(int descriptor, unsigned long request, void* argument) override;
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override;
    int unmap(void* address, std::size_t lengthBytes) override;
    std::int64_t length(int dmabuf) override;
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override;

  private:
    struct Control {
        v4l2_query_ext_ctrl query{};
        std::int64_t value = 0;
        std::vector<std::byte> bytes;
    };

    int answer(unsigned long request, void* argument);
    int query(v4l2_query_ext_ctrl& query);
    int queryNarrow(v4l2_queryctrl& query);
    int queryMenu(const v4l2_querymenu& query);
    int get(v4l2_ext_controls& set);
    int set(v4l2_ext_controls& set);
    int setOne(Control& control, v4l2_ext_control& wanted);
    int setPlain(Control& control, std::int64_t wanted);
    [[nodiscard]] Control* find(std::uint32_t id);

    std::map<std::uint32_t, Control> controls_;
};

}  // namespace smartcodec::test
