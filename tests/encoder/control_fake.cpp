#include "tests/encoder/control_fake.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace smartcodec::test {

namespace {

constexpr int kDescriptor = 1000;

bool isDynamic(const v4l2_query_ext_ctrl& query) {
    return (query.flags & V4L2_CTRL_FLAG_DYNAMIC_ARRAY) != 0;
}

bool hasPayload(const v4l2_query_ext_ctrl& query) {
    return (query.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD) != 0;
}

}  // namespace

void ControlFake::add(const Description& description) {
    Control control;
    v4l2_query_ext_ctrl& query = control.query;
    query.id = description.id;
    query.type = description.type;
    std::strncpy(query.name, description.name.c_str(), sizeof(query.name) - 1);
    query.minimum = description.minimum;
    query.maximum = description.maximum;
    query.step = description.step;
    query.default_value = description.standard;
    query.flags = description.flags;
    query.elem_size = description.elementBytes;
    const bool array = description.elements > 1 || isDynamic(query);
    if (array || description.type >= V4L2_CTRL_COMPOUND_TYPES || description.type == V4L2_CTRL_TYPE_STRING)
        query.flags |= V4L2_CTRL_FLAG_HAS_PAYLOAD;
    query.elems = isDynamic(query) ? 1 : description.elements;
    if (array) {
        query.nr_of_dims = 1;
        query.dims[0] = description.elements;
    }
    control.value = description.standard;
    if (hasPayload(query))
        control.bytes.resize(std::size_t{query.elem_size} * query.elems);
    controls_[description.id] = control;
}

ControlFake::Control* ControlFake::find(std::uint32_t id) {
    const auto found = controls_.find(id);
    return found == controls_.end() ? nullptr : &found->second;
}

void ControlFake::setValue(std::uint32_t id, std::int64_t value) {
    controls_.at(id).value = value;
}

void ControlFake::setBytes(std::uint32_t id, std::span<const std::byte> bytes) {
    controls_.at(id).bytes.assign(bytes.begin(), bytes.end());
}

std::int64_t ControlFake::value(std::uint32_t id) const {
    return controls_.at(id).value;
}

const std::vector<std::byte>& ControlFake::bytes(std::uint32_t id) const {
    return controls_.at(id).bytes;
}

int ControlFake::open(const char*) {
    return kDescriptor;
}

int ControlFake::close(int) {
    return 0;
}

