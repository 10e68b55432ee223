#pragma once

#include "capture/picture.h"
#include "capture/scene_canvas.h"
#include "capture/scene_description.h"

namespace smartcodec {

/// Paints a view for a picture of `picture`'s size and margins of that many luma samples (even) on every side.
[[nodiscard]] SceneBackdrop paintBackground(const SceneBackground& background, Size picture, Size margin);

}  // namespace smartcodec
