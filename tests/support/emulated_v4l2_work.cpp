// The thread of an emulated device, what starts and stops it, and what poll sees of it.

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>
#include <system_error>

#include "tests/support/emulated_v4l2_file.h"
#include "tests/support/v4l2_uapi.h"

namespace smartcodec::emulated {
namespace {

constexpr std::chrono::milliseconds kEventLead{20};
constexpr short kDataEvents = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;

std::int64_t microseconds(const timeval& time) {
    return std::int64_t{1'000'000} * time.tv_sec + time.tv_usec;
}

}  // namespace

PollableFlag::PollableFlag() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_)
        throw std::system_error(errno, std::generic_category(), "making an eventfd");
}

void PollableFlag::set(bool value) {
    if (value == value_)
        return;
    value_ = value;
    std::uint64_t count = 1;
    const ssize_t done =
        value ? ::write(event_.get(), &count, sizeof count) : ::read(event_.get(), &count, sizeof count);
    if (done != sizeof count)
        throw std::system_error(errno, std::generic_category(), "signalling an eventfd");
}

void Journal::imported(std::span<const int> descriptors) {
    const std::lock_guard lock(mutex_);
    dmabufs_.insert(dmabufs_.end(), descriptors.begin(), descriptors.end());
}

void Journal::control(std::uint32_t id, std::int64_t value) {
    const std::lock_guard lock(mutex_);
    controls_.push_back({.id = id, .value = value, .framesBefore = timestamps_.size()});
}

void Journal::queued(const timeval& timestamp) {
    const std::lock_guard lock(mutex_);
    timestamps_.push_back(microseconds(timestamp));
}

std::vector<int> Journal::importedDmabufs() const {
    const std::lock_guard lock(mutex_);
    return dmabufs_;
}

std::vector<EmulatedV4l2::ControlSet> Journal::controlsSet() const {
    const std::lock_guard lock(mutex_);
    return controls_;
}

std::vector<std::int64_t> Journal::timestamps() const {
    const std::lock_guard lock(mutex_);
    return timestamps_;
}

// Both queues stream: an independent stream begins, unless one is under way.
bool EncoderFile::begin() {
    if (!output_.streaming() || !capture_.streaming() || stream_)
        return true;
    const std::int64_t bitrate = controls_.value(V4L2_CID_MPEG_VIDEO_BITRATE).value_or(0);
    const bool rateControl = controls_.value(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE).value_or(1) != 0;
    if (personality_.bitrateAboveFrameRate && rateControl && static_cast<double>(bitrate) <= settings_.frameRate())
        return false;
    settings_.begin();
    const CoderSetup setup{.fourcc = formats_.coded(), .size = formats_.visible(), .variant = variant_};
    const bool real = coding_ == EmulatedV4l2::Coding::Real && setup.fourcc != V4L2_PIX_FMT_FWHT;
    stream_ = std::make_unique<Stream>(personality_, real ? makeLibavCoder(setup) : makeFakeCoder(setup), setup.fourcc,
                                       setup.size);
    return true;
}

// ITU-T H.264 table A-1
bool EncoderFile::aboveLevel() const {
    struct Level {
        double blocksPerSecond;
        int blocks;
    };
    constexpr Level kLevels[] = {{1485, 99},     {1485, 99},     {3000, 396},     {6000, 396},
                                 {11880, 396},   {11880, 396},   {19800, 792},    {20250, 1620},
                                 {40500, 1620},  {108000, 3600}, {216000, 5120},  {245760, 8192},
                                 {245760, 8192}, {522240, 8704}, {589824, 22080}, {983040, 36864}};
    const auto set = controls_.value(V4L2_CID_MPEG_VIDEO_H264_LEVEL);
    if (!personality_.stallsAboveLevel || !set)
        return false;
    const Level& level = kLevels[*set];
    const Size size = formats_.visible();
    const int blocks = (size.width + 15) / 16 * ((size.height + 15) / 16);
    return blocks > level.blocks || blocks * settings_.frameRate() > level.blocksPerSecond;
}

int EncoderFile::streamOn(std::uint32_t type) {
    Queue* queue = queueOf(type);
    if (!queue)
        return EINVAL;
    const bool already = queue->streaming();
    if (const int error = queue->start())
        return error;
    if (already)
        return 0;
    const bool output = queue == &output_;
    if ((output && personality_.needsFrameRate && !frameRateSet_) || !begin()) {
        queue->pause();
        return EINVAL;
    }
    if (output) {
        stopSeen_ = false;
        if (stopped_ && personality_.outputStartResumes) {
            stopped_ = false;
            capture_.resume();
        }
    }
    changed_.notify_all();
    return 0;
}

