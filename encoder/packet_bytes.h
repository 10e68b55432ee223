#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "capture/buffer_depot.h"
#include "capture/packet.h"

namespace smartcodec {

/// Memory for packets that are copied together, used again when they die, on whatever thread that is. It grows to the
/// largest number ever out at once, each with at most twice the memory that its packet fills, or a little: many may be
/// held for long, and a key frame's memory is a hundred small packets'. `take` is for one thread; packets may outlive
/// the pool.
class PacketBytes {
    struct Buffer final : BufferDepot<Buffer>::Lent {
        std::vector<std::byte> bytes;

        void fit() {
            constexpr std::size_t kLittle = 4096;
            if (bytes.capacity() > std::max(kLittle, 2 * bytes.size()))
                bytes.shrink_to_fit();
        }
    };
    struct Drop {
        void operator()(Buffer* buffer) const noexcept { buffer->release(); }
    };

  public:
    /// Bytes that are being put together. Dropping it gives the memory back.
    class Draft {
      public:
        Draft() = default;
        [[nodiscard]] std::vector<std::byte>& bytes() { return buffer_->bytes; }
        [[nodiscard]] const std::vector<std::byte>& bytes() const { return buffer_->bytes; }
        explicit operator bool() const { return buffer_ != nullptr; }
        /// Hands the bytes to `packet`.
        void finish(Packet& packet) && {
            buffer_->fit();
            packet.data = buffer_->bytes;
            packet.owner =
                Packet::Owner(buffer_.release(), [](void* buffer) { static_cast<Buffer*>(buffer)->release(); });
        }

      private:
        friend class PacketBytes;
        explicit Draft(Buffer& buffer) : buffer_(&buffer) { buffer.acquire(); }
        std::unique_ptr<Buffer, Drop> buffer_;
    };

    /// Empty bytes with memory from earlier packets.
    [[nodiscard]] Draft take() {
        Draft draft(depot_->lend([] { return std::make_unique<Buffer>(); }));
        draft.bytes().clear();
        return draft;
    }

  private:
    std::shared_ptr<BufferDepot<Buffer>> depot_ = std::make_shared<BufferDepot<Buffer>>();  // shared with the packets
};

}  // namespace smartcodec
