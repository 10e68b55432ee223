#include "capture/camera_source.h"

#include <poll.h>
#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/camera_choice.h"
#include "capture/camera_converter.h"
#include "capture/camera_formats.h"
#include "capture/camera_numbering.h"
#include "capture/camera_session.h"
#include "capture/camera_thinner.h"
#include "capture/gate.h"
#include "capture/limits.h"
#include "capture/unique_fd.h"

namespace smartcodec {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStallFrames = 3;  // of a camera so slow that the patience is few pictures

constexpr FrameRate kAssumedRate{30, 1};

std::string text(Size size) {
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

Size even(Size size) {
    return {size.width & ~1, size.height & ~1};
}

std::string formatNames(const std::vector<CameraFormat>& formats) {
    std::string names;
    for (const CameraFormat& format : formats)
        names += (names.empty() ? "" : ", ") + name(format.format);
    return names.empty() ? "none" : names;
}

class CameraSource final : public Source, private CameraListener {
  public:
    CameraSource(const CameraConfig& config, const CameraDescription& camera, std::unique_ptr<CameraDevice> device);
    ~CameraSource() override;

    [[nodiscard]] const SourceInfo& info() const override { return info_; }
    Status run(SourceSink& sink, std::stop_token stop) override;
    [[nodiscard]] SourceReport report() const override;

  private:
    struct Taken {
        CapturedPicture picture;
        bool starving = false;  // it took the camera's last buffer
    };

    void captured(const CapturedPicture& picture) noexcept override;
    void disconnected() noexcept override;

    void settleFrameRate(const std::string& what, std::optional<FrameRate> wanted);
    void setUpConversion(const ChosenFormat& chosen);
    [[nodiscard]] Frame::Description describe(const Taken& taken) const;
    void offer(const Taken& taken);
    void offerConverted(const Taken& taken);
    void sawGood() noexcept;
    void wake() noexcept;
    void waitUntil(Clock::time_point deadline) const;
    [[nodiscard]] Status watch(const std::stop_token& stop);
    [[nodiscard]] bool isAlive();
    void take(const CapturedPicture& picture);
    void retryLater(std::size_t buffer);
    [[nodiscard]] bool retryCancelled();
    [[nodiscard]] Frame convert(const CapturedPicture& picture, const Frame::Description& description);
    [[nodiscard]] std::chrono::nanoseconds frameTime() const;
    [[nodiscard]] std::chrono::nanoseconds patience() const;
    [[nodiscard]] std::string stalled(std::chrono::nanoseconds silence) const;

    const std::chrono::nanoseconds patience_;
    const std::chrono::nanoseconds firstPatience_;
    SourceInfo info_;
    std::shared_ptr<CameraSession> session_;
    std::optional<CameraConverter> converter_;  // of the main picture, or of the small one for the analysis
    bool convertsMain_ = false;
    std::optional<CameraNumbering> numbering_;
    std::optional<CameraThinner> thinner_;                   // where a frame rate is asked for
    bool starved_ = false;                                   // since the picture before, the camera had no buffer left
    std::atomic<std::chrono::nanoseconds> frameDuration_{};  // of the last picture, as the camera tells it; 0: not told

    SourceSink* sink_ = nullptr;  // while it runs
    Gate listening_;              // open while it runs
    UniqueFd wake_;               // an eventfd: something is pending, the camera is lost, or it is time to stop
    std::optional<moodycamel::BlockingReaderWriterCircularBuffer<Taken>>
        pending_;  // to be converted; has room for every buffer there is
    std::optional<moodycamel::BlockingReaderWriterCircularBuffer<std::size_t>>
        cancelled_;                     // buffers that came back without a picture; likewise
    std::vector<std::size_t> toRetry_;  // of those, to be given to the camera again at `retry_`
    std::optional<Clock::time_point> retry_;
    std::atomic<unsigned> cancelledInARow_{0};
    std::uint64_t converted_ = 0;
    std::chrono::nanoseconds converting_{0};
    std::atomic<unsigned> seen_{0};  // pictures that the camera took, good or not
    std::atomic<unsigned> good_{0};
    std::atomic<Clock::time_point> lastGood_{};
    std::atomic<unsigned> failed_{0};
    std::atomic<bool> lost_{false};
};

CameraSource::CameraSource(const CameraConfig& config, const CameraDescription& camera,
                           std::unique_ptr<CameraDevice> device)
    : patience_(config.patience), firstPatience_(config.firstPatience), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_)
        throw std::system_error(errno, std::generic_category(), "opening a descriptor for the camera's thread");
    const std::string what = "camera " + camera.id;
    const std::vector<CameraFormat> formats = device->formats();
    const std::optional<Size> wanted = wantedSize(config, formats);
    const auto chosen = chooseFormat(formats, config.directFormats, wanted, config.frameRate);
    if (!chosen)
        throw std::runtime_error(what + ": no encoder takes what it delivers (" + formatNames(formats) +
                                 "), and it cannot be converted");
    CameraRequest request;
    request.format = chosen->format;
    request.size = wanted;
    request.frameRate = config.frameRate;
    request.analysisStream = chosen->conversion == CameraConversion::None;
    request.orientation = config.orientation;
    request.settings = config.settings;
    session_ = std::make_shared<CameraSession>(std::move(device), request);

