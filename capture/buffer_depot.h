#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "capture/frame.h"

namespace smartcodec {

/// Buffers that are lent to frames and used again when they come back. `Buffer` derives from Lent<Buffer>. Always held
/// by a shared_ptr: its maker and every buffer on loan share it, so that frames may outlive the maker.
///
/// `lend` is for one thread; buffers come back on any. The way back takes no lock: a frame may die on a camera's or an
/// encoder's thread, which must not wait for the one that is just allocating. Returned buffers are pushed onto a list,
/// and the lender takes that list whole, so that no element is ever removed from a list that another thread is
/// looking at (no ABA problem).
template <class Buffer>
class BufferDepot : public std::enable_shared_from_this<BufferDepot<Buffer>> {
  public:
    class Lent : public FrameBuffer {
      protected:
        /// Lets go of what is not to be kept between two uses.
        virtual void clear() noexcept {}

      private:
        friend class BufferDepot;

        void recycle() noexcept final {
            clear();
            // the last share of the depot may be this one, and the buffer dies with it
            const std::shared_ptr<BufferDepot> depot = std::move(depot_);
            depot->takeBack(static_cast<Buffer&>(*this));
        }

        std::shared_ptr<BufferDepot> depot_;  // only while lent
        Buffer* next_ = nullptr;              // in one of the lists of free buffers
    };

    /// A free buffer, else the one that `make` creates (std::unique_ptr<Buffer>). It comes back when the frame that is
    /// built on it next has died; one must be.
    template <class Make>
    [[nodiscard]] Buffer& lend(const Make& make) {
        if (!free_)
            free_ = returned_.exchange(nullptr, std::memory_order_acquire);
        Buffer* buffer = free_;
        if (buffer) {
            free_ = std::exchange(buffer->next_, nullptr);
        } else {
            all_.push_back(make());
            buffer = all_.back().get();
        }
        buffer->depot_ = this->shared_from_this();
        return *buffer;
    }

  private:
    void takeBack(Buffer& buffer) noexcept {
        buffer.next_ = returned_.load(std::memory_order_relaxed);
        while (!returned_.compare_exchange_weak(buffer.next_, &buffer, std::memory_order_release,
                                                std::memory_order_relaxed)) {
        }
    }

    std::vector<std::unique_ptr<Buffer>> all_;
    Buffer* free_ = nullptr;  // the lender's own list
    std::atomic<Buffer*> returned_{nullptr};
};

}  // namespace smartcodec
