#include "capture/libcamera_controls.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace smartcodec {

namespace {

std::string typeName(libcamera::ControlType type) {
    switch (type) {
        case libcamera::ControlTypeBool:
            return "bool";
        case libcamera::ControlTypeByte:
            return "byte";
        case libcamera::ControlTypeInteger32:
            return "int32";
        case libcamera::ControlTypeInteger64:
            return "int64";
        case libcamera::ControlTypeFloat:
            return "float";
        case libcamera::ControlTypeString:
            return "string";
        case libcamera::ControlTypeRectangle:
            return "rectangle";
        case libcamera::ControlTypeSize:
            return "size";
        default:
            return "other";
    }
}

std::string text(const libcamera::ControlValue& value) {
    return value.isNone() ? std::string() : value.toString();
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return {};
    if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(number))  // lies within any limits
            return {};
    }
    return number;
}

/// "1.5,2": numbers between commas. Empty if one is none.
template <typename Number>
std::vector<Number> parseList(std::string_view text) {
    std::vector<Number> numbers;
    for (;;) {
        const std::size_t comma = text.find(',');
        const auto number = parse<Number>(text.substr(0, comma));
        if (!number)
            return {};
        numbers.push_back(*number);
        if (comma == std::string_view::npos)
            return numbers;
        text.remove_prefix(comma + 1);
    }
}

constexpr std::size_t kAnyNumber = static_cast<std::size_t>(-1);

/// How many values a control holds in an array; 0: one, and no array. libcamera 0.0.3 cannot be asked.
std::size_t arrayLength(const libcamera::ControlId& control) {
    namespace ids = libcamera::controls;
    switch (control.id()) {
        case ids::COLOUR_GAINS:
        case ids::FRAME_DURATION_LIMITS:
            return 2;
        case ids::COLOUR_CORRECTION_MATRIX:
            return 9;
        case ids::AF_WINDOWS:
            return kAnyNumber;
        default:
            return 0;
    }
}

/// As a control with that many values wants them; none if they are not as many.
template <typename Value>
libcamera::ControlValue valueOf(const std::vector<Value>& values, std::size_t length) {
    if (values.empty() || (length != kAnyNumber && values.size() != std::max<std::size_t>(1, length)))
        return {};
    if (length == 0)
        return libcamera::ControlValue(values.front());
    return libcamera::ControlValue(libcamera::Span<const Value>(values.data(), values.size()));
}

std::vector<libcamera::Rectangle> parseRectangles(std::string_view text) {
    const std::vector<int> sides = parseList<int>(text);
    std::vector<libcamera::Rectangle> rectangles;
    if (sides.size() % 4 != 0)
        return {};
    for (std::size_t i = 0; i < sides.size(); i += 4) {
        if (sides[i + 2] < 0 || sides[i + 3] < 0)
            return {};
        rectangles.emplace_back(sides[i], sides[i + 1], static_cast<unsigned>(sides[i + 2]),
                                static_cast<unsigned>(sides[i + 3]));
    }
    return rectangles;
}

/// None if `text` is no value of the control's type.
libcamera::ControlValue parseValue(const libcamera::ControlId& control, std::string_view text) {
    const std::size_t length = arrayLength(control);
    switch (control.type()) {
        case libcamera::ControlTypeBool:
            if (text == "true" || text == "on" || text == "1")
                return libcamera::ControlValue(true);
            if (text == "false" || text == "off" || text == "0")
                return libcamera::ControlValue(false);
            return {};
        case libcamera::ControlTypeByte:
            return valueOf(parseList<std::uint8_t>(text), length);
        case libcamera::ControlTypeInteger32:
            return valueOf(parseList<std::int32_t>(text), length);
        case libcamera::ControlTypeInteger64:
            return valueOf(parseList<std::int64_t>(text), length);
        case libcamera::ControlTypeFloat:
            return valueOf(parseList<float>(text), length);
        case libcamera::ControlTypeString:
            return libcamera::ControlValue(std::string(text));
        case libcamera::ControlTypeRectangle:
            return valueOf(parseRectangles(text), length);
        case libcamera::ControlTypeSize: {
            const auto sides = parseList<unsigned>(text);
            if (sides.size() != 2)
                return {};
            return libcamera::ControlValue(libcamera::Size(sides[0], sides[1]));
        }
        default:
            return {};
    }
}

