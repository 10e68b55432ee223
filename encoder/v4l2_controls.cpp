#include "encoder/v4l2_controls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smartcodec {

namespace {

bool hasValue(const v4l2_query_ext_ctrl& control) {
    return control.type != V4L2_CTRL_TYPE_CTRL_CLASS;
}

/// One value, to be set and read with an ordinary call: no arrays, strings or structures.
bool isPlain(const v4l2_query_ext_ctrl& control) {
    return hasValue(control) && control.type != V4L2_CTRL_TYPE_STRING && control.type < V4L2_CTRL_COMPOUND_TYPES &&
           (control.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD) == 0;
}

/// What VIDIOC_QUERYCTRL says, as VIDIOC_QUERY_EXT_CTRL would.
v4l2_query_ext_ctrl widened(const v4l2_queryctrl& narrow) {
    v4l2_query_ext_ctrl wide{};
    wide.id = narrow.id;
    wide.type = narrow.type;
    static_assert(sizeof(wide.name) == sizeof(narrow.name));
    std::memcpy(wide.name, narrow.name, sizeof(wide.name));
    wide.minimum = narrow.minimum;
    wide.maximum = narrow.maximum;
    if (narrow.type == V4L2_CTRL_TYPE_BITMASK)  // unsigned there
        wide.maximum = static_cast<std::uint32_t>(narrow.maximum);
    wide.step = narrow.step > 0 ? static_cast<std::uint64_t>(narrow.step) : 0;
    wide.default_value = narrow.default_value;
    wide.flags = narrow.flags;
    wide.elem_size = narrow.type == V4L2_CTRL_TYPE_INTEGER64 ? sizeof(std::int64_t) : sizeof(std::int32_t);
    wide.elems = 1;
    return wide;
}

/// Either form of the question, about exactly one control or, with V4L2_CTRL_FLAG_NEXT_CTRL in `id`, about the next.
int ask(const V4l2Device& device, std::uint32_t id, v4l2_query_ext_ctrl& control) {
    control = {};
    control.id = id;
    const int error = device.ioctl(VIDIOC_QUERY_EXT_CTRL, control);
    if (error != ENOTTY && error != EINVAL)  // plug-ins answer EINVAL to calls that they do not know
        return error;
    v4l2_queryctrl narrow{};
    narrow.id = id & ~V4L2_CTRL_FLAG_NEXT_COMPOUND;
    const int narrowError = device.ioctl(VIDIOC_QUERYCTRL, narrow);
    if (narrowError == 0)
        control = widened(narrow);
    return narrowError;
}

/// The nearest value that the control can have. Two's complement arithmetic on unsigned numbers: ranges may span all of
/// 64 bits.
std::int64_t nearest(const v4l2_query_ext_ctrl& control, std::int64_t value) {
    switch (control.type) {
        case V4L2_CTRL_TYPE_INTEGER:
        case V4L2_CTRL_TYPE_INTEGER64:
            break;
        case V4L2_CTRL_TYPE_BOOLEAN:
            return value != 0 ? 1 : 0;
        default:
            return value;
    }
    if (control.minimum > control.maximum)
        return value;
    const std::int64_t clamped = std::clamp<std::int64_t>(value, control.minimum, control.maximum);
    if (control.step <= 1)
        return clamped;
    const auto minimum = static_cast<std::uint64_t>(control.minimum);
    const std::uint64_t above = static_cast<std::uint64_t>(clamped) - minimum;
    const std::uint64_t rest = above % control.step;
    const std::uint64_t down = above - rest;
    const std::uint64_t room = static_cast<std::uint64_t>(control.maximum) - minimum;
    const bool up = rest >= control.step - rest && room - down >= control.step;
    return static_cast<std::int64_t>(minimum + down + (up ? control.step : 0));
}

v4l2_ext_controls single(v4l2_ext_control& control) {
    v4l2_ext_controls set{};
    // Class 0 (V4L2_CTRL_WHICH_CUR_VAL) would do, but older drivers and plug-ins want the control's own.
    set.ctrl_class = V4L2_CTRL_ID2CLASS(control.id);
    set.count = 1;
    set.controls = &control;
    return set;
}

bool isWide(const v4l2_query_ext_ctrl& control) {
    return control.type == V4L2_CTRL_TYPE_INTEGER64;
}

std::int64_t widened(const v4l2_query_ext_ctrl& description, std::int32_t value) {
    return description.type == V4L2_CTRL_TYPE_BITMASK ? std::int64_t{static_cast<std::uint32_t>(value)} : value;
}

int write(const V4l2Device& device, const v4l2_query_ext_ctrl& description, std::int64_t value) {
    v4l2_ext_control control{};
    control.id = description.id;
    if (isWide(description))
        control.value64 = value;
    else
        control.value = static_cast<std::int32_t>(value);
    v4l2_ext_controls set = single(control);
    const int error = device.ioctl(VIDIOC_S_EXT_CTRLS, set);
    if (error != ENOTTY || isWide(description))
        return error;
    v4l2_control narrow{};
    narrow.id = description.id;
    narrow.value = static_cast<std::int32_t>(value);
    return device.ioctl(VIDIOC_S_CTRL, narrow);
}

int read(const V4l2Device& device, const v4l2_query_ext_ctrl& description, std::int64_t& value) {
    v4l2_ext_control control{};
    control.id = description.id;
    v4l2_ext_controls set = single(control);
    const int error = device.ioctl(VIDIOC_G_EXT_CTRLS, set);
    if (error == 0)
        value = isWide(description) ? control.value64 : widened(description, control.value);
    if (error != ENOTTY || isWide(description))
        return error;
    v4l2_control narrow{};
    narrow.id = description.id;
    const int narrowError = device.ioctl(VIDIOC_G_CTRL, narrow);
    if (narrowError == 0)
        value = widened(description, narrow.value);
    return narrowError;
}

}  // namespace

