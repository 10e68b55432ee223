#include "encoder/rate_limit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "encoder/cap_governor.h"

namespace smartcodec {
namespace {

using std::chrono::milliseconds;

constexpr Bitrate kMax{1'000'000};
constexpr int kFrameMs = 40;

CaptureTime frame(int number) {
    return CaptureTime(milliseconds(number * kFrameMs));
}

std::size_t bytesPerFrame(double bitsPerSecond) {
    return static_cast<std::size_t>(bitsPerSecond * kFrameMs / 8000);
}

TEST_SUITE("unit") {
    TEST_CASE("a stream at the cap is left alone") {
        RateLimit limit(kMax);
        for (int i = 0; i < 1000; ++i) {
            CHECK(limit.allowed() >= kMax);
            limit.packet(bytesPerFrame(1e6), frame(i));
        }
    }

    TEST_CASE("what a burst borrowed is taken back within ten seconds") {
        RateLimit limit(kMax);
        double windowBits = 0;
        for (int i = 0; i < 250; ++i) {
            const double rate =
                i < 50 ? 1.8e6 : std::min<double>(1e6, static_cast<double>(limit.allowed().bitsPerSecond));
            limit.packet(bytesPerFrame(rate), frame(i));
            windowBits += static_cast<double>(bytesPerFrame(rate)) * 8;
        }
        CHECK(windowBits < 1.1 * 1e7);
        CHECK(windowBits > 0.95 * 1e7);
        // Ten seconds after the burst the stream is free again.
        for (int i = 250; i < 600; ++i)
            limit.packet(bytesPerFrame(0.9e6), frame(i));
        CHECK(limit.allowed() >= kMax);
    }

    TEST_CASE("below the cap the governor never touches quality") {
        CapGovernor governor(kMax);
        for (int i = 0; i < 1000; ++i) {
            CHECK(governor.offset({200'000}, frame(i)) == 0);
            // A key frame of half a second of the highest cap every ten seconds.
            governor.packet(i % 250 == 0 ? 62'500 : bytesPerFrame(120e3), frame(i));
        }
    }

    TEST_CASE("the governor settles an encoder with delay at the cap and lets go at once when the cap rises") {
        // Twice the bits for every 5 steps, packets 20 frames late.
        CapGovernor governor(kMax);
        constexpr int kDelayFrames = 20;
        std::vector<int> offsets;
        double lastBits = 0;
        constexpr int kFrames = 1500;
        for (int i = 0; i < kFrames; ++i) {
            offsets.push_back(governor.offset({300'000}, frame(i)));
            if (i < kDelayFrames)
                continue;
            const double rate = 900e3 * std::exp2(-offsets[static_cast<std::size_t>(i - kDelayFrames)] / 5.0);
            governor.packet(bytesPerFrame(rate), frame(i - kDelayFrames));
            if (i >= kFrames - 250)
                lastBits += rate * kFrameMs / 1000;
        }
        CHECK(lastBits / 10 == doctest::Approx(300e3).epsilon(0.1));
        CHECK(*std::max_element(offsets.begin(), offsets.end()) <= 14);
        CHECK(governor.offset(kMax, frame(kFrames)) == 0);
    }
}

}  // namespace
}  // namespace smartcodec
