#pragma once

#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

#include "capture/unique_fd.h"

namespace smartcodec {

/// How the taking thread of a queue waits for an item.
enum class QueueWaiting {
    Take,        ///< in `take`
    Descriptor,  ///< for the queue's descriptor too, beside others, by `takeOrArm`: each put costs a system call
};

/// A lock-free queue of fixed capacity from one thread to one other. Items are owned by the queue while in it.
template <typename Item>
class Queue {
  public:
    /// Throws std::system_error where the system has no descriptor left; without one asked for, nothing.
    explicit Queue(std::size_t capacity, QueueWaiting waiting = QueueWaiting::Take) : items_(capacity) {
        if (waiting == QueueWaiting::Take)
            return;
        filled_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!filled_)
            throw std::system_error(errno, std::generic_category(), "opening a descriptor for a queue");
    }

    /// Waits for room.
    void put(Item item) {
        items_.wait_enqueue(std::move(item));
        announce();
    }
    /// False, and `item` untouched, if there is no room.
    [[nodiscard]] bool tryPut(Item& item) {
        if (!items_.try_enqueue(std::move(item)))
            return false;
        announce();
        return true;
    }
    /// Waits for an item.
    [[nodiscard]] Item take() {
        Item item;
        items_.wait_dequeue(item);
        return item;
    }
    /// False, and `item` untouched, if none comes within `limit`.
    [[nodiscard]] bool takeWithin(Item& item, std::chrono::nanoseconds limit) {
        return items_.wait_dequeue_timed(item, std::chrono::duration_cast<std::chrono::microseconds>(limit));
    }
    /// Items that wait: as good as exact for the taking thread, which alone makes them fewer.
    [[nodiscard]] std::size_t waiting() const { return items_.size_approx(); }
    [[nodiscard]] std::size_t capacity() const { return items_.max_capacity(); }

    /// False, and `item` untouched, if there is none.
    [[nodiscard]] bool tryTake(Item& item) { return items_.try_dequeue(item); }

    /// As `tryTake`, and if there is none, the next put makes the descriptor readable. For QueueWaiting::Descriptor.
    [[nodiscard]] bool takeOrArm(Item& item) {
        if (tryTake(item))
            return true;
        eventfd_t puts = 0;
        (void)eventfd_read(filled_.get(), &puts);  // fails if nothing was put since the last time, which is as good
        return tryTake(item);                      // what was put before the descriptor was cleared
    }
    /// To be polled for POLLIN after `takeOrArm` has found nothing, and for nothing else. May be readable without need.
    /// -1 without QueueWaiting::Descriptor. Belongs to the queue.
    [[nodiscard]] int descriptor() const { return filled_.get(); }

  private:
    void announce() {
        if (filled_)
            (void)eventfd_write(filled_.get(), 1);  // refused only where it is readable anyway
    }

    moodycamel::BlockingReaderWriterCircularBuffer<Item> items_;
    UniqueFd filled_;  // an eventfd; empty: nobody waits for one
};

}  // namespace smartcodec
