#include "capture/scene.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "capture/limits.h"
#include "capture/scene_background.h"
#include "capture/scene_math.h"
#include "capture/scene_noise.h"
#include "capture/scene_overlay.h"
#include "capture/scene_sprite.h"
#include "capture/scene_timeline.h"
#include "capture/scene_wardrobe.h"

namespace smartcodec {

namespace {

using std::chrono::nanoseconds;

void check(bool condition, const std::string& message) {
    if (!condition)
        throw std::invalid_argument("cannot make the scene: " + message);
}

void checkCycle(const SceneCycle& cycle, std::size_t backgrounds) {
    for (const SceneObject& object : cycle.objects) {
        check(object.look.width > 0 && object.look.height > 0, "an object has no size");
        check(!object.look.contrast || std::abs(*object.look.contrast) <= 100, "a contrast is not within -100..100");
        for (std::size_t i = 1; i < object.path.size(); ++i)
            check(object.path[i - 1].time < object.path[i].time, "the times of an object's path do not rise");
    }
    for (const SceneEvent& event : cycle.events)
        if (const auto* cut = std::get_if<SceneCut>(&event))
            check(cut->background >= 0 && static_cast<std::size_t>(cut->background) < backgrounds,
                  "a cut goes to background " + std::to_string(cut->background) + ", which does not exist");
}

void checkDescription(const SceneDescription& description, Size size, FrameRate rate) {
    check(recordable(size) && size.width % 2 == 0 && size.height % 2 == 0,
          "its size is " + std::to_string(size.width) + "x" + std::to_string(size.height) + ", give an even one with " +
              recordableSizes());
    check(rate.known(), "its frame rate is " + std::to_string(rate.numerator) + "/" + std::to_string(rate.denominator) +
                            ", give a positive one");
    check(!description.backgrounds.empty(), "it has no background");
    check(description.noise.grain == 1 || description.noise.grain == 3,
          "the noise's grain is " + std::to_string(description.noise.grain) + ", give 1 or 3");
    check(description.noise.shot >= 0 && description.noise.read >= 0, "its noise is negative");
    check(!description.frameNumber ||
              (size.width >= kFrameNumberMinimum.width && size.height >= kFrameNumberMinimum.height),
          "a frame number needs a picture of " + std::to_string(kFrameNumberMinimum.width) + "x" +
              std::to_string(kFrameNumberMinimum.height) + " or more");
    checkCycle(description.cycle, description.backgrounds.size());
}

/// An object as it is drawn at one frame.
struct Appearance {
    const SceneSprite* sprite = nullptr;  // null: not there
    SceneSpritePainter::Place place;      // in the scene; the camera's aim is not in it
    friend bool operator==(const Appearance& a, const Appearance& b) {
        return a.sprite == b.sprite && (!a.sprite || (a.place.x == b.place.x && a.place.y == b.place.y));
    }
};

/// Where a path is at a time.
struct Step {
    double x = 0, y = 0;            // pixels at 1080p
    double speedX = 0, speedY = 0;  // the same per second
    double walked = 0;              // pixels since the path's start
};

std::optional<Step> stepAt(const std::vector<ScenePathPoint>& path, nanoseconds time) {
    if (path.size() < 2 || time < path.front().time || time >= path.back().time)
        return std::nullopt;
    Step step;
    for (std::size_t i = 1; i < path.size(); ++i) {
        const ScenePathPoint& from = path[i - 1];
        const ScenePathPoint& to = path[i];
        const double x = to.x - from.x;
        const double y = to.y - from.y;
        const double length = std::sqrt(x * x + y * y);
        if (time >= to.time) {
            step.walked += length;
            continue;
        }
        const auto whole = static_cast<double>((to.time - from.time).count());
        const double share = static_cast<double>((time - from.time).count()) / whole;
        step.x = from.x + x * share;
        step.y = from.y + y * share;
        step.speedX = x / (whole * 1e-9);
        step.speedY = y / (whole * 1e-9);
        step.walked += length * share;
        break;
    }
    return step;
}

/// A kYuv420 picture of its own.
class Scratch {
  public:
    explicit Scratch(Size size) {
        const auto width = static_cast<std::size_t>(size.width);
        const auto height = static_cast<std::size_t>(size.height);
        bytes_.resize(width * height * 3 / 2);
        picture_.format = kYuv420;
        picture_.size = size;
        picture_.writable = true;
        picture_.planes[0] = {.strideBytes = width, .data = bytes_.data()};
        picture_.planes[1] = {.strideBytes = width / 2, .data = bytes_.data() + width * height};
        picture_.planes[2] = {.strideBytes = width / 2, .data = bytes_.data() + width * height * 5 / 4};
    }
    [[nodiscard]] const Picture& picture() const { return picture_; }

