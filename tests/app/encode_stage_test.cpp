#include "app/encode_stage.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "capture/frame_pool.h"

using namespace smartcodec;
using namespace std::chrono_literals;

namespace {

constexpr int kLimitMilliseconds = 20'000;  // for what should be there at once

bool becomesReadable(int descriptor) {
    pollfd polled{.fd = descriptor, .events = POLLIN, .revents = 0};
    return poll(&polled, 1, kLimitMilliseconds) == 1;
}

/// What a BackgroundEncoder does wrong.
struct Fault {
    int swallowFrom = -1;  ///< no packet comes for this frame and those behind it
    int dieAfter = -1;     ///< so many packets it fails in `wait`
    bool throws = false;   ///< instead of failing
    int newStreamAt = -1;  ///< the packet that begins anew
};

/// Makes its packets on a thread of its own, one byte for each frame, and says so through a descriptor, as a device
/// does.
class BackgroundEncoder final : public Encoder {
  public:
    static constexpr std::chrono::milliseconds kStalls{200};

    explicit BackgroundEncoder(const Fault& fault = {})
        : fault_(fault),
          event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          worker_([this](std::stop_token stop) { work(std::move(stop)); }) {}

    const EncoderCapabilities& capabilities() const override { return capabilities_; }
    std::span<const std::byte> parameterSets() const override { return sets_; }
    bool finishesByItself() const override { return true; }

    Status encode(Frame frame, const EncodeParameters& parameters) override {
        {
            const std::lock_guard lock(mutex_);
            inside_.push_back({frame->time, parameters.keyFrame});
        }
        filled_.notify_one();
        return {};
    }

    Status drain() override {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return inside_.empty(); });
        return {};
    }

    std::optional<Packet> takePacket() override {
        const std::lock_guard lock(mutex_);
        if (ready_.empty())
            return std::nullopt;
        Packet packet = std::move(ready_.front());
        ready_.pop_front();
        if (packet.newStream)
            sets_ = kOtherSets;
        return packet;
    }

    Status wait(int wake) override {
        ++waits;
        pollfd polled[] = {{.fd = wake, .events = POLLIN, .revents = 0},
                           {.fd = event_.get(), .events = POLLIN, .revents = 0}};
        const bool busy = [this] {
            const std::lock_guard lock(mutex_);
            return !inside_.empty();
        }();
        const int ready = poll(polled, 2, busy ? static_cast<int>(kStalls.count()) : -1);
        eventfd_t packets = 0;
        (void)eventfd_read(event_.get(), &packets);
        if (ready == 0)
            return Status::failure("background encoder: silent");
        if (dead_ && fault_.throws)
            throw std::runtime_error("thrown on purpose");
        return dead_ ? Status::failure("background encoder: broken on purpose") : Status();
    }

    std::atomic<int> waits{0};

  private:
    struct Inside {
        CaptureTime time;
        bool keyFrame;
    };

    void work(std::stop_token stop) {
        for (int number = 0; !stop.stop_requested(); ++number) {
            std::unique_lock lock(mutex_);
            const bool stuck = fault_.swallowFrom >= 0 && number >= fault_.swallowFrom;
            if (!filled_.wait(lock, stop, [&] { return !inside_.empty() && !stuck; }))
                return;
            dead_ = fault_.dieAfter >= 0 && number >= fault_.dieAfter;
            if (!dead_) {
                Packet packet;
                packet.data = kByte;
                packet.presentation = packet.decode = inside_.front().time;
                packet.keyFrame = inside_.front().keyFrame;
                packet.newStream = number == fault_.newStreamAt;
                ready_.push_back(std::move(packet));
                inside_.pop_front();
            }
            const bool isDead = dead_;
            lock.unlock();
            (void)eventfd_write(event_.get(), 1);
            idle_.notify_one();
            if (isDead)
                return;
        }
    }

    static constexpr std::byte kByte[1] = {};
    static constexpr std::byte kSets[1] = {std::byte{1}};
    static constexpr std::byte kOtherSets[1] = {std::byte{2}};

    const Fault fault_;
    EncoderCapabilities capabilities_;
    std::span<const std::byte> sets_ = kSets;
    UniqueFd event_;
    std::mutex mutex_;
    std::condition_variable_any filled_;
    std::condition_variable idle_;
    std::deque<Inside> inside_;
    std::deque<Packet> ready_;
    std::atomic<bool> dead_{false};
    std::jthread worker_;  // last: it uses all the others
};

/// An EncodeStage on a thread of its own; the test is its neighbours.
class Stage {
  public:
    explicit Stage(Encoder& encoder)
        : jobs_(3, EncodeStage::waitingFor(encoder)),
          stage_(encoder, {jobs_, packets_, spareMaps_}, failure_),
          thread_([this] { stage_.run(); }) {}

    void put(int number) {
        Frame::Description description;
        description.time = CaptureTime(40ms * number);
        jobs_.put(Job{.frame = pool_.make(description), .keyFrame = number % 25 == 0, .bitrate = {}, .qpMap = {}});
    }
    void putSound(int number) {
        Packet packet;
        packet.stream = 1;
        packet.presentation = packet.decode = CaptureTime(40ms * number);
        jobs_.put(std::move(packet));
    }
    void end(int number) { jobs_.put(End{.time = CaptureTime(40ms * number)}); }

    /// The stage's next item; monostate if none comes.
    [[nodiscard]] HoldItem take() {
        HoldItem item;
        while (!packets_.takeOrArm(item)) {
            if (!becomesReadable(packets_.descriptor()))
                return {};
        }
        return item;
    }
    /// Its next packet's time.
    [[nodiscard]] CaptureTime takePacket() { return std::get<Encoded>(take()).packet.presentation; }

