#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "capture/picture.h"
#include "tests/support/forwarding_v4l2.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec::test {

/// A kind of system call, and the queue that it is about.
struct V4l2Call {
    unsigned long request = 0;  ///< of an ioctl; else 0
    const char* name = "";
    bool output = false;

    friend std::strong_ordering operator<=>(const V4l2Call& a, const V4l2Call& b) {
        return std::tuple(a.request, std::string_view(a.name), a.output) <=>
               std::tuple(b.request, std::string_view(b.name), b.output);
    }
    friend bool operator==(const V4l2Call& a, const V4l2Call& b) { return (a <=> b) == std::strong_ordering::equal; }
};

/// What the kernel can answer to a call: from the drivers and frameworks that handle it (v4l2-ioctl.c, videobuf2,
/// v4l2-mem2mem, v4l2-ctrls) and from a device that has gone. That a mapping cannot be undone is not among it. Throws
/// std::invalid_argument for a call that is not known.
[[nodiscard]] const std::vector<int>& errorsOf(const V4l2Call& call);

/// Whether a recording of pictures of `size` may fail to begin for this answer: the calls without which there is no
/// encoder, or not the one asked for. Whatever else fails, set-up goes on without.
[[nodiscard]] bool mayPreventSetUp(const V4l2Call& call, int error, const V4l2Personality& personality, Size size);

/// Counts the calls of each kind and lets one of them fail, without its reaching the device. (Numbers over all kinds
/// would not do: how often a device is polled differs from run to run.) For one thread at a time.
class FaultyV4l2 final : public ForwardingV4l2 {
  public:
    using ForwardingV4l2::ForwardingV4l2;

    /// The call of this kind with this number, counted from 0, fails with `error`; 0: none does.
    void fail(const V4l2Call& call, std::size_t occurrence, int error) {
        fault_ = call;
        occurrence_ = occurrence;
        error_ = error;
    }
    [[nodiscard]] const std::map<V4l2Call, std::size_t>& counts() const { return counts_; }
    [[nodiscard]] bool struck() const { return struck_; }

    int open(const char* path) override;
    int close(int descriptor) override;
    int ioctl(int descriptor, unsigned long request, void* argument) override;
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override;
    std::int64_t length(int dmabuf) override;
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override;

  private:
    [[nodiscard]] bool strikes(const V4l2Call& call);

    std::map<V4l2Call, std::size_t> counts_;
    V4l2Call fault_;
    std::size_t occurrence_ = 0;
    int error_ = 0;
    bool struck_ = false;
};

}  // namespace smartcodec::test
