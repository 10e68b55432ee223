#include "capture/libcamera_device.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/gate.h"
#include "capture/libcamera_controls.h"
#include "capture/libcamera_pictures.h"
#include "capture/libcamera_request.h"

namespace smartcodec {

namespace {

namespace controls = libcamera::controls;

std::atomic<bool> abandoned{false};

std::chrono::nanoseconds now(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class LibcameraDevice final : public CameraDevice {
  public:
    explicit LibcameraDevice(std::shared_ptr<libcamera::Camera> camera);
    ~LibcameraDevice() override;

    [[nodiscard]] const std::vector<CameraFormat>& formats() const override { return formats_; }
    [[nodiscard]] CameraSetup configure(const CameraRequest& request) override;
    void start(CameraListener& listener) override;
    Status queue(std::size_t buffer) noexcept override;
    void stop() noexcept override;
    [[nodiscard]] bool abandon() noexcept override;

  private:
    using Configuration = std::unique_ptr<libcamera::CameraConfiguration>;

    [[nodiscard]] Configuration negotiate(const CameraRequest& request, Size main) const;
    [[nodiscard]] Configuration negotiate(const CameraRequest& request) const;
    void applyFrameRate(const CameraRequest& request, CameraSetup& setup);
    void note(CameraSetup& setup, const std::string& what) const;
    void allocate(CameraSetup& setup);
    void completed(libcamera::Request* request);
    void disconnected();
    void forgetListener() noexcept;
    [[nodiscard]] std::string what() const { return "camera " + camera_->id(); }

    std::shared_ptr<libcamera::Camera> camera_;
    std::vector<CameraFormat> formats_;
    Configuration configuration_;
    std::unique_ptr<libcamera::FrameBufferAllocator> allocator_;
    std::vector<MappedLibcameraBuffer> mapped_;
    std::vector<std::unique_ptr<libcamera::Request>> requests_;  // one per buffer
    std::vector<char> used_;  // whether a request has been queued before, per request
    libcamera::ControlList initial_;
    bool controlsQueued_ = false;
    CameraListener* listener_ = nullptr;  // while it runs
    Gate telling_;                        // open while there is a listener
};

LibcameraDevice::LibcameraDevice(std::shared_ptr<libcamera::Camera> camera) : camera_(std::move(camera)) {
    if (const int error = camera_->acquire(); error < 0) {
        const std::string remedy = error == -EBUSY ? ": another program uses it" : "";
        throw std::system_error(-error, std::generic_category(), "taking " + what() + remedy);
    }
    const auto configuration = camera_->generateConfiguration({libcamera::StreamRole::VideoRecording});
    if (configuration && !configuration->empty())
        formats_ = cameraFormats(configuration->at(0));
}

LibcameraDevice::~LibcameraDevice() {
    stop();
    requests_.clear();
    mapped_.clear();
    allocator_.reset();
    camera_->release();
}

/// One stream, or two where `main` is what the first one came to alone. Null: the camera does not want it so.
LibcameraDevice::Configuration LibcameraDevice::negotiate(const CameraRequest& request, Size main) const {
    using libcamera::StreamRole;
    const std::optional<Size> small = main.width > 0 ? analysisSize(main) : std::nullopt;
    if (main.width > 0 && !small)
        return nullptr;
    std::vector<StreamRole> roles{StreamRole::VideoRecording};
    if (small)
        roles.push_back(StreamRole::Viewfinder);
    Configuration configuration = camera_->generateConfiguration(roles);
    if (!configuration || configuration->size() != roles.size())
        return nullptr;
    libcamera::StreamConfiguration& first = configuration->at(0);
    first.pixelFormat = libcamera::PixelFormat(request.format.fourcc);
    first.bufferCount = std::max(first.bufferCount, request.buffers);
    if (request.size)
        first.size = theirs(*request.size);
    orientation(*configuration) = libcameraOrientation(request.orientation);
    if (small) {
        libcamera::StreamConfiguration& second = configuration->at(1);
        const auto offered = second.formats().pixelformats();
        for (const PixelFormat format : {kNv12, kYuv420}) {
            const libcamera::PixelFormat wanted(format.fourcc);
            if (std::find(offered.begin(), offered.end(), wanted) != offered.end()) {
                second.pixelFormat = wanted;
                break;
            }
        }
        second.size = theirs(*small);
        second.bufferCount = first.bufferCount;
    }
    if (configuration->validate() == libcamera::CameraConfiguration::Invalid || configuration->size() != roles.size())
        return nullptr;
    if (small) {
        const libcamera::StreamConfiguration& second = configuration->at(1);
        const PixelFormat format = ours(second.pixelFormat);
        const bool serves = is420(format) && servesAnalysis(ours(second.size), main);
        if (!serves || ours(configuration->at(0).size) != main ||
            ours(configuration->at(0).pixelFormat) != request.format)
            return nullptr;
    }
    return configuration;
}

LibcameraDevice::Configuration LibcameraDevice::negotiate(const CameraRequest& request) const {
    Configuration alone = negotiate(request, Size{});
    if (!alone)
        throw std::runtime_error(what() + ": does not accept any configuration for " + name(request.format));
    const libcamera::StreamConfiguration& stream = alone->at(0);
    if (ours(stream.pixelFormat) != request.format)
        throw std::runtime_error(what() + ": gives " + name(ours(stream.pixelFormat)) + " at " +
                                 stream.size.toString() + " instead of " + name(request.format) + ": try another size");
    if (request.analysisStream) {
        if (Configuration two = negotiate(request, ours(stream.size)))
            return two;
        // asking for two may have changed what the camera remembers of one
        alone = negotiate(request, Size{});
    }
    return alone;
}

CameraSetup LibcameraDevice::configure(const CameraRequest& request) {
    CameraSetup setup;
    configuration_ = negotiate(request);
    try {
        const SettledOrientation settled = settleOrientation(request.orientation, orientation(*configuration_));
        setup.rotation = settled.rotation;
        note(setup, settled.note);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(what() + ": " + error.what());
    }
    if (const int error = camera_->configure(configuration_.get()); error < 0)
        throw std::system_error(-error, std::generic_category(), "configuring " + what());
    initial_ = libcamera::ControlList(camera_->controls());
    applySettings(request.settings, camera_->controls(), initial_);
    applyFrameRate(request, setup);
    setup.color = colorOf(configuration_->at(0).colorSpace);
    allocate(setup);
    return setup;
}

void LibcameraDevice::applyFrameRate(const CameraRequest& request, CameraSetup& setup) {
    const auto found = camera_->controls().find(controls::FRAME_DURATION_LIMITS);
    if (found == camera_->controls().end())
        return;
    if (const auto given = initial_.get(controls::FrameDurationLimits)) {
        setup.frameRate = slowestRate((*given)[1]);
        return;
    }
    const SettledFrameRate settled = settleFrameRate(request.frameRate, found->second);
    if (settled.limits)
        initial_.set(controls::FrameDurationLimits, libcamera::Span<const std::int64_t, 2>(*settled.limits));
    setup.frameRate = settled.rate;
    note(setup, settled.note);
}

void LibcameraDevice::note(CameraSetup& setup, const std::string& what) const {
    if (!what.empty())
        setup.notes.push_back(this->what() + ": " + what);
}

void LibcameraDevice::allocate(CameraSetup& setup) {
    allocator_ = std::make_unique<libcamera::FrameBufferAllocator>(camera_);
    std::size_t count = SIZE_MAX;
    for (const libcamera::StreamConfiguration& stream : *configuration_) {
        const int allocated = allocator_->allocate(stream.stream());
        if (allocated <= 0)
            throw std::system_error(allocated < 0 ? -allocated : ENOMEM, std::generic_category(),
                                    "allocating buffers of " + what() + " for " + stream.toString());
        count = std::min(count, static_cast<std::size_t>(allocated));
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::unique_ptr<libcamera::Request> request = camera_->createRequest(i);
        if (!request)
            throw std::runtime_error("making a request of " + what() + " failed");
        CameraBuffers buffers;
        for (const libcamera::StreamConfiguration& stream : *configuration_) {
            libcamera::FrameBuffer& buffer = *allocator_->buffers(stream.stream())[i];
            if (const int error = request->addBuffer(stream.stream(), &buffer); error < 0)
                throw std::system_error(-error, std::generic_category(), "adding a buffer to a request of " + what());
            mapped_.emplace_back(buffer);
            const Picture picture = pictureOf(stream, buffer, mapped_.back());
            if (&stream == &configuration_->at(0))
                buffers.main = picture;
            else
                buffers.analysis = picture;
        }
        setup.buffers.push_back(buffers);
        requests_.push_back(std::move(request));
    }
    used_.assign(count, 0);
}

void LibcameraDevice::start(CameraListener& listener) {
    listener_ = &listener;
    telling_.open();
    std::fill(used_.begin(), used_.end(), char{0});
    controlsQueued_ = false;
    camera_->requestCompleted.connect(this, &LibcameraDevice::completed);
    camera_->disconnected.connect(this, &LibcameraDevice::disconnected);
    if (const int error = camera_->start(&initial_); error < 0) {
        stop();
        throw std::system_error(-error, std::generic_category(), "starting " + what());
    }
}

Status LibcameraDevice::queue(std::size_t buffer) noexcept {
    libcamera::Request& request = *requests_[buffer];
    if (std::exchange(used_[buffer], char{1}))
        request.reuse(libcamera::Request::ReuseBuffers);
    if (!std::exchange(controlsQueued_, true))  // several pipelines take no heed of those that they are started with
        request.controls().merge(initial_);
    if (const int error = camera_->queueRequest(&request); error < 0)
        return Status::failure("queueing a request to " + what() + ": " + std::generic_category().message(-error));
    return {};
}

void LibcameraDevice::stop() noexcept {
    if (!listener_)
        return;
    camera_->stop();
    camera_->requestCompleted.disconnect(this);
    camera_->disconnected.disconnect(this);
    forgetListener();
}

bool LibcameraDevice::abandon() noexcept {
    forgetListener();
    abandoned = true;
    return true;  // its slots stay connected
}

/// It may be unplugged, or come back to life, at this very moment: then waits until the listener has been told.
void LibcameraDevice::forgetListener() noexcept {
    telling_.close();
    listener_ = nullptr;
}

/// On libcamera's thread.
void LibcameraDevice::completed(libcamera::Request* request) {
    CapturedPicture picture;
    picture.buffer = static_cast<std::size_t>(request->cookie());
    if (request->status() == libcamera::Request::RequestCancelled) {
        picture.outcome = CaptureOutcome::Cancelled;
        telling_.pass([&] { listener_->captured(picture); });
        return;
    }
    for (const auto& [stream, buffer] : request->buffers()) {
        if (buffer->metadata().status != libcamera::FrameMetadata::FrameSuccess)
            picture.outcome = CaptureOutcome::Failed;
    }
    const libcamera::FrameBuffer& main = *request->buffers().at(configuration_->at(0).stream());
    readMetadata(main.metadata(), request->metadata(), now(CLOCK_MONOTONIC), CaptureClock::now(), picture);
    telling_.pass([&] { listener_->captured(picture); });
}

/// On libcamera's thread.
void LibcameraDevice::disconnected() {
    telling_.pass([this] { listener_->disconnected(); });
}

}  // namespace

CaptureTime captureTime(std::chrono::nanoseconds timestamp, std::chrono::nanoseconds monotonicNow, CaptureTime now) {
    if (timestamp.count() <= 0)  // the camera does not tell
        return now;
    const std::chrono::nanoseconds suspended = now.time_since_epoch() - monotonicNow;
    // a time of the boot clock lies before now, but after now less any time spent in suspend
    const bool isMonotonic = timestamp <= monotonicNow && monotonicNow - timestamp < suspended;
    return CaptureTime(isMonotonic ? timestamp + suspended : timestamp);
}

void readMetadata(const libcamera::FrameMetadata& main, const libcamera::ControlList& metadata,
                  std::chrono::nanoseconds monotonicNow, CaptureTime now, CapturedPicture& picture) {
    picture.sequence = main.sequence;
    picture.bytes = main.planes().empty() ? 0 : main.planes()[0].bytesused;
    const auto timestamp = metadata.get(controls::SensorTimestamp).value_or(static_cast<std::int64_t>(main.timestamp));
    picture.time = captureTime(std::chrono::nanoseconds(timestamp), monotonicNow, now);
    if (const auto exposure = metadata.get(controls::ExposureTime))
        picture.sensor.exposure = std::chrono::microseconds(*exposure);
    if (const auto gain = metadata.get(controls::AnalogueGain))
        picture.sensor.gain = static_cast<double>(*gain) * metadata.get(controls::DigitalGain).value_or(1.0F);
    if (const auto duration = metadata.get(controls::FrameDuration))
        picture.duration = std::chrono::microseconds(*duration);
}

bool anyCameraAbandoned() noexcept {
    return abandoned;
}

std::unique_ptr<CameraDevice> openLibcameraDevice(std::shared_ptr<libcamera::Camera> camera) {
    return std::make_unique<LibcameraDevice>(std::move(camera));
}

}  // namespace smartcodec