    const CameraSetup& setup = session_->setup();
    info_.name = camera.model.empty() ? what : "camera " + camera.model;
    info_.live = true;
    info_.notes = setup.notes;
    info_.format = chosen->format;
    info_.size = even(setup.buffers.front().main.size);
    info_.rotation = setup.rotation;
    info_.color = setup.color;
    info_.frameRate = setup.frameRate;
    checkSize(what, info_.size);
    if (wanted && *wanted != info_.size)
        info_.notes.push_back(what + ": has no pictures of " + text(*wanted) + ": records " + text(info_.size));
    settleFrameRate(what, config.frameRate);
    numbering_.emplace(frameTime());
    setUpConversion(*chosen);
    if (converter_)
        pending_.emplace(setup.buffers.size());
    cancelled_.emplace(setup.buffers.size());
    toRetry_.reserve(setup.buffers.size());
}

/// Where the camera does not keep to the rate that is asked for, or perhaps does not, pictures are left out.
void CameraSource::settleFrameRate(const std::string& what, std::optional<FrameRate> wanted) {
    const FrameRate own = session_->setup().frameRate;
    if (!wanted) {
        if (own.known())
            return;
        info_.frameRate = kAssumedRate;
        info_.notes.push_back(what + ": does not tell its frame rate: rate control assumes 30 pictures per second");
        return;
    }
    if (own.known() && own.value() < wanted->value())
        return;  // as fast as it can
    info_.frameRate = *wanted;
    thinner_.emplace(*wanted, own == *wanted);
    if (!own.known())
        info_.notes.push_back(what + ": cannot be told a frame rate: pictures that come sooner are left out");
    else if (own != *wanted)
        info_.notes.push_back(what + ": cannot take so few pictures per second: some are left out");
}

void CameraSource::setUpConversion(const ChosenFormat& chosen) {
    const CameraSetup& setup = session_->setup();
    convertsMain_ = chosen.conversion != CameraConversion::None;
    if (convertsMain_) {
        converter_.emplace(chosen, setup.color, info_.size);
        info_.format = kYuv420;
        info_.color = converter_->color();
        info_.notes.push_back("pictures are converted from " + name(chosen.format) + " to " + name(info_.format) +
                              ": the camera has no format that the encoder takes");
        return;
    }
    info_.dmabufLayout = setup.buffers.front().main;
    info_.dmabufLayout->size = info_.size;
    if (!is420(chosen.format) && !setup.buffers.front().analysis)  // the encoder takes it, the analysis does not
        converter_.emplace(chosen, setup.color, analysisSize(info_.size).value_or(info_.size));
}

/// The camera is stopped here and not where `run` ends: libcamera ends the program if it is asked to stop one that has
/// been unplugged, and waits for a driver that hangs. By now nothing can be lost by either, and neither happens to one
/// that has just shown that it lives.
CameraSource::~CameraSource() {
    if (isAlive())
        session_->stop();
    else
        session_->abandon();
}

