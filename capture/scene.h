#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "capture/picture.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// What is true of one object at one frame.
struct SceneObjectTruth {
    std::size_t object = 0;  ///< index into the cycle's objects
    /// What it covers by half or more, in luma samples, cut off at the picture's edges; never empty.
    int left = 0;
    int top = 0;
    int width = 0;
    int height = 0;
    double speedX = 0;  ///< rendered pixels per second at this moment, the camera's movement left out
    double speedY = 0;
    bool moving = false;  ///< drawn in another place or posture than in the frame before, or not there then
    /// Mean absolute difference in luma, inside the box, from the noise-free picture without this object, over samples
    /// that differ at all; before lamps, exposure and flashes.
    double contrast = 0;
};

/// A picture that knows the truth about itself. The same description, size and rate give the same bytes on every
/// machine. Frames may be asked for in any order; in order is fastest. Pictures given to it are kYuv420 in memory, of
/// the scene's size, BT.709 limited range. Throws std::invalid_argument for a size that is odd or below 16x16, a rate
/// that is not positive, or a description that makes no sense. Bound to one thread.
class Scene {
  public:
    Scene(SceneDescription description, Size size, FrameRate frameRate);
    ~Scene();
    Scene(Scene&&) noexcept;
    Scene& operator=(Scene&&) noexcept;

    [[nodiscard]] Size size() const;
    [[nodiscard]] FrameRate frameRate() const;

    /// When a frame is taken: its index over the rate, rounded down to a nanosecond.
    [[nodiscard]] std::chrono::nanoseconds time(std::uint64_t index) const;

    /// What the camera delivers: the truth plus sensor noise; the clock and the frame number are burnt in over the
    /// noise.
    void render(std::uint64_t index, const Picture& picture);
    /// The same without noise.
    void renderTruth(std::uint64_t index, const Picture& picture);

    /// Sets each luma sample that a moving object covers at this frame, or covered at the frame before, to 255 and all
    /// others to 0. From the objects' geometry: lamps, rain, foliage, the clock and the camera's movement do not count.
    /// `mask` has a byte per luma sample, without padding.
    void movingMask(std::uint64_t index, std::span<std::uint8_t> mask);

    /// Every object that is in the picture.
    [[nodiscard]] std::vector<SceneObjectTruth> objects(std::uint64_t index);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