    [[nodiscard]] EncodeStage& join() {
        thread_.join();
        return stage_;
    }
    [[nodiscard]] FirstFailure& failure() { return failure_; }

  private:
    FramePool pool_{kYuv420, {16, 16}};
    Queue<JobItem> jobs_;
    Queue<HoldItem> packets_{8, QueueWaiting::Descriptor};
    Queue<QpMap> spareMaps_{5};
    FirstFailure failure_;
    EncodeStage stage_;
    std::jthread thread_;
};

}  // namespace

TEST_SUITE("unit") {
    TEST_CASE("a packet that becomes ready by itself is handed on although no frame follows") {
        BackgroundEncoder encoder;
        Stage stage(encoder);
        for (int i = 0; i < 20; ++i) {
            stage.put(i);
            CHECK(stage.takePacket() == CaptureTime(40ms * i));
        }
        stage.end(20);
        CHECK(std::get<End>(stage.take()).time == CaptureTime(800ms));
        CHECK(stage.join().jobs() == 20);
    }

    TEST_CASE("no packet is lost or out of order where frames come as fast as they can") {
        constexpr int kFrames = 1000;
        BackgroundEncoder encoder;
        Stage stage(encoder);
        const std::jthread producer([&] {
            for (int i = 0; i < kFrames; ++i)
                stage.put(i);
            stage.end(kFrames);
        });
        int packets = 0;
        bool inOrder = true;
        for (;;) {
            const HoldItem item = stage.take();
            REQUIRE_FALSE(std::holds_alternative<std::monostate>(item));
            if (std::holds_alternative<End>(item))
                break;
            inOrder = inOrder && std::get<Encoded>(item).packet.presentation == CaptureTime(40ms * packets);
            ++packets;
        }
        CHECK(packets == kFrames);
        CHECK(inOrder);
        CHECK(stage.join().longestKeyGap() == 1s);
        CHECK(stage.failure().message() == "");
    }

    TEST_CASE("sound passes an encoder that is waited for") {
        BackgroundEncoder encoder({.swallowFrom = 0});
        Stage stage(encoder);
        stage.putSound(3);
        CHECK(std::get<Packet>(stage.take()).presentation == CaptureTime(120ms));
        stage.end(4);
        CHECK(std::holds_alternative<End>(stage.take()));
        (void)stage.join();
    }

    TEST_CASE("waiting for an idle encoder costs no work") {
        BackgroundEncoder encoder;
        Stage stage(encoder);
        stage.put(0);
        (void)stage.takePacket();
        poll(nullptr, 0, 200);
        CHECK(encoder.waits <= 6);  // one for each thing that happened, and some that were stale
        stage.end(1);
        (void)stage.take();
        (void)stage.join();
    }

    TEST_CASE("an encoder that fails while it is waited for ends the recording before its first lost picture") {
        for (const bool throws : {false, true}) {
            CAPTURE(throws);
            BackgroundEncoder encoder({.dieAfter = 3, .throws = throws});
            Stage stage(encoder);
            for (int i = 0; i < 4; ++i)
                stage.put(i);
            for (int i = 0; i < 3; ++i)
                CHECK(stage.takePacket() == CaptureTime(40ms * i));
            // nothing more comes, and yet it is noticed
            const auto deadline = std::chrono::steady_clock::now() + 20s;
            while (!stage.failure().stopSource().stop_requested() && std::chrono::steady_clock::now() < deadline)
                poll(nullptr, 0, 1);
            CHECK(stage.failure().message().find("on purpose") != std::string::npos);
            for (int i = 4; i < 30; ++i)
                stage.put(i);  // nobody before it waits for ever
            stage.end(30);
            const End end = std::get<End>(stage.take());
            CHECK(end.cut);
            CHECK(end.time == CaptureTime(120ms));
            CHECK(stage.join().jobs() == 30);
        }
    }

    TEST_CASE("an encoder that stalls is noticed although no frame comes") {
        BackgroundEncoder encoder({.swallowFrom = 2});
        Stage stage(encoder);
        for (int i = 0; i < 3; ++i)
            stage.put(i);
        CHECK(stage.takePacket() == CaptureTime(0ms));
        CHECK(stage.takePacket() == CaptureTime(40ms));
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!stage.failure().stopSource().stop_requested() && std::chrono::steady_clock::now() < deadline)
            poll(nullptr, 0, 1);
        CHECK(stage.failure().message() == "background encoder: silent");
        stage.end(3);
        CHECK(std::get<End>(stage.take()).time == CaptureTime(80ms));
        (void)stage.join();
    }

    TEST_CASE("an encoder that began anew asks for a new file before its packet") {
        BackgroundEncoder encoder({.newStreamAt = 2});
        Stage stage(encoder);
        for (int i = 0; i < 3; ++i)
            stage.put(i);
        (void)stage.takePacket();
        (void)stage.takePacket();
        const HoldItem item = stage.take();
        const auto* next = std::get_if<NewFile>(&item);
        REQUIRE(next != nullptr);
        CHECK(next->start == CaptureTime(80ms));
        CHECK(next->parameterSets == std::vector<std::byte>{std::byte{2}});
        CHECK(stage.takePacket() == CaptureTime(80ms));
        stage.end(3);
        CHECK(std::holds_alternative<End>(stage.take()));
        (void)stage.join();
    }
}
