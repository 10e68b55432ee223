#include "encoder/v4l2_session.h"

#include <linux/videodev2.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace smartcodec {

namespace {

constexpr std::uint32_t kBitstreamBuffers = 4;
constexpr double kFrameRateRounding = 0.01;  // of the rate asked for: drivers keep it in units of their own

[[nodiscard]] std::string text(Size size) {
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

}  // namespace

V4l2Session::V4l2Session(V4l2System& system, const V4l2StreamSettings& settings)
    : settings_(settings),
      device_(system, settings.node.path),
      controls_(device_),
      bitstream_(device_, V4l2Queue::Kind::Bitstream, settings.node.multiplanar),
      frames_(device_, V4l2Queue::Kind::Frames, settings.node.multiplanar) {
    // The coded format is the master: setting it may reset the format of the frames.
    setBitstreamFormat();
    setFrameFormat();
    keepBitstreamRoom();
    // Best effort: a driver without it reckons with a rate of its own, and no other way is known of telling it.
    static_cast<void>(setFrameRate(settings_.frameRate));
    setCrop();
}

void V4l2Session::refuse(const std::string& reason) const {
    throw std::runtime_error(device_.path() + " (" + settings_.node.driver + ") " + reason);
}

void V4l2Session::require(const V4l2Result& result) const {
    if (!result.ok())
        throw std::system_error(result.error, std::generic_category(),
                                device_.path() + " (" + settings_.node.driver + "): " + result.attempt);
}

void V4l2Session::setBitstreamFormat() {
    V4l2Format format;
    format.fourcc = settings_.coded;
    format.size = settings_.size;
    format.color = settings_.color;
    // Asked for explicitly: drivers' own choice is too small for a busy picture, or they have none.
    format.planes[0].sizeBytes = settings_.bitstreamBytes;
    require(bitstream_.setFormat(format));
    if (format.fourcc != settings_.coded)
        refuse("codes " + v4l2FourccName(format.fourcc) + " where " + v4l2FourccName(settings_.coded) +
               " was asked for");
}

/// Setting the format of the frames makes some drivers choose the size of the bit stream's buffers anew.
void V4l2Session::keepBitstreamRoom() {
    v4l2_format wire{};
    wire.type = bitstream_.type();
    if (device_.ioctl(VIDIOC_G_FMT, wire) != 0)
        return;
    V4l2Format now;
    now.fromV4l2(wire);
    if (now.planes[0].sizeBytes < bitstream_.format().planes[0].sizeBytes)
        setBitstreamFormat();
}

bool V4l2Session::tryFrameFormat(std::uint32_t fourcc, std::size_t strideBytes) {
    V4l2Format format;
    format.fourcc = fourcc;
    format.size = settings_.size;
    format.color = settings_.color;
    const bool separate = fourcc == V4L2_PIX_FMT_NV12M || fourcc == V4L2_PIX_FMT_YUV420M;
    format.planeCount = !separate ? 1 : fourcc == V4L2_PIX_FMT_NV12M ? 2 : 3;
    for (std::size_t i = 0; i < static_cast<std::size_t>(format.planeCount); ++i)
        format.planes[i].strideBytes = i > 0 && fourcc == V4L2_PIX_FMT_YUV420M ? strideBytes / 2 : strideBytes;
    require(frames_.setFormat(format));
    // What a driver does not take it adjusts instead of refusing it.
    const std::optional<RawLayout> layout = RawLayout::of(format);
    if (format.fourcc != fourcc || !layout || format.size.width < settings_.size.width ||
        format.size.height < settings_.size.height)
        return false;
    layout_ = *layout;
    return true;
}

bool V4l2Session::takesLayout(const Picture& picture) const {
    const std::optional<RawLayout::Import> import = layout_.import(picture);
    // A single-planar buffer has no place for an offset.
    return import && (import->atStart || (settings_.offsetsHeeded && settings_.node.multiplanar));
}

bool V4l2Session::fits(const Picture& picture) const {
    return !importing_ || takesLayout(picture);
}

void V4l2Session::setFrameFormat() {
    const V4l2CodedFormat* coded = settings_.node.find(settings_.coded);
    if (!coded)
        refuse("does not code " + v4l2FourccName(settings_.coded));
    std::vector<std::uint32_t> candidates;
    for (const std::uint32_t fourcc : rawFormatsFor(settings_.format))
        if (std::ranges::find(coded->rawFormats, fourcc) != coded->rawFormats.end())
            candidates.push_back(fourcc);
    if (candidates.empty())
        refuse(is420(settings_.format) ? "takes no 8-bit 4:2:0 pictures (NV12, YU12), which are all that is recorded"
                                       : "takes no " + name(settings_.format) + " pictures");

    if (settings_.dmabufLayout) {
        for (const std::uint32_t fourcc : candidates)
            if (tryFrameFormat(fourcc, settings_.dmabufLayout->planes[0].strideBytes) &&
                takesLayout(*settings_.dmabufLayout)) {
                importing_ = true;
                return;
            }
        importRefusal_ = "it wants pictures laid out in another way than the source's dmabufs";
    }
    for (const std::uint32_t fourcc : candidates)
        if (tryFrameFormat(fourcc, 0))
            return;
    refuse("does not take pictures of " + text(settings_.size) + " but of " + text(frames_.format().size) +
           (coded->largest.width > 0 ? ", from " + text(coded->smallest) + " to " + text(coded->largest) : "") +
           "; record at another size");
}

int V4l2Session::setFrameRate(FrameRate rate) {
    const int error = setFrameRate(frames_.type(), rate);
    const int own = settings_.node.find(settings_.coded)->ownFrameRate ? setFrameRate(bitstream_.type(), rate) : 0;
    return error != 0 ? error : own;
}

int V4l2Session::setFrameRate(std::uint32_t type, FrameRate rate) {
    v4l2_streamparm parameters{};
    parameters.type = type;
    v4l2_fract& interval =
        V4L2_TYPE_IS_OUTPUT(type) ? parameters.parm.output.timeperframe : parameters.parm.capture.timeperframe;
    interval.numerator = static_cast<std::uint32_t>(rate.denominator);
    interval.denominator = static_cast<std::uint32_t>(rate.numerator);
    const int error = device_.ioctl(VIDIOC_S_PARM, parameters);
    if (error != 0 || interval.numerator == 0 || interval.denominator == 0)
        return error;
    const double share =
        static_cast<double>(interval.denominator) / static_cast<double>(interval.numerator) / rate.value();
    frameRateShare_ = std::abs(share - 1) > kFrameRateRounding ? share : 1;
    return 0;
}

void V4l2Session::setCrop() {
    const auto width = static_cast<std::uint32_t>(settings_.size.width);
    const auto height = static_cast<std::uint32_t>(settings_.size.height);
    const auto isWanted = [&](const v4l2_rect& rect) {
        return rect.left == 0 && rect.top == 0 && rect.width == width && rect.height == height;
    };
    v4l2_selection selection{};
    const auto ask = [&] {
        selection = {};
        selection.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;  // of either planarity: the kernel maps it
        selection.target = V4L2_SEL_TGT_CROP;
        return device_.ioctl(VIDIOC_G_SELECTION, selection);
    };
    const bool answers = ask() == 0;
    if (answers ? isWanted(selection.r) : frames_.format().size == settings_.size)
        return;

    selection.r = {.left = 0, .top = 0, .width = width, .height = height};
    selection.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    selection.target = V4L2_SEL_TGT_CROP;
    if (device_.ioctl(VIDIOC_S_SELECTION, selection) == 0) {
        if (ask() == 0 && isWanted(selection.r))
            return;
    } else {
        v4l2_crop crop{};
        crop.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
        crop.c = {.left = 0, .top = 0, .width = width, .height = height};
        if (device_.ioctl(VIDIOC_S_CROP, crop) == 0 && device_.ioctl(VIDIOC_G_CROP, crop) == 0 && isWanted(crop.c))
            return;
    }
    refuse("would code pictures of " + text(frames_.format().size) + " instead of " + text(settings_.size) +
           " and cannot crop them; record at that size");
}

void V4l2Session::allocateFrames() {
    const auto least = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(controls_.get(V4L2_CID_MIN_BUFFERS_FOR_OUTPUT).value_or(1), 1, VIDEO_MAX_FRAME));
    mostInside_ = std::max(least, settings_.picturesInside);
    if (importing_) {
        // As many as there can be, so that every buffer of the source keeps its own and is mapped once.
        const V4l2Result result = frames_.allocate(V4l2Queue::Memory::Dmabuf, VIDEO_MAX_FRAME);
        if (result.ok()) {
            imports_.assign(frames_.count(), {});
            return;
        }
        importing_ = false;
        importRefusal_ = result.text();
    }
    require(frames_.allocate(V4l2Queue::Memory::Mapped, static_cast<std::uint32_t>(mostInside_)));
}

