#pragma once

#include <readerwriterqueue/readerwritercircularbuffer.h>

#include <cstddef>
#include <utility>

namespace smartcodec {

/// A lock-free queue of fixed capacity from one thread to one other. Items are owned by the queue while in it.
template <typename Item>
class Queue {
  public:
    explicit Queue(std::size_t capacity) : items_(capacity) {}

    /// Waits for room.
    void put(Item item) { items_.wait_enqueue(std::move(item)); }
    /// False, and `item` untouched, if there is no room.
    [[nodiscard]] bool tryPut(Item& item) { return items_.try_enqueue(std::move(item)); }
    /// Waits for an item.
    [[nodiscard]] Item take() {
        Item item;
        items_.wait_dequeue(item);
        return item;
    }
    /// False, and `item` untouched, if there is none.
    [[nodiscard]] bool tryTake(Item& item) { return items_.try_dequeue(item); }

  private:
    moodycamel::BlockingReaderWriterCircularBuffer<Item> items_;
};

}  // namespace smartcodec