  private:
    std::vector<std::byte> bytes_;
    Picture picture_;
};

}  // namespace

struct Scene::State {
    State(SceneDescription given, Size pictureSize, FrameRate rate)
        : description(std::move(given)),
          size(pictureSize),
          timeline(rate, description.period),
          scale(std::min(size.width / 1920.0, size.height / 1080.0)),
          margin(marginFor(description.cycle, size)),
          noise(description.noise, description.seed),
          wardrobe(scale),
          cycles{Cycle{0, description.cycle}, Cycle{}} {
        for (const SceneBackground& background : description.backgrounds)
            backdrops.push_back(paintBackground(background, size, margin));
    }

    struct Cycle {
        std::optional<std::uint64_t> number;
        SceneCycle content;
    };
    struct LightMap {
        SceneLamp lamp;
        std::vector<std::uint16_t> map;
    };

    const SceneCycle& content(std::uint64_t number);
    Appearance appearance(std::uint64_t index, std::size_t object);
    const std::vector<std::uint16_t>& lightMap(const SceneLamp& lamp);
    SceneMoment moment(std::uint64_t index) {
        return momentOf(content(timeline.cycle(index)), timeline, index, size, margin);
    }
    void drawBehind(const Picture& picture, const SceneMoment& moment);
    void draw(std::uint64_t index, const Picture& picture, bool withNoise);
    static SceneSpritePainter::Place inPicture(SceneSpritePainter::Place place, SceneAim aim) {
        return {place.x - aim.x, place.y - aim.y};
    }

    SceneDescription description;
    Size size;
    SceneTimeline timeline;
    double scale;
    Size margin;
    SceneNoise noise;
    SceneSpritePainter painter;
    std::vector<SceneBackdrop> backdrops;
    SceneWardrobe wardrobe;
    std::vector<LightMap> lightMaps;
    Cycle cycles[2];  // the current one and its neighbour, by parity
};

const SceneCycle& Scene::State::content(std::uint64_t number) {
    Cycle& cycle = cycles[number % 2];
    if (cycle.number != number) {
        cycle.content = number > 0 && description.repeat ? description.repeat(number) : description.cycle;
        checkCycle(cycle.content, backdrops.size());
        cycle.number = number;
    }
    return cycle.content;
}

Appearance Scene::State::appearance(std::uint64_t index, std::size_t number) {
    const SceneCycle& cycle = content(timeline.cycle(index));
    if (number >= cycle.objects.size())
        return {};
    const SceneObject& object = cycle.objects[number];
    const auto step = stepAt(object.path, timeline.timeInCycle(index));
    if (!step)
        return {};
    const double stride = sceneStride(object.look.shape) * object.look.height;
    int posture = 0;
    if (stride > 0) {
        const double turns = step->walked / stride;
        const int postures = scenePostures(object.look.shape);
        posture = std::min(postures - 1, static_cast<int>((turns - std::floor(turns)) * postures));
    }
    const bool mirrored = object.path.back().x < object.path.front().x;
    const SceneSprite& sprite = wardrobe.sprite(object.look, mirrored, posture);
    Appearance result{&sprite, {}};
    result.place.x = roundToInt((step->x * size.width / 1920 - sprite.size.width / 2.0) * 8);
    result.place.y = roundToInt((step->y * size.height / 1080 - sprite.size.height / 2.0) * 8);
    return result;
}

const std::vector<std::uint16_t>& Scene::State::lightMap(const SceneLamp& lamp) {
    const auto same = [&](const LightMap& made) {
        return made.lamp.x == lamp.x && made.lamp.y == lamp.y && made.lamp.radius == lamp.radius &&
               made.lamp.gain == lamp.gain;
    };
    const auto found = std::find_if(lightMaps.begin(), lightMaps.end(), same);
    if (found != lightMaps.end())
        return found->map;
    constexpr std::size_t kKept = 4;  // scripts have one or two; the bound is for scenes with ever new lamps
    if (lightMaps.size() >= kKept)
        lightMaps.erase(lightMaps.begin());
    lightMaps.push_back({lamp, makeLightMap(lamp, size)});
    return lightMaps.back().map;
}

void Scene::State::drawBehind(const Picture& picture, const SceneMoment& moment) {
    const SceneBackdrop& backdrop = backdrops[static_cast<std::size_t>(moment.background)];
    drawBackdrop(picture, backdrop, moment.aim);
    for (const SceneFoliage* foliage : moment.foliage)
        drawFoliage(picture, backdrop, moment.aim, *foliage, moment.time);
}

void Scene::State::draw(std::uint64_t index, const Picture& picture, bool withNoise) {
    assert(picture.format == kYuv420 && picture.size == size && picture.planes[0].data);
    const SceneMoment now = moment(index);
    wardrobe.nextPicture();
    drawBehind(picture, now);
    const auto& objects = content(timeline.cycle(index)).objects;
    for (std::size_t i = 0; i < objects.size(); ++i)
        if (const Appearance object = appearance(index, i); object.sprite)
            painter.draw(picture, *object.sprite, inPicture(object.place, now.aim),
                         objects[i].look.contrast.has_value());
    for (const SceneRain* rain : now.rain)
        drawRain(picture, *rain, now.time);
    for (const SceneLamp* lamp : now.lamps)
        applyLight(picture, lightMap(*lamp));
    applyGain(picture, now.gain);
    if (!now.color)
        removeColor(picture);
    if (withNoise)
        noise.add(picture, {.index = index, .factor = now.noise, .chroma = now.color});
    for (const SceneClock* clock : now.clocks)
        drawSceneClock(picture, *clock, now.time);
    if (description.frameNumber)
        drawFrameNumber(picture, static_cast<std::uint32_t>(index));
}

Scene::Scene(SceneDescription description, Size size, FrameRate frameRate) {
    checkDescription(description, size, frameRate);
    state_ = std::make_unique<State>(std::move(description), size, frameRate);
}

Scene::~Scene() = default;
Scene::Scene(Scene&&) noexcept = default;
Scene& Scene::operator=(Scene&&) noexcept = default;

Size Scene::size() const {
    return state_->size;
}
FrameRate Scene::frameRate() const {
    return state_->timeline.rate();
}
nanoseconds Scene::time(std::uint64_t index) const {
    return state_->timeline.time(index);
}

void Scene::render(std::uint64_t index, const Picture& picture) {
    state_->draw(index, picture, true);
}
void Scene::renderTruth(std::uint64_t index, const Picture& picture) {
    state_->draw(index, picture, false);
}

void Scene::movingMask(std::uint64_t index, std::span<std::uint8_t> mask) {
    const Size size = state_->size;
    assert(mask.size() == static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height));
    std::fill(mask.begin(), mask.end(), std::uint8_t{0});
    if (index == 0)
        return;
    state_->wardrobe.nextPicture();
    const SceneAim aim = state_->moment(index).aim;
    const SceneAim aimBefore = state_->moment(index - 1).aim;
    const bool sameCycle = state_->timeline.cycle(index) == state_->timeline.cycle(index - 1);
    const std::size_t objects = state_->content(state_->timeline.cycle(index)).objects.size();
    const std::size_t before = state_->content(state_->timeline.cycle(index - 1)).objects.size();
    for (std::size_t i = 0; i < std::max(objects, before); ++i) {
        const Appearance now = state_->appearance(index, i);
        const Appearance then = state_->appearance(index - 1, i);
        // Over the end of a cycle the same number is another object.
        if (sameCycle && now == then)
            continue;
        if (now.sprite)
            state_->painter.mark(mask.data(), size, *now.sprite, State::inPicture(now.place, aim));
        if (then.sprite)
            state_->painter.mark(mask.data(), size, *then.sprite, State::inPicture(then.place, aimBefore));
    }
}

