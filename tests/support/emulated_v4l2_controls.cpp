#include "tests/support/emulated_v4l2_controls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/support/v4l2_uapi.h"

namespace smartcodec::emulated {
namespace {

constexpr std::uint32_t kNextFlags = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
constexpr std::uint32_t kDefaults = V4L2_CTRL_WHICH_DEF_VAL;
constexpr std::uint32_t kPlainTypesEnd = 0x0100;  // V4L2_CTRL_COMPOUND_TYPES

bool hasPayload(const V4l2PersonalityControl& control) {
    return !control.dimensions.empty() || control.type >= kPlainTypesEnd || control.type == V4L2_CTRL_TYPE_STRING;
}

/// v4l2-ctrls' "compound" of enumerations: arrays too. A single u8 is one as well.
bool isCompound(const V4l2PersonalityControl& control) {
    return hasPayload(control);
}

std::uint32_t elements(const V4l2PersonalityControl& control) {
    std::uint32_t count = 1;
    for (const std::uint32_t dimension : control.dimensions)
        count *= dimension;
    return count;
}

std::uint32_t payloadBytes(const V4l2PersonalityControl& control) {
    return elements(control) * control.elementBytes;
}

bool isMenu(const V4l2PersonalityControl& control) {
    return control.type == V4L2_CTRL_TYPE_MENU || control.type == V4L2_CTRL_TYPE_INTEGER_MENU;
}

bool menuHas(const V4l2PersonalityControl& control, std::int64_t index) {
    return index >= control.minimum && index <= control.maximum &&
           static_cast<std::size_t>(index) < control.menu.size() &&
           !control.menu[static_cast<std::size_t>(index)].empty();
}

template <std::size_t N, class Byte>
void copyName(const std::string& name, Byte (&to)[N]) {
    std::memset(to, 0, N);
    std::memcpy(to, name.data(), std::min(name.size(), N - 1));
}

V4l2PersonalityControl classControl(std::uint32_t id) {
    return {.id = id,
            .type = V4L2_CTRL_TYPE_CTRL_CLASS,
            .name = V4L2_CTRL_ID2WHICH(id) == V4L2_CTRL_CLASS_CODEC ? "Codec Controls" : "User Controls",
            .step = 0,
            .flags = V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_WRITE_ONLY};
}

}  // namespace

Controls::Controls(const V4l2Personality& personality) {
    for (const V4l2PersonalityControl& control : personality.controls) {
        const std::uint32_t classId = V4L2_CTRL_ID2WHICH(control.id) | 1;
        entries_.try_emplace(classId, Entry{.control = classControl(classId), .value = 0, .payload = {}});
        Entry entry{.control = control, .value = control.byDefault, .payload = {}};
        std::uint32_t& flags = entry.control.flags;
        if (control.type == V4L2_CTRL_TYPE_BUTTON)
            flags |= V4L2_CTRL_FLAG_WRITE_ONLY | V4L2_CTRL_FLAG_EXECUTE_ON_WRITE;
        if (hasPayload(control)) {
            flags |= V4L2_CTRL_FLAG_HAS_PAYLOAD;
            entry.payload.assign(payloadBytes(control), static_cast<std::byte>(control.byDefault));
        }
        entries_.insert_or_assign(control.id, std::move(entry));
    }
}

const Controls::Entry* Controls::find(std::uint32_t id) const {
    const auto entry = entries_.find(id);
    return entry == entries_.end() ? nullptr : &entry->second;
}

const Controls::Entry* Controls::next(std::uint32_t id, std::uint32_t flags) const {
    for (auto entry = entries_.upper_bound(id); entry != entries_.end(); ++entry) {
        const std::uint32_t kind =
            isCompound(entry->second.control) ? V4L2_CTRL_FLAG_NEXT_COMPOUND : V4L2_CTRL_FLAG_NEXT_CTRL;
        if (flags & kind)
            return &entry->second;
    }
    return nullptr;
}

int Controls::query(v4l2_query_ext_ctrl& query) const {
    const std::uint32_t id = query.id & ~kNextFlags;
    const Entry* entry = query.id & kNextFlags ? next(id, query.id & kNextFlags) : find(id);
    if (!entry)
        return EINVAL;
    const V4l2PersonalityControl& control = entry->control;
    query = {};
    query.id = control.id;
    query.type = control.type;
    copyName(control.name, query.name);
    query.minimum = control.minimum;
    query.maximum = control.maximum;
    query.step = isMenu(control) ? 1 : static_cast<std::uint64_t>(control.step);
    query.default_value = control.byDefault;
    query.flags = control.flags;
    query.elem_size = control.elementBytes;
    query.elems = elements(control);
    query.nr_of_dims = static_cast<std::uint32_t>(control.dimensions.size());
    std::ranges::copy(control.dimensions, query.dims);
    return 0;
}

int Controls::query(v4l2_queryctrl& old) const {
    v4l2_query_ext_ctrl query{};
    query.id = old.id;
    if (const int error = this->query(query))
        return error;
    old = {};
    old.id = query.id;
    old.type = query.type;
    old.flags = query.flags;
    copyName(query.name, old.name);
    if (query.type <= V4L2_CTRL_TYPE_INTEGER_MENU && query.type != V4L2_CTRL_TYPE_INTEGER64 && query.nr_of_dims == 0) {
        old.minimum = static_cast<std::int32_t>(query.minimum);
        old.maximum = static_cast<std::int32_t>(query.maximum);
        old.step = static_cast<std::int32_t>(query.step);
        old.default_value = static_cast<std::int32_t>(query.default_value);
    }
    return 0;
}

int Controls::menu(v4l2_querymenu& query) const {
    const Entry* entry = find(query.id);
    if (!entry || !isMenu(entry->control) || !menuHas(entry->control, query.index))
        return EINVAL;
    const std::string& item = entry->control.menu[query.index];
    if (entry->control.type == V4L2_CTRL_TYPE_MENU)
        std::memcpy(static_cast<void*>(query.name), (item + '\0').c_str(),
                    std::min(item.size() + 1, sizeof query.name));
    else
        query.value = std::stoll(item);
    return 0;
}

std::optional<std::int64_t> Controls::value(std::uint32_t id) const {
    const Entry* entry = find(id);
    return entry ? std::optional(entry->value) : std::nullopt;
}

void Controls::tell(std::uint32_t id, std::int64_t value) {
    const auto entry = entries_.find(id);
    if (entry == entries_.end())
        return;
    entry->second.value = value;
    if (!entry->second.payload.empty())
        entry->second.payload[0] = static_cast<std::byte>(value);
}

int Controls::get(v4l2_control& control) const {
    const Entry* entry = find(control.id);
    if (!entry || hasPayload(entry->control))
        return EINVAL;
    if (entry->control.flags & V4L2_CTRL_FLAG_WRITE_ONLY)
        return EACCES;
    control.value = static_cast<std::int32_t>(entry->value);
    return 0;
}

// v4l2-ctrls-core.c: numbers are rounded into their range; menus are not
int Controls::validate(const V4l2PersonalityControl& control, std::int64_t& value) {
    switch (control.type) {
        case V4L2_CTRL_TYPE_INTEGER: {
            const std::int64_t clamped = std::clamp(value, control.minimum, control.maximum);
            const std::int64_t steps = (clamped - control.minimum + control.step / 2) / control.step;
            value = control.minimum + steps * control.step;
            if (value > control.maximum)
                value -= control.step;
            return 0;
        }
        case V4L2_CTRL_TYPE_BOOLEAN:
            value = value != 0;
            return 0;
        case V4L2_CTRL_TYPE_MENU:
        case V4L2_CTRL_TYPE_INTEGER_MENU:
            if (value < control.minimum || value > control.maximum)
                return ERANGE;
            return menuHas(control, value) ? 0 : EINVAL;
        case V4L2_CTRL_TYPE_BITMASK:
            value &= control.maximum;
            return 0;
        default:
            value = 0;
            return 0;
    }
}

void Controls::clampElements(const V4l2PersonalityControl& control, std::span<std::byte> payload) {
    if (control.type != uapi::kCtrlTypeS8)
        return;
    for (std::byte& element : payload) {
        const auto value = static_cast<std::int64_t>(static_cast<std::int8_t>(element));
        element = static_cast<std::byte>(std::clamp(value, control.minimum, control.maximum));
    }
}

int Controls::apply(Entry& entry, std::int64_t value, std::span<const std::byte> payload, bool streaming,
                    std::vector<ControlChange>& changes) const {
    const V4l2PersonalityControl& control = entry.control;
    // a control that is grabbed is refused; one that the driver itself refuses only if there is something to change
    if (streaming && control.errorWhileStreaming == EBUSY)
        return EBUSY;
    std::vector<std::byte> clamped(payload.begin(), payload.end());
    clampElements(control, clamped);
    const bool same = !(control.flags & V4L2_CTRL_FLAG_EXECUTE_ON_WRITE) &&
                      (hasPayload(control) ? clamped == entry.payload : value == entry.value);
    if (streaming && control.errorWhileStreaming != 0 && !same)
        return control.errorWhileStreaming;
    entry.value = value;
    if (hasPayload(control))
        entry.payload = clamped;
    if (!same)
        changes.push_back({.control = &entry.control, .value = value, .payload = std::move(clamped)});
    return 0;
}

int Controls::set(v4l2_control& control, bool streaming, std::vector<ControlChange>& changes) {
    const auto found = entries_.find(control.id);
    if (found == entries_.end() || hasPayload(found->second.control))
        return EINVAL;
    Entry& entry = found->second;
    if (entry.control.flags & V4L2_CTRL_FLAG_READ_ONLY)
        return EACCES;
    std::int64_t value = control.value;
    if (const int error = validate(entry.control, value))
        return error;
    if (const int error = apply(entry, value, {}, streaming, changes))
        return error;
    control.value = static_cast<std::int32_t>(value);
    return 0;
}

int Controls::prepare(v4l2_ext_controls& controls, bool get) const {
    for (std::uint32_t i = 0; i < controls.count; ++i) {
        v4l2_ext_control& one = controls.controls[i];
        controls.error_idx = i;
        const Entry* entry = find(one.id);
        if ((controls.which != 0 && controls.which != kDefaults && controls.which != V4L2_CTRL_ID2WHICH(one.id)) ||
            !entry)
            return EINVAL;
        if (!hasPayload(entry->control))
            continue;
        const std::uint32_t bytes = payloadBytes(entry->control);
        if (one.size < bytes) {
            if (!get)
                return EFAULT;
            one.size = bytes;
            return ENOSPC;
        }
        one.size = bytes;
        if (!one.ptr)
            return EFAULT;
    }
    return 0;
}

int Controls::get(v4l2_ext_controls& controls) const {
    controls.error_idx = controls.count;
    if (controls.which == V4L2_CTRL_WHICH_REQUEST_VAL || (controls.count > 0 && !controls.controls))
        return controls.which == V4L2_CTRL_WHICH_REQUEST_VAL ? EINVAL : EFAULT;
    if (const int error = prepare(controls, true)) {
        if (error != ENOSPC)
            controls.error_idx = controls.count;
        return error;
    }
    controls.error_idx = controls.count;
    for (std::uint32_t i = 0; i < controls.count; ++i)
        if (find(controls.controls[i].id)->control.flags & V4L2_CTRL_FLAG_WRITE_ONLY)
            return EACCES;
    for (std::uint32_t i = 0; i < controls.count; ++i) {
        v4l2_ext_control& one = controls.controls[i];
        const Entry& entry = *find(one.id);
        const bool defaults = controls.which == kDefaults;
        if (hasPayload(entry.control))
            std::memcpy(one.ptr, entry.payload.data(), entry.payload.size());
        else if (entry.control.type == V4L2_CTRL_TYPE_INTEGER64)
            one.value64 = defaults ? entry.control.byDefault : entry.value;
        else
            one.value = static_cast<std::int32_t>(defaults ? entry.control.byDefault : entry.value);
    }
    return 0;
}

int Controls::set(v4l2_ext_controls& controls, bool streaming, std::vector<ControlChange>* changes) {
    controls.error_idx = controls.count;
    if (controls.which == V4L2_CTRL_WHICH_REQUEST_VAL || controls.which == kDefaults)
        return EINVAL;
    if (controls.count > 0 && !controls.controls)
        return EFAULT;
    int error = prepare(controls, false);
    std::vector<std::int64_t> values(controls.count);
    for (std::uint32_t i = 0; error == 0 && i < controls.count; ++i) {
        const v4l2_ext_control& one = controls.controls[i];
        const Entry& entry = *find(one.id);
        controls.error_idx = i;
        if (entry.control.flags & V4L2_CTRL_FLAG_READ_ONLY)
            error = EACCES;
        else if (changes && streaming && entry.control.errorWhileStreaming == EBUSY)
            error = EBUSY;
        else if (!hasPayload(entry.control)) {
            values[i] = entry.control.type == V4L2_CTRL_TYPE_INTEGER64 ? one.value64 : one.value;
            error = validate(entry.control, values[i]);
        }
    }
    // TRY says which one it was, S only that nothing was set
    if (error != 0 && changes)
        controls.error_idx = controls.count;
    for (std::uint32_t i = 0; error == 0 && i < controls.count; ++i) {
        v4l2_ext_control& one = controls.controls[i];
        Entry& entry = entries_.at(one.id);
        controls.error_idx = i;
        if (changes) {
            std::span<const std::byte> payload;
            if (hasPayload(entry.control))
                payload = {static_cast<const std::byte*>(one.ptr), payloadBytes(entry.control)};
            error = apply(entry, values[i], payload, streaming, *changes);
        }
        if (!hasPayload(entry.control) && error == 0) {
            if (entry.control.type == V4L2_CTRL_TYPE_INTEGER64)
                one.value64 = values[i];
            else
                one.value = static_cast<std::int32_t>(values[i]);
        }
    }
    if (error == 0)
        controls.error_idx = controls.count;
    return error;
}

}  // namespace smartcodec::emulated
