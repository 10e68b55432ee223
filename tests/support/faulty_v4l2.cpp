#include "tests/support/faulty_v4l2.h"

#include <linux/videodev2.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

namespace smartcodec::test {

namespace {

struct Answers {
    unsigned long request;
    const char* name;
    std::vector<int> errors;
};
const std::vector<Answers>& answers() {
    static const std::vector<Answers> kAnswers{
        {0, "open", {EACCES, EBUSY, EINTR, EIO, ENODEV, ENOENT, ENOMEM, ENXIO}},
        {0, "close", {EIO}},
        {0, "mmap", {EAGAIN, EINVAL, ENODEV, ENOMEM}},
        {0, "lseek", {EBADF, EINVAL, ESPIPE}},
        {0, "poll", {EFAULT, EINTR, EINVAL, ENOMEM}},
        {VIDIOC_QUERYCAP, "QUERYCAP", {EINTR, EIO, ENODEV, ENOTTY}},
        {VIDIOC_ENUM_FMT, "ENUM_FMT", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_ENUM_FRAMESIZES, "ENUM_FRAMESIZES", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_G_FMT, "G_FMT", {EINVAL, EIO, ENODEV}},
        {VIDIOC_S_FMT, "S_FMT", {EBUSY, EINTR, EINVAL, EIO, ENODEV}},
        {VIDIOC_S_PARM, "S_PARM", {EBUSY, EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_G_SELECTION, "G_SELECTION", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_S_SELECTION, "S_SELECTION", {EBUSY, EINVAL, ENODEV, ENOTTY, ERANGE}},
        {VIDIOC_S_CROP, "S_CROP", {EBUSY, EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_QUERY_EXT_CTRL, "QUERY_EXT_CTRL", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_QUERYCTRL, "QUERYCTRL", {EINVAL, EIO, ENODEV, ENOTTY}},
        {VIDIOC_QUERYMENU, "QUERYMENU", {EINVAL, ENODEV, ENOTTY}},
        {VIDIOC_S_EXT_CTRLS, "S_EXT_CTRLS", {EACCES, EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOSPC, ENOTTY, ERANGE}},
        {VIDIOC_G_EXT_CTRLS, "G_EXT_CTRLS", {EACCES, EINTR, EINVAL, EIO, ENODEV, ENOSPC, ENOTTY}},
        {VIDIOC_S_CTRL, "S_CTRL", {EACCES, EBUSY, EINVAL, EIO, ENODEV, ERANGE}},
        {VIDIOC_G_CTRL, "G_CTRL", {EACCES, EINVAL, EIO, ENODEV}},
        {VIDIOC_REQBUFS, "REQBUFS", {EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOMEM}},
        {VIDIOC_QUERYBUF, "QUERYBUF", {EINVAL, ENODEV}},
        {VIDIOC_QBUF, "QBUF", {EBUSY, EFAULT, EINTR, EINVAL, EIO, ENODEV, ENOMEM}},
        {VIDIOC_DQBUF, "DQBUF", {EAGAIN, EINTR, EINVAL, EIO, ENODEV, EPIPE}},
        {VIDIOC_STREAMON, "STREAMON", {EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOMEM, EPIPE}},
        {VIDIOC_STREAMOFF, "STREAMOFF", {EINVAL, EIO, ENODEV}},
        {VIDIOC_SUBSCRIBE_EVENT, "SUBSCRIBE_EVENT", {EINVAL, ENODEV, ENOMEM, ENOTTY}},
        {VIDIOC_DQEVENT, "DQEVENT", {EINTR, EINVAL, ENODEV, ENOENT}},
        {VIDIOC_ENCODER_CMD, "ENCODER_CMD", {EBUSY, EINTR, EINVAL, EIO, ENODEV, ENOTTY}},
    };
    return kAnswers;
}

V4l2Call nameCall(unsigned long request, const void* argument) {
    const auto known = std::ranges::find(answers(), request, &Answers::request);
    V4l2Call call{.request = request, .name = known == answers().end() ? "?" : known->name};
    switch (request) {
        case VIDIOC_QBUF:
        case VIDIOC_DQBUF:
        case VIDIOC_QUERYBUF:
            call.output = V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_buffer*>(argument)->type);
            break;
        case VIDIOC_REQBUFS:
            call.output = V4L2_TYPE_IS_OUTPUT(static_cast<const v4l2_requestbuffers*>(argument)->type);
            break;
        case VIDIOC_S_FMT:
        case VIDIOC_STREAMON:
        case VIDIOC_STREAMOFF:
            call.output = V4L2_TYPE_IS_OUTPUT(*static_cast<const std::uint32_t*>(argument));
            break;
        default:
            break;
    }
    return call;
}

}  // namespace

const std::vector<int>& errorsOf(const V4l2Call& call) {
    const auto found = std::ranges::find_if(answers(), [&](const Answers& each) {
        return each.request == call.request && std::string_view(each.name) == call.name;
    });
    if (found == answers().end())
        throw std::invalid_argument(std::string("no errors are known for ") + call.name + " " +
                                    std::to_string(call.request));
    return found->errors;
}

bool mayPreventSetUp(const V4l2Call& call, int error, const V4l2Personality& personality, Size size) {
    const std::string_view name = call.name;
    const auto isOneOf = [name](std::initializer_list<std::string_view> names) {
        return std::ranges::find(names, name) != names.end();
    };
    if (error == EINTR || (error == EAGAIN && name == "DQBUF"))
        return false;
    if (isOneOf({"open", "QUERYCAP", "ENUM_FMT", "S_FMT", "REQBUFS", "QUERYBUF", "mmap", "QBUF", "DQBUF", "STREAMON",
                 "poll"}))
        return true;
    if (name == "S_PARM")
        return personality.needsFrameRate;
    const Size alignment = personality.alignment;
    const bool padded = size.width % alignment.width != 0 || size.height % alignment.height != 0;
    return padded && isOneOf({"G_SELECTION", "S_SELECTION"});
}

int FaultyV4l2::open(const char* path) {
    return strikes({.name = "open"}) ? -1 : ForwardingV4l2::open(path);
}

int FaultyV4l2::close(int descriptor) {
    // The descriptor is gone, whatever close(2) says of the data behind it.
    const int result = ForwardingV4l2::close(descriptor);
    return strikes({.name = "close"}) ? -1 : result;
}

int FaultyV4l2::ioctl(int descriptor, unsigned long request, void* argument) {
    return strikes(nameCall(request, argument)) ? -1 : ForwardingV4l2::ioctl(descriptor, request, argument);
}

void* FaultyV4l2::map(int descriptor, std::size_t lengthBytes, std::int64_t offset) {
    return strikes({.name = "mmap"}) ? MAP_FAILED : ForwardingV4l2::map(descriptor, lengthBytes, offset);
}

std::int64_t FaultyV4l2::length(int dmabuf) {
    return strikes({.name = "lseek"}) ? -1 : ForwardingV4l2::length(dmabuf);
}

int FaultyV4l2::poll(std::span<pollfd> descriptors, int timeoutMilliseconds) {
    return strikes({.name = "poll"}) ? -1 : ForwardingV4l2::poll(descriptors, timeoutMilliseconds);
}

bool FaultyV4l2::strikes(const V4l2Call& call) {
    const std::size_t occurrence = counts_[call]++;
    if (error_ == 0 || call != fault_ || occurrence != occurrence_)
        return false;
    struck_ = true;
    errno = error_;
    return true;
}

}  // namespace smartcodec::test