void V4l2Session::start() {
    allocateFrames();
    require(bitstream_.allocate(V4l2Queue::Memory::Mapped, kBitstreamBuffers));
    // Some drivers tell the end of the stream by this event alone; the others need not know it.
    v4l2_event_subscription subscription{};
    subscription.type = V4L2_EVENT_EOS;
    static_cast<void>(device_.ioctl(VIDIOC_SUBSCRIBE_EVENT, subscription));
    require(run());
}

V4l2Result V4l2Session::stop() {
    const V4l2Result frames = frames_.streamOff();
    const V4l2Result bitstream = bitstream_.streamOff();
    return frames.ok() ? bitstream : frames;
}

V4l2Result V4l2Session::run() {
    draining_ = emptyPiece_ = saidLast_ = endEvent_ = ended_ = broken_ = idle_ = false;
    stopAccepted_ = true;
    while (std::optional<V4l2Queue::Buffer> buffer = bitstream_.take())
        if (const V4l2Result result = bitstream_.queue(std::move(*buffer), {}); !result.ok())
            return result;
    if (const V4l2Result result = frames_.streamOn(); !result.ok())
        return result;
    return bitstream_.streamOn();
}

std::optional<V4l2Queue::Buffer> V4l2Session::room(const Picture& picture) {
    if (!importing_)
        return frames_.take();
    if (frames_.queued() >= mostInside_)
        return std::nullopt;
    const std::optional<RawLayout::Import> import = layout_.import(picture);
    return import ? roomForDmabufs(*import, picture) : std::nullopt;
}

