#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "encoder/v4l2_system.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec {

/// V4L2 encoders without hardware: one node "/dev/video<N>" per personality, as strict as the kernel (order of calls,
/// double queueing, formats while streaming, lengths, planes; refused with the kernel's errno), which turn pictures
/// into real H.264 and HEVC with libavcodec, or, without a codec, into small well-formed NAL units that no decoder is
/// needed to understand. Each opened device codes on a thread of its own, so that poll, wake-ups and stalls are real.
/// Calls may come from any thread.
class EmulatedV4l2 final : public V4l2System {
  public:
    enum class Coding { Real, Fake };

    explicit EmulatedV4l2(std::span<const V4l2Personality> nodes, Coding coding = Coding::Real);
    explicit EmulatedV4l2(const V4l2Personality& node, Coding coding = Coding::Real)
        : EmulatedV4l2(std::span(&node, 1), coding) {}
    ~EmulatedV4l2() override;

    [[nodiscard]] std::vector<std::string> nodes() override;
    int open(const char* path) override;
    int close(int descriptor) override;
    int ioctl(int descriptor, unsigned long request, void* argument) override;
    void* map(int descriptor, std::size_t lengthBytes, std::int64_t offset) override;
    int unmap(void* address, std::size_t lengthBytes) override;
    std::int64_t length(int dmabuf) override;
    int poll(std::span<pollfd> descriptors, int timeoutMilliseconds) override;

    // Faults.

    /// The call with this number, counted from 0 over all kinds, fails once with `error`; nothing else of it happens,
    /// but that a closed descriptor is gone nevertheless, as close(2) has it.
    void failCall(std::size_t number, int error);
    /// What was called so far: "ioctl VIDIOC_QBUF OUTPUT", "open", "close", "map", "unmap", "length", "poll".
    [[nodiscard]] std::vector<std::string> calls() const;
    /// From now on the device takes buffers and gives nothing back, until it is closed.
    void stall();
    /// From now on the device takes pictures, gives their buffers back and makes nothing of them, until it is closed.
    void swallow();
    /// From now on everything but close and unmap fails with `error` (EIO, ENODEV; poll gives POLLERR), until it is
    /// closed; with `forGood` opening it fails too.
    void die(int error, bool forGood = false);

    // What was left, and what was done.

    [[nodiscard]] std::size_t openDescriptors() const;
    [[nodiscard]] std::size_t mappings() const;
    [[nodiscard]] std::size_t opened() const;  ///< how often a device was
    /// The descriptors that were queued as dmabufs on OUTPUT, in order.
    [[nodiscard]] std::vector<int> importedDmabufs() const;
    /// Values that a control was set to, in order, each with the number of OUTPUT buffers queued before it.
    struct ControlSet {
        std::uint32_t id;
        std::int64_t value;
        std::size_t framesBefore;
    };
    [[nodiscard]] std::vector<ControlSet> controlsSet() const;
    /// OUTPUT timestamps in microseconds, in order.
    [[nodiscard]] std::vector<std::int64_t> timestamps() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
