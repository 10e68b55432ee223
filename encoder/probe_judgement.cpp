#include "encoder/probe_judgement.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace smartcodec {

namespace {

constexpr double kClear = 0.7;      // settings are a factor of three or more apart
constexpr std::size_t kFewest = 3;  // pictures to take a mean of

/// Of those whose number is `wanted`.
template <typename Wanted>
std::optional<double> meanBytesOf(CodedPictures coded, ProbeWindow window, Wanted&& wanted) {
    const std::size_t end = std::min(window.end, coded.size());
    // Key frames are of another size, where there are others: vicodec makes nothing else of pictures that move as a
    // whole.
    bool others = false;
    for (std::size_t i = window.begin; i < end; ++i)
        others = others || !coded[i].keyFrame;
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = window.begin; i < end; ++i)
        if (coded[i].bytes > 0 && !(others && coded[i].keyFrame) && wanted(i)) {
            sum += static_cast<double>(coded[i].bytes);
            ++count;
        }
    return count < kFewest ? std::nullopt : std::optional(sum / static_cast<double>(count));
}

template <typename Measure>
ProbeTurns turnsOfMost(CodedPictures coded, ProbeWindow window, std::size_t mostEarly, Measure&& measure) {
    ProbeTurns most;
    for (std::size_t early = 0; early <= mostEarly; ++early) {
        const ProbeTurns turns = meanBytesOfTurns(coded, window, early);
        if (!turns.first || !turns.second)
            return {};
        if (!most.first || measure(*turns.first, *turns.second) > measure(*most.first, *most.second))
            most = turns;
    }
    return most;
}

}  // namespace

std::optional<double> meanBytes(CodedPictures coded, ProbeWindow window) {
    return meanBytesOf(coded, window, [](std::size_t) { return true; });
}

bool isSecondsTurn(std::size_t number) {
    return std::popcount(number & number >> 1) % 2 != 0;
}

ProbeTurns meanBytesOfTurns(CodedPictures coded, ProbeWindow window, std::size_t early) {
    window.end -= std::min(window.end, early);  // for the last ones it was what came after the window
    const auto second = [early](std::size_t number) { return isSecondsTurn(number + early); };
    return {meanBytesOf(coded, window, [&](std::size_t number) { return !second(number); }),
            meanBytesOf(coded, window, second), early};
}

ProbeTurns clearestTurns(CodedPictures coded, ProbeWindow window, std::size_t mostEarly) {
    return turnsOfMost(coded, window, mostEarly, [](double first, double second) { return second / first; });
}

ProbeTurns farthestTurns(CodedPictures coded, ProbeWindow window, std::size_t mostEarly) {
    return turnsOfMost(coded, window, mostEarly,
                       [](double first, double second) { return std::abs(std::log(second / first)); });
}

bool isClearlyLess(double bytes, double than) {
    return bytes < kClear * than;
}

ProbeContrast medianContrast(CodedPictures coded, std::span<const ProbeRound> rounds) {
    const auto size = [](const ProbeContrast& contrast) { return std::abs(std::log(*contrast.from / *contrast.to)); };
    std::vector<ProbeContrast> contrasts;
    for (const ProbeRound& round : rounds) {
        const ProbeContrast before{meanBytes(coded, round.before), meanBytes(coded, round.changed)};
        const ProbeContrast after{meanBytes(coded, round.restored), before.to};
        if (!before.from || !before.to || !after.from)
            return {};
        contrasts.push_back(size(before) < size(after) ? before : after);
    }
    if (contrasts.empty())
        return {};
    std::ranges::sort(contrasts, {}, size);
    return contrasts[(contrasts.size() - 1) / 2];
}

ProbedKeyFrames judgeKeyFrames(CodedPictures coded, std::span<const ProbeRequest> requests) {
    ProbedKeyFrames result;
    std::size_t own = 0;  // the last one that nobody asked for; the first picture is one
    for (std::size_t i = 1; i < coded.size(); ++i) {
        if (!coded[i].keyFrame)
            continue;
        result.repeated = result.repeated.value_or(true) && coded[i].parameterSets;
        if (std::ranges::any_of(requests, [i](const ProbeRequest& it) { return i >= it.begin() && i < it.end(); }))
            continue;
        const auto gap = static_cast<int>(i - own);
        result.ownGap = std::min(result.ownGap.value_or(gap), gap);
        own = i;
    }
    for (const ProbeRequest& request : requests) {
        std::size_t number = request.begin();
        while (number < std::min(request.end(), coded.size()) && !coded[number].keyFrame)
            ++number;
        if (number >= std::min(request.end(), coded.size())) {
            result.granted = false;
            return result;
        }
        const int delay = static_cast<int>(number) - static_cast<int>(request.number);
        result.earliest = result.granted ? std::min(result.earliest, delay) : delay;
        result.latest = result.granted ? std::max(result.latest, delay) : delay;
        result.granted = true;
    }
    return result;
}

}  // namespace smartcodec