const v4l2_query_ext_ctrl* V4l2Controls::query(std::uint32_t id) {
    auto known = known_.find(id);
    if (known == known_.end()) {
        v4l2_query_ext_ctrl control;
        const bool there = ask(device_, id, control) == 0 && (control.flags & V4L2_CTRL_FLAG_DISABLED) == 0;
        known = known_.emplace(id, there ? std::optional(control) : std::nullopt).first;
    }
    return known->second ? &*known->second : nullptr;
}

std::vector<v4l2_query_ext_ctrl> V4l2Controls::all() {
    constexpr std::uint32_t kNext = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
    std::vector<v4l2_query_ext_ctrl> controls;
    v4l2_query_ext_ctrl control;
    std::uint32_t last = 0;
    // Numbers rise; a driver whose numbers do not would keep this going for ever.
    while (ask(device_, last | kNext, control) == 0 && control.id > last) {
        last = control.id;
        if (hasValue(control) && (control.flags & V4L2_CTRL_FLAG_DISABLED) == 0)
            controls.push_back(control);
    }
    return controls;
}

V4l2Controls::Result V4l2Controls::set(std::uint32_t id, std::int64_t value) {
    const v4l2_query_ext_ctrl* const description = query(id);
    if (description == nullptr)
        return {.error = ENOENT};
    if (!isPlain(*description))
        return {.error = EINVAL};
    if (description->type == V4L2_CTRL_TYPE_BUTTON)
        return {.error = write(device_, *description, 1), .value = 0};

    const std::int64_t wanted = nearest(*description, value);
    if (const auto standing = values_.find(id); standing != values_.end()) {
        const auto [asked, granted] = standing->second;
        if (asked == wanted || granted == wanted)
            return {.error = 0, .value = granted};
    }
    if (const int error = write(device_, *description, wanted); error != 0) {
        values_.erase(id);
        return {.error = error, .value = get(id).value_or(0)};
    }
    const std::int64_t granted = get(id).value_or(wanted);  // what cannot be read stands as it was set
    values_.insert_or_assign(id, Standing{.asked = wanted, .granted = granted});
    return {.error = 0, .value = granted};
}

std::optional<std::int64_t> V4l2Controls::get(std::uint32_t id) {
    const v4l2_query_ext_ctrl* const description = query(id);
    if (description == nullptr || !isPlain(*description) || description->type == V4L2_CTRL_TYPE_BUTTON ||
        (description->flags & V4L2_CTRL_FLAG_WRITE_ONLY) != 0)
        return std::nullopt;
    std::int64_t value = 0;
    if (read(device_, *description, value) != 0)
        return std::nullopt;
    return value;
}

int V4l2Controls::setPayload(std::uint32_t id, std::span<const std::byte> payload) {
    v4l2_ext_control control{};
    control.id = id;
    control.size = static_cast<std::uint32_t>(payload.size());
    control.ptr = const_cast<std::byte*>(payload.data());  // the call only reads it
    v4l2_ext_controls set = single(control);
    if (const int error = device_.ioctl(VIDIOC_S_EXT_CTRLS, set); error != 0)
        return error;
    readBack_.resize(std::max(readBack_.size(), payload.size()));
    const std::span<std::byte> stands = std::span(readBack_).first(payload.size());
    if (getPayload(id, stands) == 0 && !std::ranges::equal(stands, payload))
        payloadsKept_ = false;
    return 0;
}

int V4l2Controls::getPayload(std::uint32_t id, std::span<std::byte> payload) const {
    v4l2_ext_control control{};
    control.id = id;
    control.size = static_cast<std::uint32_t>(payload.size());
    control.ptr = payload.data();
    v4l2_ext_controls set = single(control);
    return device_.ioctl(VIDIOC_G_EXT_CTRLS, set);
}

}  // namespace smartcodec
