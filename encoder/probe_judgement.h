#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "encoder/probe_stream.h"

namespace smartcodec {

// What the sizes and kinds of coded pictures say about an encoder.

using CodedPictures = std::span<const ProbeStream::Coded>;

/// Pictures from number `begin` to before `end`.
struct ProbeWindow {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Of the pictures that came and are no key frames; empty: too few to say.
[[nodiscard]] std::optional<double> meanBytes(CodedPictures coded, ProbeWindow window);

/// Where two things take turns from picture to picture: whose turn picture `number` is. As in Thue's and Morse's
/// sequence, both as often and without a period, since sizes under rate control often go up and down by themselves.
[[nodiscard]] bool isSecondsTurn(std::size_t number);

/// Of a window in which two things took turns, which act `early` pictures before the one that is queued next: a driver
/// that does not tie them to a picture makes them act on one that it has already.
struct ProbeTurns {
    std::optional<double> first;
    std::optional<double> second;
    std::size_t early = 0;

    /// The second made the pictures larger: by more than chance does that chooses between several `early`.
    [[nodiscard]] bool secondIsLarger() const { return first && second && *first < 0.5 * *second; }
};
[[nodiscard]] ProbeTurns meanBytesOfTurns(CodedPictures coded, ProbeWindow window, std::size_t early);
/// With that of 0 to `mostEarly` with which the second makes the pictures larger than the first by most.
[[nodiscard]] ProbeTurns clearestTurns(CodedPictures coded, ProbeWindow window, std::size_t mostEarly);
/// With that of 0 to `mostEarly` with which they differ by most, whichever is the larger.
[[nodiscard]] ProbeTurns farthestTurns(CodedPictures coded, ProbeWindow window, std::size_t mostEarly);

/// Smaller for a reason, not by chance.
[[nodiscard]] bool isClearlyLess(double bytes, double than);

/// Pictures before a change, with it, and when it was taken back.
struct ProbeRound {
    ProbeWindow before;
    ProbeWindow changed;
    ProbeWindow restored;
};
struct ProbeContrast {
    std::optional<double> from;  ///< bytes per picture
    std::optional<double> to;
};
/// Of each round with the nearer of before and afterwards, since what rate control makes up for must not pass for an
/// effect, and of the rounds the one in the middle, of two the lesser. Empty: not all of it is known.
[[nodiscard]] ProbeContrast medianContrast(CodedPictures coded, std::span<const ProbeRound> rounds);

/// A key frame was asked for right before picture `number` was queued. A driver that does not tie that to a picture
/// makes one of the `inside` pictures a key frame that it has already.
struct ProbeRequest {
    static constexpr std::size_t kPatience = 10;  ///< pictures

    std::size_t number = 0;
    std::size_t inside = 0;

    [[nodiscard]] std::size_t begin() const { return number < inside ? 0 : number - inside; }
    [[nodiscard]] std::size_t end() const { return number + kPatience; }
};

struct ProbedKeyFrames {
    bool granted = false;  ///< every request, in time
    int earliest = 0;      ///< by how many pictures one was late; negative: early
    int latest = 0;
    std::optional<int> ownGap;     ///< fewest pictures between key frames that nobody asked for; empty: there were none
    std::optional<bool> repeated;  ///< parameter sets with every key frame; empty: there was but one
};
[[nodiscard]] ProbedKeyFrames judgeKeyFrames(CodedPictures coded, std::span<const ProbeRequest> requests);

}  // namespace smartcodec
