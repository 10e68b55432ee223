#include "capture/scene_script.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "capture/scene_math.h"

namespace smartcodec {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds kPeriod = 20s;

constexpr SceneNoiseLevel kDayNoise{.shot = 0.012, .read = 0.8, .grain = 1};
constexpr SceneNoiseLevel kNightNoise{.shot = 0.07, .read = 2.2, .grain = 3};

nanoseconds inSeconds(double seconds) {
    return nanoseconds(static_cast<std::int64_t>(std::floor(seconds * 1e9)));
}

/// One cycle in the making: a random stream of its own, so that cycles can be made in any order.
struct Cycle {
    SceneRandom random;
    SceneCycle content;
    std::uint64_t number;
};

SceneLook person(SceneRandom& random, double height) {
    // A handful of people, so that they come back and their pictures are drawn once.
    constexpr std::array<std::array<int, 3>, 6> kJackets{
        {{62, 140, 122}, {96, 118, 146}, {182, 126, 129}, {74, 122, 128}, {128, 112, 126}, {150, 134, 140}}};
    const auto& jacket = kJackets[static_cast<std::size_t>(random.integer(0, 5))];
    return {.shape = SceneShape::Person,
            .width = 0.46 * height,
            .height = height,
            .luma = jacket[0],
            .cb = jacket[1],
            .cr = jacket[2],
            .texture = 7,
            .softness = 2.2};
}

SceneLook car(SceneRandom& random, double length) {
    constexpr std::array<std::array<int, 3>, 5> kPaints{
        {{190, 128, 128}, {70, 130, 126}, {92, 112, 166}, {108, 148, 112}, {140, 128, 127}}};
    const auto& paint = kPaints[static_cast<std::size_t>(random.integer(0, 4))];
    return {.shape = SceneShape::Car,
            .width = length,
            .height = length / 2.9,
            .luma = paint[0],
            .cb = paint[1],
            .cr = paint[2],
            .texture = 3,
            .softness = 2};
}

/// One way through the picture, from beyond one side to beyond the other.
struct Way {
    double start = 0;    // seconds
    double y = 540;      // centre
    double speed = 300;  // pixels per second
    bool leftwards = false;
    double pauseAt = -1;  // x where it stops, none if negative
    double pause = 0;     // seconds
};

SceneObject passing(const SceneLook& look, const Way& way) {
    const double reach = look.width / 2 + 24;
    const auto side = [&](double x) { return way.leftwards ? 1920 - x : x; };
    SceneObject object{look, {{inSeconds(way.start), side(-reach), way.y}}};
    double time = way.start;
    if (way.pauseAt >= 0) {
        time += (way.pauseAt + reach) / way.speed;
        object.path.push_back({inSeconds(time), side(way.pauseAt), way.y});
        time += std::max(way.pause, 0.1);
        object.path.push_back({inSeconds(time), side(way.pauseAt), way.y});
        time += (1920 + reach - way.pauseAt) / way.speed;
    } else {
        time += (1920 + 2 * reach) / way.speed;
    }
    object.path.push_back({inSeconds(time), side(1920 + reach), way.y});
    return object;
}

void corridor(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    const bool pauses = random.chance(0.3);
    const double start = random.real(2, 11);
    const bool leftwards = random.chance(0.5);
    const double y = random.real(690, 730);
    cycle.content.objects.push_back(passing(person(random, 520), {.start = start,
                                                                  .y = y,
                                                                  .speed = random.real(380, 440),
                                                                  .leftwards = leftwards,
                                                                  .pauseAt = pauses ? random.real(500, 1400) : -1,
                                                                  .pause = random.real(1, 2)}));
    if (random.chance(0.4))
        cycle.content.objects.push_back(passing(person(random, 540), {.start = start + random.real(0.6, 1.4),
                                                                      .y = y + random.real(20, 50),
                                                                      .speed = random.real(400, 460),
                                                                      .leftwards = random.chance(0.5)}));
}

void night(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    const SceneLook cat{
        .shape = SceneShape::Animal, .width = 92, .height = 54, .luma = 74, .texture = 4, .softness = 2};
    cycle.content.objects.push_back(passing(cat, {.start = random.real(1, 3),
                                                  .y = random.real(820, 960),
                                                  .speed = random.real(420, 520),
                                                  .leftwards = random.chance(0.5),
                                                  .pauseAt = random.real(500, 1400),
                                                  .pause = random.real(1, 2)}));
    SceneLook walker = person(random, 330);
    walker.luma = 58;
    walker.cb = 128;
    walker.cr = 128;
    cycle.content.objects.push_back(passing(
        walker,
        {.start = random.real(10, 11), .y = 640, .speed = random.real(250, 290), .leftwards = random.chance(0.5)}));
}

void street(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    auto& objects = cycle.content.objects;
    for (int i = 0; i < 3; ++i)
        objects.push_back(passing(person(random, 190), {.start = random.real(0, 7),
                                                        .y = 596.0 + 12 * i,
                                                        .speed = random.real(140, 190),
                                                        .leftwards = random.chance(0.5)}));
    double near = random.real(1, 4);
    double far = random.real(0, 5);
    for (int i = 0; i < 2; ++i) {
        objects.push_back(
            passing(car(random, 400), {.start = far, .y = 790, .speed = random.real(560, 780), .leftwards = true}));
        far += random.real(5, 8);
    }
    for (int i = 0; i < 2; ++i) {
        objects.push_back(
            passing(car(random, 560), {.start = near, .y = 930, .speed = random.real(640, 900), .leftwards = false}));
        near += random.real(5, 9);
    }
    cycle.content.events = {
        SceneFoliage{.end = kPeriod, .x = 1385, .y = 60, .width = 460, .height = 430, .amplitude = 4},
        SceneExposure{.start = 4s, .end = 7s, .from = 1, .to = 1.08},
        SceneExposure{.start = 11s, .end = 16s, .from = 1, .to = 1 / 1.08},
    };
}

void busy(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    // Rows of people, the nearest the largest, always about as many: each walks through again and again. Three looks a
    // row, each in one direction, bound the memory for their postures.
    for (int row = 0; row < 3; ++row) {
        const double height = 330 + 115 * row;
        const double y = 430 + 180 * row;
        std::array<SceneLook, 3> looks;
        SceneRandom wardrobe(static_cast<std::uint64_t>(row) + 1);
        for (SceneLook& look : looks) {
            look = person(wardrobe, height);
            look.width *= 1.25;
            look.texture = 12;
        }
        for (int i = 0; i < 20 - 3 * row; ++i) {
            const auto pick = static_cast<std::size_t>(random.integer(0, 2));
            const SceneLook& look = looks[pick];
            const double speed = random.real(300, 420);
            const double crossing = (1920 + look.width + 48) / speed;
            const double height0 = y + random.real(-45, 45);
            for (double start = -crossing * random.real(0, 1); start < 20; start += crossing)
                cycle.content.objects.push_back(
                    passing(look, {.start = start, .y = height0, .speed = speed, .leftwards = pick == 1}));
        }
    }
}

void lamp(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    const auto shine = [&](double start, double length) {
        cycle.content.events.push_back(SceneLamp{.start = inSeconds(start),
                                                 .end = inSeconds(start + length),
                                                 .x = 1350,
                                                 .y = 450,
                                                 .radius = 620,
                                                 .gain = 0.7});
    };
    shine(random.real(3, 5), random.real(3, 5));
    shine(random.real(12, 13), random.real(2, 4));
}

void flash(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    for (int i = 0; i < 3; ++i)
        cycle.content.events.push_back(SceneFlash{.start = inSeconds(random.real(2.0 + 6 * i, 6.0 + 6 * i)),
                                                  .frames = random.integer(1, 2),
                                                  .gain = random.real(1.4, 1.9)});
}

void exposure(Cycle& cycle) {
    const double up = cycle.random.real(1.15, 1.35);
    const double down = cycle.random.real(0.7, 0.85);
    cycle.content.events = {SceneExposure{.start = 2s, .end = 5s, .from = 1, .to = up},
                            SceneExposure{.start = 8s, .end = 12s, .from = 1, .to = down / up},
                            SceneExposure{.start = 15s, .end = 17s, .from = 1, .to = 1 / down}};
}

void cut(Cycle& cycle) {
    cycle.content.events = {SceneCut{.start = 5s, .background = 1}, SceneCut{.start = 10s, .background = 2},
                            SceneCut{.start = 15s, .background = 3}};
}

void shake(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    for (int i = 0; i < 2; ++i) {
        const double start = random.real(3.0 + 8 * i, 7.0 + 8 * i);
        cycle.content.events.push_back(SceneShake{.start = inSeconds(start),
                                                  .end = inSeconds(start + 2),
                                                  .amplitude = i == 0 ? 3.0 : 14.0,
                                                  .seed = random.bits()});
    }
}

void pan(Cycle& cycle) {
    const double side = cycle.number % 2 == 0 ? 1 : -1;
    cycle.content.events = {ScenePan{.start = 3s, .end = 8s, .x = side * 480, .y = 40},
                            ScenePan{.start = 12s, .end = 17s, .x = side * -480, .y = -40}};
}

void rain(Cycle& cycle) {
    cycle.content.events = {SceneRain{.start = 2s, .end = 18s, .seed = cycle.random.bits()}};
}

void foliage(Cycle& cycle) {
    cycle.content.events = {
        SceneFoliage{.end = kPeriod, .x = 1090, .y = -20, .width = 740, .height = 580, .amplitude = 7},
        SceneFoliage{.end = kPeriod, .x = 600, .y = 440, .width = 440, .height = 270, .amplitude = 4}};
}

void infrared(Cycle& cycle) {
    cycle.content.events = {SceneInfrared{.start = 5s, .end = 15s}};
}

void clock(Cycle& cycle) {
    cycle.content.events = {SceneClock{}};
}

void objects(Cycle& cycle) {
    SceneRandom& random = cycle.random;
    // Standard deviation of the day noise at mid grey, the unit of contrast.
    const double deviation = std::sqrt(kDayNoise.shot * 128 + kDayNoise.read * kDayNoise.read);
    constexpr std::array<double, 6> kSizes{8, 12, 16, 24, 32, 48};
    constexpr std::array<double, 4> kContrasts{3, 5, 8, 12};
    int row = 0;
    for (const double size : kSizes)
        for (const double contrast : kContrasts) {
            const bool still = random.chance(0.25);
            cycle.content.objects.push_back(passing({.shape = row % 2 == 0 ? SceneShape::Box : SceneShape::Ellipse,
                                                     .width = size,
                                                     .height = size,
                                                     .contrast = (random.chance(0.5) ? 1 : -1) * contrast * deviation,
                                                     .texture = 0,
                                                     .softness = 1},
                                                    {.start = random.real(0, 6),
                                                     .y = 40.0 + 43 * row,
                                                     .speed = random.real(170, 500),
                                                     .leftwards = random.chance(0.5),
                                                     .pauseAt = still ? random.real(400, 1500) : -1,
                                                     .pause = random.real(0.5, 1)}));
            ++row;
        }
}

void empty(Cycle&) {}

struct Script {
    const char* name;
    const char* description;
    void (*fill)(Cycle&);
    SceneBackground background;
    SceneNoiseLevel noise = kDayNoise;
};

const std::array<Script, 16>& scripts() {
    static const std::array<Script, 16> all{{
        {"corridor", "indoors by day, mostly empty; one or two people pass", corridor, {.view = SceneView::Hall}},
        {"night",
         "dark and noisy; a cat and a walker",
         night,
         {.view = SceneView::Yard, .brightness = 0.3, .saturation = 0.3},
         kNightNoise},
        {"street", "cars, walkers, a tree in the wind, automatic exposure", street, {.view = SceneView::Street}},
        {"busy", "a crowd: most of the picture moves", busy, {.view = SceneView::Street}},
        {"empty", "nothing but noise", empty, {.view = SceneView::Hall}},
        {"lamp", "a lamp goes on and off", lamp, {.view = SceneView::Room}},
        {"flash", "flashes of one or two frames", flash, {.view = SceneView::Room}},
        {"exposure", "automatic exposure drifts", exposure, {.view = SceneView::Hall}},
        {"cut", "another view every five seconds", cut, {.view = SceneView::Hall}},
        {"shake", "the camera trembles", shake, {.view = SceneView::Street}},
        {"pan", "the camera turns aside and back", pan, {.view = SceneView::Street}},
        {"rain", "rain in front of a yard", rain, {.view = SceneView::Yard}},
        {"foliage", "trees and bushes in the wind", foliage, {.view = SceneView::Yard}},
        {"infrared", "infrared for ten seconds: no colour, more noise", infrared, {.view = SceneView::Room}},
        {"clock", "nothing but a burnt-in clock", clock, {.view = SceneView::Hall}},
        {"objects", "small objects of several sizes and contrasts", objects, {.view = SceneView::Hall}},
    }};
    return all;
}

const Script& find(const std::string& name) {
    std::string names;
    for (const Script& script : scripts()) {
        if (script.name == name)
            return script;
        names += names.empty() ? "" : ", ";
        names += script.name;
    }
    throw std::runtime_error("there is no scene \"" + name + "\"; give one of " + names);
}

}  // namespace