/// Whether a picture comes. Without a buffer none can, and then libcamera has none to wait for either.
bool CameraSource::isAlive() {
    const unsigned before = seen_;
    const Clock::time_point deadline = Clock::now() + patience();
    while (!lost_ && seen_ == before && session_->queued() > 0) {
        if (Clock::now() >= deadline)
            return false;
        waitUntil(deadline);
    }
    return !lost_;
}

Status CameraSource::run(SourceSink& sink, std::stop_token stop) {
    const std::stop_callback wakeUp(stop, [this] { wake(); });
    sink_ = &sink;
    listening_.open();
    Status status;
    try {
        session_->start(*this);
        status = watch(stop);
    } catch (const std::exception& error) {
        status = Status::failure(info_.name + ": " + error.what());
    }
    listening_.close();
    sink_ = nullptr;
    if (lost_)
        session_->abandon();
    Taken late;
    while (pending_ && pending_->try_dequeue(late))
        session_->giveBack(late.picture.buffer);
    return status;
}

SourceReport CameraSource::report() const {
    return {.failed = failed_, .converted = converted_, .converting = converting_};
}

/// Converts what is to be converted, until the camera is lost or the recording over.
Status CameraSource::watch(const std::stop_token& stop) {
    const Clock::time_point started = Clock::now();
    Clock::time_point starved = started;  // when it last had no buffer to fill
    while (!stop.stop_requested()) {
        Taken taken;
        while (pending_ && pending_->try_dequeue(taken))
            offerConverted(taken);
        if (lost_)
            return Status::failure(info_.name + ": was unplugged, or its driver unbound");
        const bool starving = session_->queued() == 0;
        const bool retrying = retryCancelled();
        if (starving && !retrying)
            starved = Clock::now();
        const auto limit = patience();
        const auto deadline =
            std::max({started, starved, lastGood_.load(std::memory_order_relaxed), session_->lastReturn()}) + limit;
        if (Clock::now() >= deadline) {
            lost_ = true;
            return Status::failure(stalled(limit));
        }
        waitUntil(std::min(deadline, retry_.value_or(deadline)));
    }
    return {};
}

/// Buffers that the camera gave back without a picture get another chance a frame later, or one that has gone would
/// give them back for ever. Whether there were any.
bool CameraSource::retryCancelled() {
    std::size_t buffer = 0;
    while (cancelled_->try_dequeue(buffer))
        toRetry_.push_back(buffer);
    if (toRetry_.empty())
        return false;
    const Clock::time_point now = Clock::now();
    if (!retry_)
        retry_ = now + frameTime();
    if (now >= *retry_) {
        for (const std::size_t again : toRetry_)
            session_->giveBack(again);
        toRetry_.clear();
        retry_.reset();
    }
    return true;
}

void CameraSource::wake() noexcept {
    (void)eventfd_write(wake_.get(), 1);  // refused only where it is readable anyway
}

void CameraSource::waitUntil(Clock::time_point deadline) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd descriptor{wake_.get(), POLLIN, 0};
    // an interrupted wait is as good as one that is over: the caller looks again
    if (poll(&descriptor, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000))) > 0) {
        eventfd_t events = 0;
        (void)eventfd_read(wake_.get(), &events);
    }
}