int EncoderFile::streamOff(std::uint32_t type, Lock& lock) {
    Queue* queue = queueOf(type);
    if (!queue)
        return EINVAL;
    changed_.wait(lock, [this] { return !busy_; });
    queue->stop();
    spent_ = spent_ || (stream_ && !personality_.restarts);
    if (queue == &output_) {
        beforeStop_ = 0;
    } else {
        stream_.reset();
        firmwareHangs_ = false;
        ready_.clear();
        draining_ = flushed_ = stopped_ = false;
    }
    changed_.notify_all();
    return 0;
}

void EncoderFile::stop() {
    // bcm2835-codec: "EOS buffers already in use", until STREAMON(OUTPUT)
    if (stopped_ || (stopSeen_ && !personality_.startResumes))
        return;
    draining_ = true;
    flushed_ = endTold_ = false;
    stopSeen_ = true;
    beforeStop_ = output_.waiting();
}

bool EncoderFile::canFlush() const {
    return draining_ && !flushed_ && beforeStop_ == 0 && stream_;
}

bool EncoderFile::canDeliver() const {
    return !ready_.empty() && capture_.streaming() && capture_.waiting() > 0;
}

bool EncoderFile::canEnd() const {
    if (!draining_ || !flushed_ || !ready_.empty() || personality_.neverEnds || !capture_.streaming())
        return false;
    const bool needsBuffer = personality_.end != V4l2EndOfStream::Epipe && personality_.end != V4l2EndOfStream::Event;
    return !needsBuffer || capture_.waiting() > 0;
}

bool EncoderFile::canCode() const {
    return stream_ && output_.streaming() && capture_.streaming() && !stopped_ && ready_.empty() && !firmwareHangs_ &&
           !spent_ && output_.waiting() > 0 && capture_.waiting() > 0 && (!draining_ || beforeStop_ > 0);
}

bool EncoderFile::canWork() const {
    return dead_ == 0 && !stalled_ && (canFlush() || canDeliver() || canEnd() || canCode());
}

void EncoderFile::work() {
    Lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return quit_ || canWork(); });
        if (quit_)
            return;
        if (canFlush()) {
            stream_->flush(ready_);
            flushed_ = true;
        } else if (canDeliver() && tellsEndNow()) {
            tellEnd();
            update();
            changed_.wait_for(lock, kEventLead, [this] { return quit_; });
        } else if (canDeliver()) {
            deliver();
        } else if (canEnd()) {
            end();
        } else {
            code(lock);
        }
        update();
    }
}

void EncoderFile::code(Lock& lock) {
    const std::uint32_t index = *output_.take();
    if (draining_)
        --beforeStop_;
    const Queue::View view = output_.view(index);
    if (view.empty && personality_.emptyOutputEnds) {
        output_.finish(index);
        stop();
        return;
    }
    if (swallowing_) {
        output_.finish(index);
        return;
    }
    Latched latched = std::exchange(latched_[index], {});
    const StreamSettings settings = settings_.apply(latched, formats_.coded());
    const Stream::Frame frame{.picture = formats_.picture(view.planes),
                              .timestamp = view.timestamp,
                              .keyFrame = latched.keyFrame,
                              .deltas = std::move(latched.deltas)};
    std::deque<CodedBuffer> coded;
    bool failed = false;
    busy_ = true;
    lock.unlock();
    try {
        stream_->encode(frame, settings, coded);
    } catch (const std::exception&) {
        failed = true;
    }
    lock.lock();
    busy_ = false;
    output_.finish(index, failed ? V4L2_BUF_FLAG_ERROR : 0);
    for (CodedBuffer& buffer : coded)
        ready_.push_back(std::move(buffer));
    if (aboveLevel())
        firmwareHangs_ = true;
    changed_.notify_all();
}

