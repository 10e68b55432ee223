#include "tests/support/emulated_v4l2_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>

#include "tests/support/v4l2_uapi.h"

namespace smartcodec::emulated {
namespace {

template <class Argument>
Argument& as(void* argument) {
    return *static_cast<Argument*>(argument);
}

constexpr std::uint32_t kLinuxVersion = 6 << 16 | 12 << 8;

}  // namespace

EncoderFile::EncoderFile(const V4l2Personality& personality, EmulatedV4l2::Coding coding, Journal& journal,
                         unsigned variant)
    : personality_(personality),
      coding_(coding),
      journal_(journal),
      variant_(personality.changesParameterSets ? variant : 0),
      handle_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      formats_(personality),
      controls_(personality),
      settings_(personality, controls_),
      output_({.type = formats_.outputType(),
               .memories = personality.memories,
               .atLeast = static_cast<std::uint32_t>(personality.outputBuffersAtLeast),
               .emptyEnds = personality.emptyOutputEnds}),
      capture_({.type = formats_.captureType(),
                .memories = personality.memories,
                .atLeast = static_cast<std::uint32_t>(personality.captureBuffersAtLeast),
                .keepsLast = personality.keepsLastFlag}),
      latched_(VIDEO_MAX_FRAME) {
    if (!handle_)
        throw std::system_error(errno, std::generic_category(), "opening an emulated encoder");
    update();
    worker_ = std::thread([this] { work(); });
}

EncoderFile::~EncoderFile() {
    {
        const Lock lock(mutex_);
        quit_ = true;
    }
    changed_.notify_all();
    worker_.join();
}

bool EncoderFile::closeDescriptor() {
    const Lock lock(mutex_);
    const bool ours = ::fcntl(handle_.get(), F_GETFD) >= 0;
    if (!ours)
        (void)handle_.release();
    handle_.reset();
    return ours;
}

int EncoderFile::ioctl(unsigned long request, void* argument) {
    Lock lock(mutex_);
    if (dead_ != 0)
        return dead_;
    if (_IOC_TYPE(request) != 'V')
        return ENOTTY;
    if (!argument)
        return EFAULT;
    int result = EIO;
    try {
        result = dispatch(request, argument, lock);
    } catch (const std::exception&) {
        // no memory for buffers, or a codec that does not open: a driver's firmware would say no more either
    }
    update();
    return result;
}

void* EncoderFile::map(std::size_t lengthBytes, std::int64_t offset) {
    const Lock lock(mutex_);
    if (dead_ != 0) {
        errno = dead_;
        return MAP_FAILED;
    }
    return (offset < 1 << 30 ? output_ : capture_).map(lengthBytes, offset);
}

int EncoderFile::dispatch(unsigned long request, void* argument, Lock& lock) {
    switch (request) {
        case VIDIOC_QUERYCAP:
            return describe(as<v4l2_capability>(argument));
        case VIDIOC_ENUM_FMT:
        case VIDIOC_ENUM_FRAMESIZES:
        case VIDIOC_ENUM_FRAMEINTERVALS:
        case VIDIOC_G_FMT:
        case VIDIOC_S_FMT:
        case VIDIOC_TRY_FMT:
        case VIDIOC_G_PARM:
        case VIDIOC_S_PARM:
        case VIDIOC_G_SELECTION:
        case VIDIOC_S_SELECTION:
            return dispatchFormat(request, argument);
        case VIDIOC_QUERYCTRL:
        case VIDIOC_QUERY_EXT_CTRL:
        case VIDIOC_QUERYMENU:
        case VIDIOC_G_CTRL:
        case VIDIOC_S_CTRL:
        case VIDIOC_G_EXT_CTRLS:
        case VIDIOC_S_EXT_CTRLS:
        case VIDIOC_TRY_EXT_CTRLS:
            return dispatchControl(request, argument);
        case VIDIOC_REQBUFS:
        case VIDIOC_QUERYBUF:
        case VIDIOC_QBUF:
        case VIDIOC_DQBUF:
        case VIDIOC_EXPBUF:
        case VIDIOC_STREAMON:
        case VIDIOC_STREAMOFF:
            return dispatchBuffer(request, argument, lock);
        default:
            return dispatchEvent(request, argument);
    }
}

int EncoderFile::describe(v4l2_capability& capability) const {
    capability = {};
    const auto copy = [](const std::string& from, auto& to) {
        std::memcpy(to, from.data(), std::min(from.size(), sizeof to - 1));
    };
    copy(personality_.driver, capability.driver);
    copy(personality_.card, capability.card);
    copy("platform:" + personality_.name, capability.bus_info);
    capability.version = kLinuxVersion;
    capability.device_caps =
        (personality_.multiplanar ? V4L2_CAP_VIDEO_M2M_MPLANE : V4L2_CAP_VIDEO_M2M) | V4L2_CAP_STREAMING;
    if (personality_.extendedQuery)
        capability.device_caps |= V4L2_CAP_EXT_PIX_FORMAT;
    capability.capabilities = capability.device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

int EncoderFile::dispatchFormat(unsigned long request, void* argument) {
    switch (request) {
        case VIDIOC_ENUM_FMT:
            return personality_.enumeratesFormats ? formats_.enumerate(as<v4l2_fmtdesc>(argument)) : ENOTTY;
        case VIDIOC_ENUM_FRAMESIZES:
            return personality_.enumeratesSizes ? formats_.enumerateSizes(as<v4l2_frmsizeenum>(argument)) : ENOTTY;
        case VIDIOC_ENUM_FRAMEINTERVALS:
            return personality_.enumeratesIntervals ? formats_.enumerateIntervals(as<v4l2_frmivalenum>(argument))
                                                    : ENOTTY;
        case VIDIOC_G_FMT:
            return formats_.get(as<v4l2_format>(argument));
        case VIDIOC_TRY_FMT:
            return formats_.attempt(as<v4l2_format>(argument));
        case VIDIOC_S_FMT:
            return setFormat(as<v4l2_format>(argument));
        case VIDIOC_G_PARM:
            return setParameters(as<v4l2_streamparm>(argument), false);
        case VIDIOC_S_PARM:
            return setParameters(as<v4l2_streamparm>(argument), true);
        case VIDIOC_G_SELECTION:
            return personality_.crops ? formats_.getSelection(as<v4l2_selection>(argument)) : ENOTTY;
        default:
            if (!personality_.crops)
                return ENOTTY;
            if (output_.streaming())
                return EBUSY;
            return formats_.setSelection(as<v4l2_selection>(argument));
    }
}

int EncoderFile::setFormat(v4l2_format& format) {
    if (!formats_.ours(format.type))
        return EINVAL;
    // CAPTURE is the master: it must not change under either queue's buffers
    const bool capture = format.type == formats_.captureType();
    if (output_.allocated() || (capture ? capture_.allocated() : capture_.streaming()))
        return EBUSY;
    const int error = formats_.set(format);
    if (error == 0)
        controls_.tell(uapi::kCidRoiMbSize, formats_.coded() == V4L2_PIX_FMT_HEVC ? 32 : 16);
    return error;
}

int EncoderFile::setParameters(v4l2_streamparm& parameters, bool set) {
    if (!personality_.hasFrameRate)
        return ENOTTY;
    const bool capture = parameters.type == formats_.captureType();
    if (!formats_.ours(parameters.type) || (capture && !personality_.captureFrameRate))
        return EINVAL;
    v4l2_fract asked = capture ? parameters.parm.capture.timeperframe : parameters.parm.output.timeperframe;
    const std::uint32_t type = parameters.type;
    parameters = {};
    parameters.type = type;
    if (set) {
        if (asked.numerator == 0 || asked.denominator == 0)
            asked = {1, 30};
        frameRateSet_ |= capture == personality_.captureFrameRate;
        if (capture == personality_.captureFrameRate)
            settings_.setFrameRate(1.0 * asked.denominator / asked.numerator);
    } else {
        asked = {1000, static_cast<std::uint32_t>(settings_.frameRate() * 1000 + 0.5)};
    }
    const std::uint32_t capability = personality_.tellsTimePerFrame ? V4L2_CAP_TIMEPERFRAME : 0;
    if (capture) {
        parameters.parm.capture.timeperframe = asked;
        parameters.parm.capture.capability = capability;
    } else {
        parameters.parm.output.timeperframe = asked;
        parameters.parm.output.capability = capability;
    }
    return 0;
}

int EncoderFile::dispatchControl(unsigned long request, void* argument) {
    const bool streaming = output_.streaming() && capture_.streaming();
    const bool simple = request == VIDIOC_QUERYCTRL || request == VIDIOC_G_CTRL || request == VIDIOC_S_CTRL;
    if ((simple && !personality_.simpleControls) || (request == VIDIOC_QUERY_EXT_CTRL && !personality_.extendedQuery))
        return ENOTTY;
    std::vector<ControlChange> changes;
    int error = 0;
    switch (request) {
        case VIDIOC_QUERYCTRL:
            return controls_.query(as<v4l2_queryctrl>(argument));
        case VIDIOC_QUERY_EXT_CTRL:
            return controls_.query(as<v4l2_query_ext_ctrl>(argument));
        case VIDIOC_QUERYMENU:
            return controls_.menu(as<v4l2_querymenu>(argument));
        case VIDIOC_G_CTRL:
            return controls_.get(as<v4l2_control>(argument));
        case VIDIOC_G_EXT_CTRLS:
            return controls_.get(as<v4l2_ext_controls>(argument));
        case VIDIOC_TRY_EXT_CTRLS:
            return controls_.set(as<v4l2_ext_controls>(argument), streaming, nullptr);
        case VIDIOC_S_CTRL: {
            const auto& control = as<v4l2_control>(argument);
            error = controls_.set(as<v4l2_control>(argument), streaming, changes);
            if (error == 0)
                journal_.control(control.id, control.value);
            break;
        }
        default: {
            auto& controls = as<v4l2_ext_controls>(argument);
            error = controls_.set(controls, streaming, &changes);
            for (std::uint32_t i = 0; error == 0 && i < controls.count; ++i)
                journal_.control(controls.controls[i].id,
                                 controls.controls[i].size > 0 ? 0 : controls.controls[i].value);
        }
    }
    changed(changes);
    return error;
}

void EncoderFile::changed(const std::vector<ControlChange>& changes) {
    for (const ControlChange& change : changes)
        settings_.change(change, formats_.coded(), formats_.visible());
}

Queue* EncoderFile::queueOf(std::uint32_t type) {
    if (type == formats_.outputType())
        return &output_;
    return type == formats_.captureType() ? &capture_ : nullptr;
}

int EncoderFile::dispatchBuffer(unsigned long request, void* argument, Lock& lock) {
    switch (request) {
        case VIDIOC_REQBUFS:
            return requestBuffers(as<v4l2_requestbuffers>(argument));
        case VIDIOC_QUERYBUF: {
            Queue* queue = queueOf(as<v4l2_buffer>(argument).type);
            return queue ? queue->query(as<v4l2_buffer>(argument)) : EINVAL;
        }
        case VIDIOC_QBUF:
            return queueBuffer(as<v4l2_buffer>(argument));
        case VIDIOC_DQBUF: {
            Queue* queue = queueOf(as<v4l2_buffer>(argument).type);
            return queue ? queue->dequeue(as<v4l2_buffer>(argument)) : EINVAL;
        }
        case VIDIOC_EXPBUF: {
            Queue* queue = queueOf(as<v4l2_exportbuffer>(argument).type);
            return queue ? queue->exportBuffer(as<v4l2_exportbuffer>(argument)) : EINVAL;
        }
        case VIDIOC_STREAMON:
            return streamOn(static_cast<std::uint32_t>(as<int>(argument)));
        default:
            return streamOff(static_cast<std::uint32_t>(as<int>(argument)), lock);
    }
}

int EncoderFile::requestBuffers(v4l2_requestbuffers& request) {
    Queue* queue = queueOf(request.type);
    return queue ? queue->request(request, formats_.planeBytes(queue == &output_)) : EINVAL;
}

int EncoderFile::queueBuffer(v4l2_buffer& buffer) {
    Queue* queue = queueOf(buffer.type);
    if (!queue)
        return EINVAL;
    if (queue == &output_ && stopSeen_ && !personality_.takesOutputAfterStop)
        return EIO;
    if (const int error = queue->queue(buffer))
        return error;
    if (queue == &output_) {
        journal_.imported(output_.descriptors(buffer.index));
        journal_.queued(buffer.timestamp);
        latched_[buffer.index] = settings_.latch(buffer.index);
    }
    changed_.notify_all();
    return 0;
}

int EncoderFile::dispatchEvent(unsigned long request, void* argument) {
    switch (request) {
        case VIDIOC_ENCODER_CMD:
            return personality_.hasEncoderCommand ? command(as<v4l2_encoder_cmd>(argument), false) : ENOTTY;
        case VIDIOC_TRY_ENCODER_CMD:
            return personality_.hasEncoderCommand && personality_.hasTryEncoderCommand
                       ? command(as<v4l2_encoder_cmd>(argument), true)
                       : ENOTTY;
        case VIDIOC_SUBSCRIBE_EVENT:
            return subscribe(as<v4l2_event_subscription>(argument), true);
        case VIDIOC_UNSUBSCRIBE_EVENT:
            return subscribe(as<v4l2_event_subscription>(argument), false);
        case VIDIOC_DQEVENT: {
            if (events_.empty())
                return ENOENT;
            auto& event = as<v4l2_event>(argument);
            event = events_.front();
            events_.pop_front();
            event.pending = static_cast<std::uint32_t>(events_.size());
            return 0;
        }
        default:
            return ENOTTY;
    }
}

int EncoderFile::subscribe(const v4l2_event_subscription& subscription, bool on) {
    if (!on) {
        if (subscription.type == V4L2_EVENT_ALL)
            subscriptions_.clear();
        else
            subscriptions_.erase(subscription.type);
        if (subscriptions_.empty())
            events_.clear();
        return 0;
    }
    // an encoder must not offer V4L2_EVENT_SOURCE_CHANGE
    if (subscription.type != V4L2_EVENT_EOS &&
        (subscription.type != V4L2_EVENT_CTRL || !controls_.has(subscription.id)))
        return EINVAL;
    subscriptions_.insert(subscription.type);
    return 0;
}

int EncoderFile::command(v4l2_encoder_cmd& command, bool attempt) {
    if (command.cmd != V4L2_ENC_CMD_STOP && command.cmd != V4L2_ENC_CMD_START)
        return EINVAL;
    command.flags = 0;
    const bool starts = command.cmd == V4L2_ENC_CMD_START && !personality_.startStops;
    if (starts && !personality_.takesStart)
        return EINVAL;
    if (attempt)
        return 0;
    if (!starts && personality_.stopNeedsStreaming && !output_.streaming())
        return EINVAL;
    if (!output_.streaming() || !capture_.streaming())
        return 0;
    if (starts && !personality_.startResumes)
        return 0;
    if (draining_)
        return EBUSY;
    if (!starts) {
        stop();
    } else if (stopped_) {
        stopped_ = false;
        capture_.resume();
    }
    changed_.notify_all();
    return 0;
}

}  // namespace smartcodec::emulated