std::optional<V4l2Queue::Buffer> V4l2Session::roomForDmabufs(const RawLayout::Import& import, const Picture& picture) {
    std::array<int, kMaxPlanes> dmabufs{-1, -1, -1};
    for (std::size_t i = 0; i < static_cast<std::size_t>(layout_.bufferPlanes); ++i)
        dmabufs[i] = picture.planes[import.planes[i].picturePlane].dmabuf;
    for (std::uint32_t index = 0; index < imports_.size(); ++index)
        if (imports_[index].dmabufs == dmabufs)
            if (std::optional<V4l2Queue::Buffer> buffer = frames_.take(index))
                return buffer;
    // A dmabuf that was not here before gets the buffer that has been idle longest; unused ones first.
    std::vector<Import>::iterator oldest = imports_.end();
    std::optional<V4l2Queue::Buffer> best;
    for (auto entry = imports_.begin(); entry != imports_.end(); ++entry) {
        if (best && entry->used >= oldest->used)
            continue;
        if (auto buffer = frames_.take(static_cast<std::uint32_t>(entry - imports_.begin()))) {
            best = std::move(buffer);
            oldest = entry;
        }
    }
    if (best)
        *oldest = {.dmabufs = dmabufs};
    return best;
}

/// The length is asked for each time: the kernel would take 0 for the dmabuf's own, but not together with the bytes
/// used, and a descriptor's number may be another dmabuf's by now.
V4l2Result V4l2Session::fill(V4l2Queue::Filling& filling, const Picture& picture) const {
    const RawLayout::Import import = layout_.import(picture).value();
    for (std::size_t i = 0; i < static_cast<std::size_t>(layout_.bufferPlanes); ++i) {
        V4l2Queue::Filling::Plane& plane = filling.planes[i];
        plane.dmabuf = picture.planes[import.planes[i].picturePlane].dmabuf;
        plane.offsetBytes = import.planes[i].offsetBytes;
        const std::int64_t length = device_.system().length(plane.dmabuf);
        if (length <= 0)
            return {"asking how long a frame's dmabuf is (lseek)", length < 0 ? errno : EINVAL};
        plane.lengthBytes = static_cast<std::size_t>(length);
    }
    return {};
}

V4l2Result V4l2Session::submit(V4l2Queue::Buffer buffer, const Picture& picture, std::chrono::microseconds timestamp) {
    broken_ = idle_ = false;
    V4l2Queue::Filling filling;
    filling.timestamp = timestamp;
    for (std::size_t i = 0; i < static_cast<std::size_t>(layout_.bufferPlanes); ++i)
        filling.planes[i].usedBytes = layout_.usedBytes[i];
    if (importing_) {
        if (const V4l2Result result = fill(filling, picture); !result.ok())
            return result;
        imports_[buffer.index()].used = ++submitted_;
    } else {
        layout_.copy(picture, buffer.memory());
    }
    return frames_.queue(std::move(buffer), filling);
}