void EncoderFile::deliver() {
    CodedBuffer& coded = ready_.front();
    const std::uint32_t index = *capture_.take();
    const std::span<std::byte> memory = capture_.memory(index);
    const std::uint32_t offset = personality_.multiplanar ? personality_.captureDataOffset : 0;
    Queue::Result result{.flags = coded.flags,
                         .timestamp = personality_.copiesTimestamps ? coded.timestamp : timeval{}};
    std::size_t bytes = std::min(coded.data.size(), memory.size() - offset);
    bool whole = bytes == coded.data.size();
    if (!whole && personality_.overflow == V4l2Overflow::Error) {
        result.flags = V4L2_BUF_FLAG_ERROR;
        bytes = 0;
        whole = true;
    }
    if (bytes > 0) {
        std::memcpy(memory.data() + offset, coded.data.data(), bytes);
        result.bytesUsed = static_cast<std::uint32_t>(bytes) + offset;
        result.dataOffset = offset;
    }
    controls_.tell(uapi::kCidAverageQp, coded.qp);
    if (whole)
        ready_.pop_front();
    else
        coded.data.erase(coded.data.begin(), coded.data.begin() + static_cast<std::ptrdiff_t>(bytes));
    const bool last = draining_ && flushed_ && ready_.empty() && !personality_.neverEnds &&
                      personality_.end == V4l2EndOfStream::LastOnPicture;
    if (last)
        result.flags |= V4L2_BUF_FLAG_LAST;
    capture_.finish(index, result);
    if (last)
        announceEnd();
}

void EncoderFile::end() {
    switch (personality_.end) {
        case V4l2EndOfStream::LastOnPicture:
        case V4l2EndOfStream::LastOnEmpty:
            capture_.finish(*capture_.take(), Queue::Result{.flags = V4L2_BUF_FLAG_LAST});
            break;
        case V4l2EndOfStream::Empty:
            capture_.finish(*capture_.take(), Queue::Result{});
            break;
        case V4l2EndOfStream::Epipe:
            capture_.endAfterDone();
            break;
        case V4l2EndOfStream::Event:
            break;
    }
    announceEnd();
}

void EncoderFile::announceEnd() {
    draining_ = flushed_ = false;
    stopped_ = true;
    if (!endTold_)
        tellEnd();
}

bool EncoderFile::tellsEndNow() const {
    return personality_.tellsEndEarly && draining_ && flushed_ && !endTold_ && ready_.size() == 1;
}

void EncoderFile::tellEnd() {
    endTold_ = true;
    if (!subscriptions_.contains(V4L2_EVENT_EOS))
        return;
    v4l2_event event{};
    event.type = V4L2_EVENT_EOS;
    event.sequence = eventSequence_++;
    ::clock_gettime(CLOCK_MONOTONIC, &event.timestamp);
    events_.push_back(event);
}

void EncoderFile::stall() {
    const Lock lock(mutex_);
    stalled_ = true;
}

void EncoderFile::swallow() {
    const Lock lock(mutex_);
    swallowing_ = true;
}

void EncoderFile::die(int error) {
    const Lock lock(mutex_);
    dead_ = error;
    update();
}

int EncoderFile::dead() const {
    const Lock lock(mutex_);
    return dead_;
}

// v4l2_m2m_poll_for_data
void EncoderFile::update() {
    const bool outputIdle = !output_.streaming() || !output_.holdsBuffers();
    const bool captureIdle = !capture_.streaming() || (!capture_.holdsBuffers() && !capture_.ended());
    const bool dead = dead_ != 0;
    const bool idle = outputIdle && captureIdle;
    failed_.set(dead || idle);
    readable_.set(dead || (!idle && (capture_.holdsDone() || capture_.ended())));
    writable_.set(dead || (!idle && output_.holdsDone()));
    eventful_.set(dead || !events_.empty());
}

short EncoderFile::ready(short events) const {
    const Lock lock(mutex_);
    if (dead_ != 0)
        return POLLERR;
    int result = 0;
    if ((events & kDataEvents) != 0 && failed_.get())
        result |= POLLERR;
    if (readable_.get())
        result |= events & (POLLIN | POLLRDNORM);
    if (writable_.get())
        result |= events & (POLLOUT | POLLWRNORM);
    if (eventful_.get())
        result |= events & POLLPRI;
    return static_cast<short>(result);
}

std::vector<int> EncoderFile::waitFor(short events) const {
    std::vector<int> descriptors;
    if (events & kDataEvents)
        descriptors.push_back(failed_.descriptor());
    if (events & (POLLIN | POLLRDNORM))
        descriptors.push_back(readable_.descriptor());
    if (events & (POLLOUT | POLLWRNORM))
        descriptors.push_back(writable_.descriptor());
    if (events & POLLPRI)
        descriptors.push_back(eventful_.descriptor());
    return descriptors;
}

}  // namespace smartcodec::emulated
