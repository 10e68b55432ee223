#pragma once

#include <linux/videodev2.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "capture/unique_fd.h"
#include "tests/support/emulated_v4l2.h"
#include "tests/support/emulated_v4l2_controls.h"
#include "tests/support/emulated_v4l2_formats.h"
#include "tests/support/emulated_v4l2_queue.h"
#include "tests/support/emulated_v4l2_settings.h"
#include "tests/support/emulated_v4l2_stream.h"
#include "tests/support/v4l2_personality.h"

namespace smartcodec::emulated {

/// A condition that poll(2) can wait for: an eventfd that is readable for as long as it is true. Its device locks.
class PollableFlag {
  public:
    PollableFlag();
    void set(bool value);
    [[nodiscard]] bool get() const { return value_; }
    [[nodiscard]] int descriptor() const { return event_.get(); }

  private:
    UniqueFd event_;
    bool value_ = false;
};

/// What an opened device tells of what it was asked. Any thread.
class Journal {
  public:
    void imported(std::span<const int> descriptors);
    void control(std::uint32_t id, std::int64_t value);
    void queued(const timeval& timestamp);

    [[nodiscard]] std::vector<int> importedDmabufs() const;
    [[nodiscard]] std::vector<EmulatedV4l2::ControlSet> controlsSet() const;
    [[nodiscard]] std::vector<std::int64_t> timestamps() const;

  private:
    mutable std::mutex mutex_;
    std::vector<int> dmabufs_;
    std::vector<EmulatedV4l2::ControlSet> controls_;
    std::vector<std::int64_t> timestamps_;
};

/// One opened device: a stateful encoder (Documentation/userspace-api/media/v4l/dev-encoder.rst) as v4l2-mem2mem
/// drives it, coding on a thread of its own. Any thread.
class EncoderFile {
  public:
    /// `variant`: how often the node was opened before. `personality` and `journal` must outlive it.
    EncoderFile(const V4l2Personality& personality, EmulatedV4l2::Coding coding, Journal& journal, unsigned variant);
    ~EncoderFile();
    EncoderFile(const EncoderFile&) = delete;
    EncoderFile& operator=(const EncoderFile&) = delete;

    [[nodiscard]] int descriptor() const { return handle_.get(); }

    /// 0, or the errno.
    int ioctl(unsigned long request, void* argument);
    /// MAP_FAILED and errno.
    void* map(std::size_t lengthBytes, std::int64_t offset);

    void stall();
    /// Pictures are taken and nothing comes of them from now on.
    void swallow();
    /// Everything fails with `error` from now on.
    void die(int error);
    [[nodiscard]] int dead() const;

    /// What poll(2) says now, of `events` and POLLERR.
    [[nodiscard]] short ready(short events) const;
    /// What to wait on for that to change: readable when it may have.
    [[nodiscard]] std::vector<int> waitFor(short events) const;

    /// False: somebody else closed it already.
    [[nodiscard]] bool closeDescriptor();
    /// The descriptor was closed by somebody else, and its number is another's by now.
    void loseDescriptor() { (void)handle_.release(); }

  private:
    using Lock = std::unique_lock<std::mutex>;

    // ioctls (emulated_v4l2_file.cpp)
    int describe(v4l2_capability& capability) const;
    int dispatch(unsigned long request, void* argument, Lock& lock);
    int dispatchFormat(unsigned long request, void* argument);
    int dispatchControl(unsigned long request, void* argument);
    int dispatchBuffer(unsigned long request, void* argument, Lock& lock);
    int dispatchEvent(unsigned long request, void* argument);
    int setFormat(v4l2_format& format);
    int setParameters(v4l2_streamparm& parameters, bool set);
    int requestBuffers(v4l2_requestbuffers& request);
    int queueBuffer(v4l2_buffer& buffer);
    int streamOn(std::uint32_t type);
    int streamOff(std::uint32_t type, Lock& lock);
    int command(v4l2_encoder_cmd& command, bool attempt);
    int subscribe(const v4l2_event_subscription& subscription, bool on);
    void changed(const std::vector<ControlChange>& changes);
    [[nodiscard]] Queue* queueOf(std::uint32_t type);

    // the device at work (emulated_v4l2_work.cpp)
    [[nodiscard]] bool begin();
    [[nodiscard]] bool aboveLevel() const;
    void work();
    [[nodiscard]] bool canWork() const;
    [[nodiscard]] bool canDeliver() const;
    [[nodiscard]] bool canCode() const;
    [[nodiscard]] bool canFlush() const;
    [[nodiscard]] bool canEnd() const;
    void deliver();
    void code(Lock& lock);
    void end();
    void announceEnd();
    [[nodiscard]] bool tellsEndNow() const;
    void tellEnd();
    void stop();
    void update();

    const V4l2Personality& personality_;
    const EmulatedV4l2::Coding coding_;
    Journal& journal_;
    const unsigned variant_;
    UniqueFd handle_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Formats formats_;
    Controls controls_;
    Settings settings_;
    Queue output_;
    Queue capture_;
    std::vector<Latched> latched_;  // by OUTPUT index
    bool frameRateSet_ = false;
    std::set<std::uint32_t> subscriptions_;  // V4L2_EVENT_*
    std::deque<v4l2_event> events_;
    std::uint32_t eventSequence_ = 0;

    std::unique_ptr<Stream> stream_;
    std::deque<CodedBuffer> ready_;  // coded, for CAPTURE buffers to come
    bool draining_ = false;
    bool flushed_ = false;        // the drain found everything coded
    bool stopped_ = false;        // after the end
    bool endTold_ = false;        // by the event, in this drain
    bool stopSeen_ = false;       // since STREAMON(OUTPUT)
    std::size_t beforeStop_ = 0;  // OUTPUT buffers that were queued before STOP and are not coded yet
    bool busy_ = false;           // a picture is being coded, without the lock
    bool stalled_ = false;
    bool swallowing_ = false;
    bool firmwareHangs_ = false;  // codes no more of this stream
    bool spent_ = false;          // nor of any other
    int dead_ = 0;
    bool quit_ = false;

    PollableFlag readable_;
    PollableFlag writable_;
    PollableFlag eventful_;
    PollableFlag failed_;

    std::thread worker_;
};

}  // namespace smartcodec::emulated
