#include "app/queue.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <thread>

using namespace smartcodec;

namespace {

bool isReadable(int descriptor, int timeoutMilliseconds = 0) {
    pollfd polled{.fd = descriptor, .events = POLLIN, .revents = 0};
    return poll(&polled, 1, timeoutMilliseconds) == 1;
}

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a put makes the descriptor of a queue readable") {
        Queue<int> queue(2, QueueWaiting::Descriptor);
        int item = 0;
        CHECK_FALSE(queue.takeOrArm(item));
        CHECK_FALSE(isReadable(queue.descriptor()));
        queue.put(7);
        CHECK(isReadable(queue.descriptor()));
        REQUIRE(queue.takeOrArm(item));
        CHECK(item == 7);
        CHECK_FALSE(queue.takeOrArm(item));
        CHECK_FALSE(isReadable(queue.descriptor()));
        item = 8;
        REQUIRE(queue.tryPut(item));
        CHECK(isReadable(queue.descriptor()));
    }

    TEST_CASE("a queue that is full announces nothing") {
        Queue<int> queue(1, QueueWaiting::Descriptor);
        queue.put(1);
        int item = 0;
        CHECK(queue.takeOrArm(item));
        queue.put(2);
        CHECK(queue.tryTake(item));
        CHECK_FALSE(queue.takeOrArm(item));  // clears the descriptor
        queue.put(3);
        CHECK_FALSE(queue.tryPut(item));
        CHECK(item == 2);
        CHECK(queue.takeOrArm(item));
        CHECK(item == 3);
    }

    TEST_CASE("a queue has no descriptor unless it is asked for one") {
        CHECK(Queue<int>(1).descriptor() == -1);
    }

    TEST_CASE("no item is missed by who waits for the descriptor") {
        constexpr int kItems = 100'000;
        Queue<int> queue(3, QueueWaiting::Descriptor);
        std::atomic<int> taken{0};
        const std::jthread producer([&] {
            for (int i = 0; i < kItems; ++i) {
                // at every second one it puts just when the other side finds nothing
                while (i % 2 == 0 && taken.load(std::memory_order_acquire) < i)
                    std::this_thread::yield();
                queue.put(i);
            }
        });
        bool inOrder = true;
        while (taken < kItems) {
            int item = -1;
            if (!queue.takeOrArm(item)) {
                REQUIRE(isReadable(queue.descriptor(), 10'000));  // else a put was missed
                continue;
            }
            inOrder = inOrder && item == taken;
            ++taken;
        }
        CHECK(inOrder);
    }
}