int ControlFake::ioctl(int descriptor, unsigned long request, void* argument) {
    ++calls;
    const int error = descriptor != kDescriptor   ? EBADF
                      : unknown.contains(request) ? unknownError
                                                  : answer(request, argument);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

void* ControlFake::map(int, std::size_t, std::int64_t) {
    throw std::logic_error("nothing to map");
}

int ControlFake::unmap(void*, std::size_t) {
    throw std::logic_error("nothing was mapped");
}

std::int64_t ControlFake::length(int) {
    throw std::logic_error("there are no dmabufs");
}

int ControlFake::poll(std::span<pollfd>, int) {
    throw std::logic_error("nothing to wait for");
}

int ControlFake::answer(unsigned long request, void* argument) {
    switch (request) {
        case VIDIOC_QUERY_EXT_CTRL:
            return query(*static_cast<v4l2_query_ext_ctrl*>(argument));
        case VIDIOC_QUERYCTRL:
            return queryNarrow(*static_cast<v4l2_queryctrl*>(argument));
        case VIDIOC_QUERYMENU:
            return queryMenu(*static_cast<v4l2_querymenu*>(argument));
        case VIDIOC_G_EXT_CTRLS:
            return get(*static_cast<v4l2_ext_controls*>(argument));
        case VIDIOC_S_EXT_CTRLS:
            return set(*static_cast<v4l2_ext_controls*>(argument));
        case VIDIOC_G_CTRL: {
            auto& wanted = *static_cast<v4l2_control*>(argument);
            const Control* const control = find(wanted.id);
            if (control == nullptr || hasPayload(control->query) || control->query.type == V4L2_CTRL_TYPE_INTEGER64)
                return EINVAL;
            wanted.value = static_cast<std::int32_t>(control->value);
            return 0;
        }
        case VIDIOC_S_CTRL: {
            const auto& wanted = *static_cast<v4l2_control*>(argument);
            Control* const control = find(wanted.id);
            if (control == nullptr || hasPayload(control->query) || control->query.type == V4L2_CTRL_TYPE_INTEGER64)
                return EINVAL;
            return setPlain(*control, wanted.value);
        }
        default:
            return ENOTTY;
    }
}

int ControlFake::query(v4l2_query_ext_ctrl& query) {
    constexpr std::uint32_t kNext = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
    const std::uint32_t id = query.id & ~kNext;
    const bool plainToo = (query.id & V4L2_CTRL_FLAG_NEXT_CTRL) != 0;
    const bool compoundToo = (query.id & V4L2_CTRL_FLAG_NEXT_COMPOUND) != 0;
    if (!plainToo && !compoundToo) {
        const Control* const control = find(id);
        if (control == nullptr)
            return EINVAL;
        query = control->query;
        return 0;
    }
    for (auto control = controls_.upper_bound(id); control != controls_.end(); ++control)
        if (hasPayload(control->second.query) ? compoundToo : plainToo) {
            query = control->second.query;
            return 0;
        }
    return EINVAL;
}

int ControlFake::queryNarrow(v4l2_queryctrl& narrow) {
    v4l2_query_ext_ctrl wide{};
    wide.id = narrow.id;
    if (const int error = query(wide); error != 0)
        return error;
    narrow.id = wide.id;
    narrow.type = wide.type;
    narrow.flags = wide.flags;
    std::memcpy(narrow.name, wide.name, sizeof(narrow.name));
    // The kernel gives no ranges for what does not fit.
    if (hasPayload(wide) || wide.type == V4L2_CTRL_TYPE_INTEGER64)
        return 0;
    narrow.minimum = static_cast<std::int32_t>(wide.minimum);
    narrow.maximum = static_cast<std::int32_t>(wide.maximum);
    narrow.step = static_cast<std::int32_t>(wide.step);
    narrow.default_value = static_cast<std::int32_t>(wide.default_value);
    return 0;
}

int ControlFake::queryMenu(const v4l2_querymenu& query) {
    const Control* const control = find(query.id);
    const bool there = control != nullptr && control->query.type == V4L2_CTRL_TYPE_MENU &&
                       query.index <= static_cast<std::uint64_t>(control->query.maximum);
    return there ? 0 : EINVAL;
}

int ControlFake::get(v4l2_ext_controls& set) {
    for (v4l2_ext_control& wanted : std::span(set.controls, set.count)) {
        const Control* const control = find(wanted.id);
        if (control == nullptr || (set.which != 0 && set.which != V4L2_CTRL_ID2CLASS(wanted.id)))
            return EINVAL;
        if ((control->query.flags & V4L2_CTRL_FLAG_WRITE_ONLY) != 0)
            return EACCES;
        if (!hasPayload(control->query)) {
            if (control->query.type == V4L2_CTRL_TYPE_INTEGER64)
                wanted.value64 = control->value;
            else
                wanted.value = static_cast<std::int32_t>(control->value);
            continue;
        }
        const auto size = static_cast<std::uint32_t>(control->bytes.size());
        const bool room = wanted.size >= size;
        wanted.size = size;
        if (!room)
            return ENOSPC;
        std::memcpy(wanted.ptr, control->bytes.data(), size);
    }
    return 0;
}

int ControlFake::set(v4l2_ext_controls& set) {
    for (v4l2_ext_control& wanted : std::span(set.controls, set.count)) {
        Control* const control = find(wanted.id);
        if (control == nullptr || (set.which != 0 && set.which != V4L2_CTRL_ID2CLASS(wanted.id)))
            return EINVAL;
        if (const int error = setOne(*control, wanted); error != 0)
            return error;
    }
    return 0;
}

int ControlFake::setOne(Control& control, v4l2_ext_control& wanted) {
    if (!hasPayload(control.query))
        return setPlain(control, control.query.type == V4L2_CTRL_TYPE_INTEGER64 ? wanted.value64 : wanted.value);
    if ((control.query.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0)
        return EACCES;
    if (const auto failure = failing.find(control.query.id); failure != failing.end())
        return failure->second;
    std::size_t size = std::size_t{control.query.elem_size} * control.query.elems;
    if (isDynamic(control.query)) {
        size = wanted.size / control.query.elem_size * control.query.elem_size;
        if (size > std::size_t{control.query.elem_size} * control.query.dims[0])
            return ENOSPC;
        if (size == 0)
            return EFAULT;
        control.query.elems = static_cast<std::uint32_t>(size / control.query.elem_size);
    } else if (wanted.size < size) {
        return EFAULT;
    }
    const auto* const from = static_cast<const std::byte*>(wanted.ptr);
    const std::vector<std::byte> bytes(from, from + size);
    const bool changed = bytes != control.bytes || (control.query.flags & V4L2_CTRL_FLAG_EXECUTE_ON_WRITE) != 0;
    control.bytes = bytes;
    if (changed)
        told.push_back({control.query.id, 0, bytes});
    return 0;
}

int ControlFake::setPlain(Control& control, std::int64_t wanted) {
    if ((control.query.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0)
        return EACCES;
    if (const auto failure = failing.find(control.query.id); failure != failing.end())
        return failure->second;
    if (control.query.type == V4L2_CTRL_TYPE_BUTTON) {
        told.push_back({control.query.id, wanted, {}});
        return 0;
    }
    // The kernel would round by itself: a client that leaves that to it is to be seen.
    if (control.query.type != V4L2_CTRL_TYPE_BITMASK &&
        (wanted < control.query.minimum || wanted > control.query.maximum))
        return ERANGE;
    const bool integer = control.query.type == V4L2_CTRL_TYPE_INTEGER || control.query.type == V4L2_CTRL_TYPE_INTEGER64;
    if (integer && control.query.step > 1 &&
        (static_cast<std::uint64_t>(wanted) - static_cast<std::uint64_t>(control.query.minimum)) % control.query.step !=
            0)
        return ERANGE;
    if (const auto rounded = granularity.find(control.query.id); rounded != granularity.end())
        wanted -= wanted % rounded->second;
    if (wanted == control.value && (control.query.flags & V4L2_CTRL_FLAG_EXECUTE_ON_WRITE) == 0)
        return 0;
    control.value = wanted;
    told.push_back({control.query.id, wanted, {}});
    return 0;
}

}  // namespace smartcodec::test