const std::vector<SceneScript>& sceneScripts() {
    static const std::vector<SceneScript> list = [] {
        std::vector<SceneScript> made;
        for (const Script& script : scripts())
            made.push_back({script.name, script.description});
        return made;
    }();
    return list;
}

SceneDescription describeScene(const SceneConfig& config) {
    const Script& script = find(config.script);
    SceneDescription description;
    SceneBackground background = script.background;
    background.seed = mixBits(config.seed, 0x6261636b);
    description.backgrounds = {background};
    if (script.fill == cut) {
        for (const SceneView view : {SceneView::Street, SceneView::Room, SceneView::Yard}) {
            background.view = view;
            description.backgrounds.push_back(background);
        }
    }
    description.noise = script.noise;
    description.noise.shot = config.shotNoise.value_or(script.noise.shot);
    description.noise.read = config.readNoise.value_or(script.noise.read);
    description.noise.grain = config.grain.value_or(script.noise.grain);
    description.seed = config.seed;
    description.frameNumber = config.frameNumber;
    description.period = kPeriod;
    description.repeat = [fill = script.fill, seed = config.seed](std::uint64_t number) {
        Cycle cycle{SceneRandom(mixBits(seed, 0x6379636c, number)), {}, number};
        fill(cycle);
        return std::move(cycle.content);
    };
    description.cycle = description.repeat(0);
    return description;
}

}  // namespace smartcodec
