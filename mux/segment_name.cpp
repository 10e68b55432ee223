#include "mux/segment_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace smartcodec {
namespace {

constexpr int kMostDigits = 19;
/// What strftime makes of one conversion is a word, never this long.
constexpr std::size_t kLongestWord = 256;

/// strftime's, but for those that give a slash, white space or nothing but that: %c %D %n %t %x.
constexpr std::string_view kTimeConversions = "aAbBCdeFgGhHIjklmMpPrRsSTuUVwWXyYzZ";

/// One conversion of a pattern: `%`, digits, a letter.
struct Conversion {
    char letter = 0;
    int digits = 0;          ///< 0: not given
    std::size_t length = 0;  ///< characters of the pattern
};

Conversion conversionAt(std::string_view pattern, std::size_t at) {
    std::size_t letter = at + 1;
    int digits = 0;
    while (letter < pattern.size() && std::isdigit(static_cast<unsigned char>(pattern[letter])) != 0 && digits < 1000)
        digits = digits * 10 + (pattern[letter++] - '0');
    return {.letter = letter < pattern.size() ? pattern[letter] : '\0', .digits = digits, .length = letter + 1 - at};
}

void check(std::string_view pattern, const Conversion& conversion, std::size_t at) {
    const bool number = conversion.letter == 'i' && conversion.digits <= kMostDigits;
    const bool plain = conversion.length == 2;
    if (number || (plain && conversion.letter == '%') ||
        (plain && conversion.letter != 0 && kTimeConversions.find(conversion.letter) != std::string_view::npos))
        return;
    throw std::runtime_error("'" + std::string(pattern) + "': " + std::string(pattern.substr(at, conversion.length)) +
                             " has no meaning in a name: give strftime's for date and time, such as %Y-%m-%d and "
                             "%H-%M-%S, %i or %04i for a number, %% for a percent sign");
}

std::string timeText(char letter, const std::tm& local) {
    const std::array<char, 3> format{'%', letter, '\0'};
    std::array<char, kLongestWord> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), format.data(), &local);
    std::string word(text.data(), length);
    for (char& c : word)  // some languages' words
        c = c == '/' ? '-' : c;
    return word;
}

std::string padded(std::uint64_t number, int digits) {
    const std::string text = std::to_string(number);
    const auto width = static_cast<std::size_t>(digits);
    return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

}  // namespace

SegmentName::SegmentName(const std::string& pattern) {
    bool varies = false;
    std::optional<std::size_t> first;
    for (std::size_t at = 0; (at = pattern.find('%', at)) != std::string::npos;) {
        const Conversion conversion = conversionAt(pattern, at);
        check(pattern, conversion, at);
        first = first.value_or(at);
        hasNumber_ = hasNumber_ || conversion.letter == 'i';
        varies = varies || conversion.letter != '%';
        at += conversion.length;
    }
    pattern_ = pattern;
    if (!varies) {
        const std::size_t name = pattern.find_last_of('/') == std::string::npos ? 0 : pattern.find_last_of('/') + 1;
        std::size_t dot = pattern.find_last_of('.');
        if (dot == std::string::npos || dot <= name)
            dot = pattern.size();
        pattern_.insert(dot, "-%04i");
        hasNumber_ = true;
        first = std::min(first.value_or(name), name);
    }
    const std::size_t slash = pattern_.rfind('/', *first);
    folder_ = slash == std::string::npos ? "." : slash == 0 ? "/" : pattern_.substr(0, slash);
    if (slash != std::string::npos)
        pattern_.erase(0, slash + 1);
}

std::string SegmentName::name(WallTime start, std::uint64_t number) const {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(start));
    std::tm local{};
    localtime_r(&seconds, &local);
    std::string name;
    for (std::size_t at = 0; at < pattern_.size();) {
        if (pattern_[at] != '%') {
            name += pattern_[at++];
            continue;
        }
        const Conversion conversion = conversionAt(pattern_, at);
        at += conversion.length;
        if (conversion.letter == '%')
            name += '%';
        else if (conversion.letter == 'i')
            name += padded(number, conversion.digits == 0 ? 1 : conversion.digits);
        else
            name += timeText(conversion.letter, local);
    }
    return name;
}

}  // namespace smartcodec