std::chrono::nanoseconds CameraSource::frameTime() const {
    return std::chrono::nanoseconds(1'000'000'000LL * info_.frameRate.denominator / info_.frameRate.numerator);
}

std::chrono::nanoseconds CameraSource::patience() const {
    const auto longest = std::max(frameTime(), frameDuration_.load(std::memory_order_relaxed));
    return std::max({patience_, kStallFrames * longest, good_ == 0 ? firstPatience_ : patience_});
}

std::string CameraSource::stalled(std::chrono::nanoseconds silence) const {
    std::ostringstream seconds;
    seconds << std::chrono::duration<double>(silence).count() << " s";
    const unsigned failed = failed_;
    if (good_ == 0 && failed > 0)
        return info_.name + ": all of its " + std::to_string(failed) + " pictures failed within " + seconds.str() +
               ": is it connected well?";
    return info_.name + ": no picture for " + seconds.str() +
           (failed > 0 ? " (" + std::to_string(failed) + " failed so far)" : "") +
           (cancelledInARow_ > 0 ? ", it gives its buffers back without one" : "") + ": is it still connected?";
}

void CameraSource::sawGood() noexcept {
    lastGood_.store(Clock::now(), std::memory_order_relaxed);
    if (good_.fetch_add(1, std::memory_order_relaxed) == 0)
        wake();  // from now on less patience is called for
}

void CameraSource::captured(const CapturedPicture& picture) noexcept {
    const bool cancelled = picture.outcome == CaptureOutcome::Cancelled;
    if (!cancelled)
        seen_.fetch_add(1, std::memory_order_relaxed);
    if (listening_.pass([&] { cancelled ? retryLater(picture.buffer) : take(picture); }))
        return;
    session_->finished();
    if (!cancelled)
        session_->giveBack(picture.buffer);
    wake();
}

void CameraSource::retryLater(std::size_t buffer) {
    cancelledInARow_.fetch_add(1, std::memory_order_relaxed);
    starved_ = starved_ || session_->queued() <= 1;  // this one is still counted
    (void)cancelled_->try_enqueue(buffer);
    session_->finished();  // who sees that it has no buffer sees that this is no starving
    wake();
}

void CameraSource::take(const CapturedPicture& picture) {
    session_->finished();
    Taken taken{.picture = picture, .starving = session_->queued() == 0};
    taken.picture.sequence = numbering_->number(picture, std::exchange(starved_, taken.starving));
    frameDuration_.store(picture.duration, std::memory_order_relaxed);
    // of a camera that has gone they count for nothing
    failed_.fetch_add(cancelledInARow_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
    if (picture.outcome == CaptureOutcome::Failed) {
        failed_.fetch_add(1, std::memory_order_relaxed);
        session_->giveBack(picture.buffer);
        return;
    }
    if (thinner_) {
        const auto number = thinner_->number(taken.picture);
        if (!number) {
            sawGood();
            session_->giveBack(picture.buffer);
            return;
        }
        taken.picture.sequence = *number;
    }
    if (converter_) {  // whether it is good shows when it is read
        (void)pending_->try_enqueue(taken);
        wake();
    } else {
        sawGood();
        offer(taken);
    }
}

void CameraSource::disconnected() noexcept {
    lost_ = true;
    wake();
}

Frame::Description CameraSource::describe(const Taken& taken) const {
    const CapturedPicture& picture = taken.picture;
    const CameraBuffers& buffers = session_->setup().buffers[picture.buffer];
    Frame::Description description;
    description.picture = buffers.main;
    description.picture.size = {buffers.main.size.width & ~1, buffers.main.size.height & ~1};
    description.analysisPicture = buffers.analysis;
    description.time = picture.time;
    description.duration = picture.duration;
    description.sequence = picture.sequence;
    description.sensor = picture.sensor;
    description.starving = taken.starving;
    return description;
}

void CameraSource::offer(const Taken& taken) {
    sink_->offer(session_->lend(taken.picture.buffer, describe(taken)));
}

/// Empty: it is damaged.
Frame CameraSource::convert(const CapturedPicture& picture, const Frame::Description& description) {
    const Clock::time_point since = Clock::now();
    Frame made = converter_->convert(session_->setup().buffers[picture.buffer].main, picture.bytes, description);
    converting_ += Clock::now() - since;
    ++converted_;
    return made;
}

void CameraSource::offerConverted(const Taken& taken) {
    const CapturedPicture& picture = taken.picture;
    struct GiveBack {
        CameraSession& session;
        std::size_t buffer;
        ~GiveBack() { session.giveBack(buffer); }
    };
    Frame::Description description = describe(taken);
    if (convertsMain_) {
        const GiveBack whateverHappens{*session_, picture.buffer};
        if (Frame made = convert(picture, description)) {
            sawGood();
            sink_->offer(std::move(made));
        } else {
            failed_.fetch_add(1, std::memory_order_relaxed);
        }
        return;
    }
    sawGood();
    Frame small = convert(picture, description);
    description.analysisPicture = small->picture;
    sink_->offer(session_->lend(picture.buffer, description, std::move(small)));
}

}  // namespace

std::unique_ptr<Source> openCamera(const CameraConfig& config, CameraSystem& system) {
    const CameraDescription camera = findCamera(config.camera, system);
    return std::make_unique<CameraSource>(config, camera, system.open(camera.id));
}

}  // namespace smartcodec