std::vector<SceneObjectTruth> Scene::objects(std::uint64_t index) {
    State& state = *state_;
    const Size size = state.size;
    const Scratch scratch(size);
    const Picture& picture = scratch.picture();
    const SceneMoment now = state.moment(index);
    state.wardrobe.nextPicture();
    state.drawBehind(picture, now);
    std::vector<std::byte> behind(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height));
    std::vector<SceneObjectTruth> truths;
    const auto& objects = state.content(state.timeline.cycle(index)).objects;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        const Appearance object = state.appearance(index, i);
        if (!object.sprite)
            continue;
        const SceneSprite& sprite = *object.sprite;
        const auto place = State::inPicture(object.place, now.aim);
        SceneObjectTruth truth;
        const int left = roundToInt(place.x / 8.0);
        const int top = roundToInt(place.y / 8.0);
        truth.left = std::clamp(left + sprite.left, 0, size.width);
        truth.top = std::clamp(top + sprite.top, 0, size.height);
        truth.width = std::clamp(left + sprite.right, 0, size.width) - truth.left;
        truth.height = std::clamp(top + sprite.bottom, 0, size.height) - truth.top;
        std::memcpy(behind.data(), picture.planes[0].data, behind.size());
        state.painter.draw(picture, sprite, place, objects[i].look.contrast.has_value());
        if (truth.width <= 0 || truth.height <= 0)
            continue;

        const Step step = stepAt(objects[i].path, state.timeline.timeInCycle(index)).value_or(Step{});
        truth.object = i;
        truth.speedX = step.speedX * size.width / 1920;
        truth.speedY = step.speedY * size.height / 1080;
        const bool sameCycle = index > 0 && state.timeline.cycle(index) == state.timeline.cycle(index - 1);
        truth.moving = index > 0 && (!sameCycle || !(state.appearance(index - 1, i) == object));
        std::int64_t sum = 0;
        std::int64_t count = 0;
        for (int y = truth.top; y < truth.top + truth.height; ++y)
            for (int x = truth.left; x < truth.left + truth.width; ++x) {
                const auto at =
                    static_cast<std::size_t>(y) * static_cast<std::size_t>(size.width) + static_cast<std::size_t>(x);
                const int difference =
                    std::abs(std::to_integer<int>(picture.planes[0].data[at]) - std::to_integer<int>(behind[at]));
                sum += difference;
                count += difference != 0 ? 1 : 0;
            }
        truth.contrast = count > 0 ? static_cast<double>(sum) / static_cast<double>(count) : 0;
        truths.push_back(truth);
    }
    return truths;
}

}  // namespace smartcodec
