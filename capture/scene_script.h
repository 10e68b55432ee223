#pragma once

#include "capture/scene_description.h"
#include "capture/scene_source.h"

namespace smartcodec {

/// The named script as a description: 20 s, then again without end along other paths. Throws std::runtime_error for an
/// unknown script, naming those there are.
[[nodiscard]] SceneDescription describeScene(const SceneConfig& config);

}  // namespace smartcodec