V4l2Result V4l2Session::wait(const Interest& interest, Woken& woken) {
    woken = {};
    short events = POLLPRI;
    if (!ended_)  // after the last piece it says for ever that it has something
        events |= POLLIN;
    if (frames_.queued() > 0)  // without need of room too: a buffer that comes back is its source's to use again
        events |= POLLOUT;
    std::array<pollfd, 2> descriptors{};
    std::size_t count = 0;
    if (interest.device)
        descriptors[count++] = {.fd = device_.descriptor(), .events = events, .revents = 0};
    if (interest.wake >= 0)
        descriptors[count++] = {.fd = interest.wake, .events = POLLIN, .revents = 0};
    const auto limit =
        interest.limit.count() < 0
            ? -1
            : static_cast<int>(std::min<std::int64_t>(interest.limit.count(), std::numeric_limits<int>::max()));
    if (device_.system().poll(std::span(descriptors).first(count), limit) < 0) {
        const int error = errno;
        return {"waiting for the encoder (poll)", error == EINTR ? 0 : error};
    }
    if (interest.device) {
        woken.device = descriptors[0].revents != 0;
        eventWaits_ = eventWaits_ || (descriptors[0].revents & POLLPRI) != 0;
        broken_ = (descriptors[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    }
    woken.wake = interest.wake >= 0 && descriptors[count - 1].revents != 0;
    return {};
}

V4l2Result V4l2Session::collect(V4l2Sink& sink, bool& moved) {
    moved = false;
    if (const V4l2Result result = collectPictures(sink, moved); !result.ok())
        return result;
    if (draining_ || eventWaits_)
        takeEvents();
    if (const V4l2Result result = collectPieces(sink, moved); !result.ok())
        return result;
    const bool broken = std::exchange(broken_, false) && !moved;
    if (broken && frames_.queued() > 0)
        return {"waiting for the encoder (poll answers POLLERR)", EIO};
    idle_ = !moved && (idle_ || broken);
    return {};
}

V4l2Result V4l2Session::collectPictures(V4l2Sink& sink, bool& moved) {
    while (frames_.queued() > 0) {
        std::optional<V4l2Queue::Returned> returned;
        if (const V4l2Result result = frames_.dequeue(returned); !result.ok())
            return result;
        if (!returned)
            break;
        moved = true;
        sink.pictureReturned(returned->buffer.index());
    }
    return {};
}

V4l2Result V4l2Session::collectPieces(V4l2Sink& sink, bool& moved) {
    // Kernels before 5.x leave the flag for the last piece on a buffer that is used again. Whether it is true only the
    // next attempt to dequeue says, and its buffer stays out of the device's hands until then.
    std::optional<V4l2Queue::Buffer> last;
    // A driver that gives each buffer back at once, empty, must not keep us here: no more than there are, and the one
    // attempt after the last.
    const std::size_t most = bitstream_.count() + 1;
    for (std::size_t tried = 0; !ended_ && tried < most && (last || bitstream_.queued() > 0); ++tried) {
        std::optional<V4l2Queue::Returned> returned;
        const V4l2Result result = bitstream_.dequeue(returned);
        if (result.error == EPIPE && draining_) {
            ended_ = moved = true;
            break;
        }
        if (!result.ok())
            return result;
        if (last)
            if (const V4l2Result queued = bitstream_.queue(*std::exchange(last, std::nullopt), {}); !queued.ok())
                return queued;
        if (!returned)
            break;
        broken_ = idle_ = false;
        moved = moved || !returned->payload.empty();  // a buffer with nothing in it is no sign of life
        takePiece(*returned, sink);
        if (draining_ && returned->last)
            last = std::move(returned->buffer);
        else if (const V4l2Result queued = bitstream_.queue(std::move(returned->buffer), {}); !queued.ok())
            return queued;
    }
    return last ? bitstream_.queue(*std::move(last), {}) : V4l2Result{};
}

void V4l2Session::takePiece(const V4l2Queue::Returned& returned, V4l2Sink& sink) {
    saidLast_ = saidLast_ || (draining_ && returned.last);
    if (!returned.payload.empty() || (returned.failed && !returned.last)) {
        sink.piece({
            .data = returned.payload,
            .timestamp = returned.timestamp,
            .full = returned.payload.size() >= returned.capacityBytes,
            .failed = returned.failed,
        });
    } else if (draining_) {
        emptyPiece_ = true;
    }
}

void V4l2Session::takeEvents() {
    v4l2_event event{};
    while (device_.ioctl(VIDIOC_DQEVENT, event) == 0)
        if (event.type == V4L2_EVENT_EOS)
            endEvent_ = true;
    eventWaits_ = false;
}

V4l2Result V4l2Session::beginDrain() {
    takeEvents();  // that the stream before has ended is old news
    endEvent_ = emptyPiece_ = saidLast_ = broken_ = idle_ = false;
    draining_ = true;
    v4l2_encoder_cmd command{};
    command.cmd = V4L2_ENC_CMD_STOP;
    const V4l2Result result{"ending the stream (VIDIOC_ENCODER_CMD)", device_.ioctl(VIDIOC_ENCODER_CMD, command)};
    // EBUSY: it is at it already. Any other refusal means that there is no such command, or not in this state.
    stopAccepted_ = result.ok() || result.error == EBUSY;
    return result.error == EIO || result.error == ENODEV ? result : V4l2Result{};
}

}  // namespace smartcodec
