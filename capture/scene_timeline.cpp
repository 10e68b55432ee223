#include "capture/scene_timeline.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

using std::chrono::nanoseconds;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr double kTremor = 14;  // changes of a shake's direction per second

template <typename Event>
bool during(const Event& event, nanoseconds time) {
    return time >= event.start && time < event.end;
}

/// 0 before, 1 after, even between.
double progress(nanoseconds start, nanoseconds end, nanoseconds time) {
    if (time >= end)
        return 1;
    if (time <= start)
        return 0;
    return static_cast<double>((time - start).count()) / static_cast<double>((end - start).count());
}

ScenePoint tremble(const SceneShake& shake, nanoseconds time) {
    const double done = progress(shake.start, shake.end, time);
    const double strength = shake.amplitude * std::min({1.0, done * 5, (1 - done) * 5});
    const double place = static_cast<double>((time - shake.start).count()) * 1e-9 * kTremor;
    const auto step = static_cast<std::uint64_t>(place);
    const double share = smoothStep(place - static_cast<double>(step));
    const auto along = [&](std::uint64_t axis) {
        const double from = unitInterval(mixBits(shake.seed, axis, step)) * 2 - 1;
        const double to = unitInterval(mixBits(shake.seed, axis, step + 1)) * 2 - 1;
        return strength * (from + (to - from) * share);
    };
    return {along(1), along(2)};
}

/// Adds up what the events mean at one frame.
struct Collector {
    const SceneTimeline& timeline;
    std::uint64_t index;
    nanoseconds time;
    SceneMoment moment;
    ScenePoint aim;
    nanoseconds lastCut{-1};

    void operator()(const SceneLamp& lamp) {
        if (during(lamp, time))
            moment.lamps.push_back(&lamp);
    }
    void operator()(const SceneExposure& exposure) {
        if (time >= exposure.start)
            moment.gain *= exposure.from + (exposure.to - exposure.from) * progress(exposure.start, exposure.end, time);
    }
    void operator()(const SceneFlash& flash) {
        const auto since = timeline.framesSince(flash.start, index);
        if (since && *since < static_cast<std::uint64_t>(std::max(flash.frames, 0)))
            moment.gain *= flash.gain;
    }
    void operator()(const SceneCut& cut) {
        if (time >= cut.start && cut.start >= lastCut) {
            lastCut = cut.start;
            moment.background = cut.background;
        }
    }
    void operator()(const SceneShake& shake) {
        if (!during(shake, time))
            return;
        const ScenePoint shift = tremble(shake, time);
        aim = {aim.x + shift.x, aim.y + shift.y};
    }
    void operator()(const ScenePan& pan) {
        const double done = progress(pan.start, pan.end, time);
        aim = {aim.x + pan.x * done, aim.y + pan.y * done};
    }
    void operator()(const SceneInfrared& infrared) {
        if (!during(infrared, time))
            return;
        moment.gain *= infrared.gain;
        moment.noise *= infrared.noise;
        moment.color = false;
    }
    void operator()(const SceneRain& rain) {
        if (during(rain, time))
            moment.rain.push_back(&rain);
    }
    void operator()(const SceneFoliage& foliage) {
        if (during(foliage, time))
            moment.foliage.push_back(&foliage);
    }
    void operator()(const SceneClock& clock) { moment.clocks.push_back(&clock); }
};

}  // namespace

nanoseconds SceneTimeline::time(std::uint64_t index) const {
    // Split so that nothing overflows: index * denominator stays below 2^64 for any run of a lifetime.
    const auto numerator = static_cast<std::uint64_t>(rate_.numerator);
    const std::uint64_t parts = index * static_cast<std::uint64_t>(rate_.denominator);
    return nanoseconds(
        static_cast<std::int64_t>(parts / numerator * kSecond + parts % numerator * kSecond / numerator));
}

std::uint64_t SceneTimeline::cycle(std::uint64_t index) const {
    return period_.count() > 0 ? static_cast<std::uint64_t>(time(index) / period_) : 0;
}

nanoseconds SceneTimeline::timeInCycle(std::uint64_t index) const {
    return period_.count() > 0 ? time(index) % period_ : time(index);
}

std::optional<std::uint64_t> SceneTimeline::framesSince(nanoseconds start, std::uint64_t index) const {
    if (timeInCycle(index) < start)
        return std::nullopt;
    const nanoseconds absolute = time(index) - timeInCycle(index) + start;
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(absolute.count(), 0));
    const auto numerator = static_cast<std::uint64_t>(rate_.numerator);
    const auto denominator = static_cast<std::uint64_t>(rate_.denominator);
    const std::uint64_t seconds = count / kSecond;
    // A little early, then forward to the first frame that is not before.
    std::uint64_t first = seconds * numerator / denominator + count % kSecond * numerator / denominator / kSecond;
    first -= std::min<std::uint64_t>(first, 2);
    while (time(first) < absolute)
        ++first;
    return index - first;
}

SceneMoment momentOf(const SceneCycle& cycle, const SceneTimeline& timeline, std::uint64_t index, Size picture,
                     Size margin) {
    Collector collector{timeline, index, timeline.timeInCycle(index), {}, {}};
    for (const SceneEvent& event : cycle.events)
        std::visit(collector, event);
    SceneMoment moment = std::move(collector.moment);
    moment.time = timeline.time(index);
    const double scale = std::min(picture.width / 1920.0, picture.height / 1080.0);
    moment.aim.x = std::clamp(roundToInt(collector.aim.x * scale * 8), -margin.width * 8, margin.width * 8);
    moment.aim.y = std::clamp(roundToInt(collector.aim.y * scale * 8), -margin.height * 8, margin.height * 8);
    return moment;
}

Size marginFor(const SceneCycle& cycle, Size picture) {
    ScenePoint reach;
    for (const SceneEvent& event : cycle.events) {
        if (const auto* shake = std::get_if<SceneShake>(&event))
            reach = {reach.x + std::abs(shake->amplitude), reach.y + std::abs(shake->amplitude)};
        if (const auto* pan = std::get_if<ScenePan>(&event))
            reach = {reach.x + std::abs(pan->x), reach.y + std::abs(pan->y)};
    }
    const double scale = std::min(picture.width / 1920.0, picture.height / 1080.0);
    const auto samples = [scale](double length) {
        return length > 0 ? (static_cast<int>(std::ceil(length * scale)) + 1) / 2 * 2 : 0;
    };
    return {samples(reach.x), samples(reach.y)};
}

}  // namespace smartcodec
