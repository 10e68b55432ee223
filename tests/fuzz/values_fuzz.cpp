// The values of options: sizes, times, rates, numbers, commands. Each is read to the end and within its limits, or
// refused.

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/segment_hook.h"
#include "app/values.h"
#include "encoder/encoder.h"
#include "tests/fuzz/fuzz_support.h"

using namespace smartcodec;
using namespace smartcodec::test;
using namespace std::chrono_literals;

namespace {

template <typename Read>
void orRefused(Read read) {
    try {
        read();
    } catch (const UsageError& error) {
        expect(!std::string(error.what()).empty(), "a refusal says why");
    }
}

void readNumbers(const GivenOption& option) {
    orRefused([&] {
        const long long number = parseWhole(option, {-5, 1'000'000'000'000});
        expect(number >= -5 && number <= 1'000'000'000'000, "whole numbers are within limits", option.value);
        expect(std::to_string(number).size() <= option.value.size(), "a number is read to its end", option.value);
    });
    orRefused([&] {
        const double number = parseDecimal(option, {0.1, 3600, "seconds"});
        expect(number >= 0.1 && number <= 3600, "numbers are within limits", option.value);
    });
    orRefused([&] {
        const auto time = parseSeconds(option, {0.001, 1e9, "seconds"});
        expect(time >= 1ms && time <= 1'000'000'000s, "seconds are within limits", option.value);
    });
    orRefused([&] {
        const Bitrate rate = parseBitrate(option);
        expect(rate >= kMinBitrate && rate <= kMaxBitrate, "bit rates are within limits", option.value);
    });
    orRefused([&] {
        const FrameRate rate = parseFrameRate(option);
        expect(rate.known() && rate.value() > 0.099 && rate.value() < 240.001, "rates are within limits", option.value);
    });
}

void readWords(const GivenOption& option) {
    orRefused([&] { (void)parseSmart(option.name, linesOf(option.value)); });
    orRefused([&] { expect(parseChoice(option, {"h264", "hevc"}) < 2, "a choice is one of them"); });
    try {
        expect(!commandWords(option.value).empty(), "a command has a word", option.value);
    } catch (const std::runtime_error&) {  // it has none, or a quote is open
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const GivenOption option{"--option", std::string(asText(data, size))};
    if (const auto time = readTimeSpan(option.value))
        expect(*time >= 0ns && *time <= 4'000'000'000s, "times are within limits", option.value);
    if (const auto bytes = readByteCount(option.value))
        expect(*bytes <= 9'000'000'000'000'000, "sizes are within limits", option.value);
    expect(!readTimeSpan(option.value) || !readByteCount(option.value), "a time is no size", option.value);
    readNumbers(option);
    readWords(option);
    return 0;
}