std::string allowed(const libcamera::ControlId& id, const libcamera::ControlInfo& info) {
    const std::size_t length = arrayLength(id);
    std::string text = length == 0 ? "give a value of type "
                       : length == kAnyNumber
                           ? "give values, with commas between, of type "
                           : "give " + std::to_string(length) + " values, with commas between, of type ";
    text += typeName(id.type());
    if (id.type() == libcamera::ControlTypeRectangle)
        text += " (x,y,width,height)";
    if (!info.values().empty()) {
        text += ", one of";
        for (const libcamera::ControlValue& value : info.values())
            text += " " + value.toString();
    } else if (!info.min().isNone() && !info.max().isNone()) {
        text += ", " + info.min().toString() + " to " + info.max().toString();
    }
    return text;
}

template <typename Number>
bool isBetween(const libcamera::ControlValue& value, const libcamera::ControlInfo& info) {
    const auto limit = [](const libcamera::ControlValue& end) { return end.get<Number>(); };
    const auto outside = [&](Number number) {
        return (!info.min().isNone() && !info.min().isArray() && number < limit(info.min())) ||
               (!info.max().isNone() && !info.max().isArray() && number > limit(info.max()));
    };
    if (!value.isArray())
        return !outside(value.get<Number>());
    const auto list = value.get<libcamera::Span<const Number>>();
    return std::none_of(list.begin(), list.end(), outside);
}

bool isAllowed(const libcamera::ControlValue& value, const libcamera::ControlInfo& info) {
    if (!info.values().empty())
        return std::find(info.values().begin(), info.values().end(), value) != info.values().end();
    if (!info.min().isNone() && info.min().type() != value.type())
        return true;  // the camera will say
    switch (value.type()) {
        case libcamera::ControlTypeByte:
            return isBetween<std::uint8_t>(value, info);
        case libcamera::ControlTypeInteger32:
            return isBetween<std::int32_t>(value, info);
        case libcamera::ControlTypeInteger64:
            return isBetween<std::int64_t>(value, info);
        case libcamera::ControlTypeFloat:
            return isBetween<float>(value, info);
        default:
            return true;
    }
}

}  // namespace

std::vector<CameraControl> describeControls(const libcamera::ControlInfoMap& controls) {
    std::vector<CameraControl> described;
    for (const auto& [id, info] : controls) {
        CameraControl control{.name = id->name(),
                              .type = typeName(id->type()),
                              .minimum = text(info.min()),
                              .maximum = text(info.max()),
                              .standard = text(info.def()),
                              .values = {}};
        for (const libcamera::ControlValue& value : info.values())
            control.values.push_back(value.toString());
        described.push_back(std::move(control));
    }
    std::sort(described.begin(), described.end(),
              [](const CameraControl& a, const CameraControl& b) { return a.name < b.name; });
    return described;
}

void applySettings(std::span<const CameraSetting> settings, const libcamera::ControlInfoMap& controls,
                   libcamera::ControlList& list) {
    for (const CameraSetting& setting : settings) {
        const std::string what = "--camera-control " + setting.name + "=" + setting.value + ": ";
        const auto found = std::find_if(controls.begin(), controls.end(),
                                        [&](const auto& control) { return control.first->name() == setting.name; });
        if (found == controls.end()) {
            std::string names;
            for (const CameraControl& control : describeControls(controls))
                names += (names.empty() ? "" : ", ") + control.name;
            throw std::runtime_error(what + "the camera has no such control: it has " +
                                     (names.empty() ? "none" : names));
        }
        const auto& [id, info] = *found;
        const libcamera::ControlValue value = parseValue(*id, setting.value);
        if (value.isNone() || !isAllowed(value, info))
            throw std::runtime_error(what + allowed(*id, info));
        list.set(id->id(), value);
    }
}

}  // namespace smartcodec
