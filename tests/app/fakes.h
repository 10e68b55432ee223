#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline.h"

namespace smartcodec::test {

/// Frames of a small picture that a test describes. A bright square wanders through it, so that every frame moves.
struct SourceRecipe {
    std::vector<std::chrono::milliseconds> times;
    std::chrono::milliseconds duration{40};  ///< of each frame
    Size size{64, 48};
    bool moving = true;                                           ///< false: every picture is the same
    std::function<bool(std::chrono::milliseconds)> movesAt = {};  ///< and only then; empty: all the time
    bool live = false;                  ///< frames come at a pace of their own, and wait nevertheless
    std::chrono::milliseconds pace{0};  ///< between them, of a clock on the wall
    bool endless = false;               ///< goes on after `times`, 40 ms apart, until it is stopped
    std::string failure = {};           ///< what ends it, after the last frame
};

/// `count` times that are `period` apart, from zero on.
[[nodiscard]] std::vector<std::chrono::milliseconds> evenTimes(int count, std::chrono::milliseconds period);

[[nodiscard]] std::unique_ptr<Source> makeSource(const SourceRecipe& recipe);

/// The real encoder, with something in its way.
struct Obstacle {
    std::chrono::milliseconds delay{0};  ///< each frame takes that much longer
    std::optional<int> failAt = {};      ///< the frame, from 0, that it fails at
    std::optional<int> throwAt = {};     ///< the frame that it throws at
    bool failDrain = false;
    std::vector<int> restartAt = {};    ///< frames before which it begins anew, each time with other parameter sets
    bool withoutParameterSets = false;  ///< no file can be begun
    std::function<void(int number)> onFrame = {};  ///< called before each frame
};

/// The source that the settings name, and an encoder with something in its way.
[[nodiscard]] PipelineParts hinder(const Obstacle& obstacle);
[[nodiscard]] PipelineParts makeParts(const SourceRecipe& source, const Obstacle& obstacle = {});

}  // namespace smartcodec::test
