#include "capture/frame_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

const std::byte* memoryOf(const Frame& frame) {
    return frame->picture.planes[0].data;
}

void fill(const Frame& frame, int value) {
    const Picture& picture = frame->picture;
    for (int i = 0; i < planeCount(picture.format); ++i) {
        const Plane& plane = picture.planes[static_cast<std::size_t>(i)];
        const Size bytes = planeSizeBytes(picture.format, picture.size, i);
        for (int y = 0; y < bytes.height; ++y)
            std::memset(plane.data + static_cast<std::size_t>(y) * plane.strideBytes, value,
                        static_cast<std::size_t>(bytes.width));
    }
}

bool holds(const Frame& frame, int value) {
    const Picture& picture = frame->picture;
    for (int i = 0; i < planeCount(picture.format); ++i) {
        const Plane& plane = picture.planes[static_cast<std::size_t>(i)];
        const Size bytes = planeSizeBytes(picture.format, picture.size, i);
        for (int y = 0; y < bytes.height; ++y)
            for (int x = 0; x < bytes.width; ++x)
                if (plane.data[static_cast<std::size_t>(y) * plane.strideBytes + static_cast<std::size_t>(x)] !=
                    static_cast<std::byte>(value))
                    return false;
    }
    return true;
}

/// A buffer that counts how often its memory was given back.
struct CountingBuffer final : FrameBuffer {
    int recycled = 0;
    void recycle() noexcept override { ++recycled; }
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("memory goes back once when the last share of a frame dies") {
        CountingBuffer buffer;
        {
            Frame first(buffer, {});
            Frame second = first.share();
            Frame moved = std::move(first);
            CHECK_FALSE(first);
            moved.reset();
            CHECK(buffer.recycled == 0);
            CHECK(second);
            second = Frame();
            CHECK(buffer.recycled == 1);
        }
        CHECK(buffer.recycled == 1);
    }

    TEST_CASE("a pool gives out a returned picture again and grows only to what is leased at once") {
        FramePool pool(kYuv420, {64, 48});
        std::set<const std::byte*> memories;
        for (int i = 0; i < 20; ++i) {
            const Frame first = pool.make({});
            const Frame second = pool.make({});
            memories.insert(memoryOf(first));
            memories.insert(memoryOf(second));
        }
        CHECK(memories.size() == 2);
    }

    TEST_CASE("a leased picture is not given out a second time") {
        FramePool pool(kNv12, {64, 48});
        std::vector<Frame> leased;
        for (int i = 0; i < 8; ++i) {
            leased.push_back(pool.make({}));
            fill(leased.back(), i);
        }
        for (int i = 0; i < 8; ++i)
            CHECK(holds(leased[static_cast<std::size_t>(i)], i));
    }

    TEST_CASE("a pooled frame keeps its description and is writable with aligned rows") {
        for (const PixelFormat format : {kYuv420, kNv12}) {
            FramePool pool(format, {642, 362});
            Frame::Description description;
            description.time = CaptureTime(7s);
            description.duration = 40ms;
            description.sequence = 9;
            description.sensor.gain = 2.0;
            const Frame frame = pool.make(description);
            CHECK(frame->time == CaptureTime(7s));
            CHECK(frame->duration == 40ms);
            CHECK(frame->sequence == 9);
            CHECK(frame->sensor.gain == 2.0);
            CHECK(frame->picture.format == format);
            CHECK(frame->picture.size == Size{642, 362});
            CHECK(frame->picture.writable);
            for (int i = 0; i < planeCount(format); ++i) {
                const Plane& plane = frame->picture.planes[static_cast<std::size_t>(i)];
                CHECK(plane.dmabuf == -1);
                CHECK(plane.strideBytes % 64 == 0);
                CHECK(reinterpret_cast<std::uintptr_t>(plane.data) % 64 == 0);
                CHECK(static_cast<int>(plane.strideBytes) >= planeSizeBytes(format, frame->picture.size, i).width);
            }
            fill(frame, 200);
            CHECK(holds(frame, 200));
        }
    }

    TEST_CASE("frames outlive their pool") {
        std::optional<FramePool> pool;
        pool.emplace(kYuv420, Size{64, 48});
        Frame first = pool->make({});
        const Frame second = pool->make({});
        fill(first, 1);
        fill(second, 2);
        pool.reset();
        CHECK(holds(first, 1));
        first.reset();
        CHECK(holds(second, 2));
    }

    TEST_CASE("frames that die on other threads come back whole") {
        constexpr int kFrames = 2000;
        constexpr std::size_t kThreads = 3;
        constexpr std::size_t kRoom = 4;
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::pair<Frame, int>> road;
        bool ended = false;
        std::atomic<int> wrong = 0;
        std::set<const std::byte*> memories;
        std::vector<std::thread> takers;
        {
            FramePool pool(kYuv420, {16, 16});
            for (std::size_t i = 0; i < kThreads; ++i) {
                takers.emplace_back([&] {
                    for (;;) {
                        std::unique_lock lock(mutex);
                        changed.wait(lock, [&] { return ended || !road.empty(); });
                        if (road.empty())
                            return;
                        const std::pair<Frame, int> taken = std::move(road.front());
                        road.pop_front();
                        lock.unlock();
                        changed.notify_all();
                        if (!holds(taken.first, taken.second))
                            ++wrong;
                    }
                });
            }
            for (int i = 0; i < kFrames; ++i) {
                Frame frame = pool.make({});
                memories.insert(memoryOf(frame));
                fill(frame, i % 256);
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return road.size() < kRoom; });
                road.emplace_back(std::move(frame), i % 256);
                lock.unlock();
                changed.notify_all();
            }
            const std::lock_guard lock(mutex);
            ended = true;
        }
        changed.notify_all();
        for (std::thread& taker : takers)
            taker.join();
        CHECK(wrong == 0);
        // on the road, one with each taker, one being filled
        CHECK(memories.size() <= kRoom + kThreads + 1);
    }
}
