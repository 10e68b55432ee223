#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "analysis/luma_view.h"
#include "capture/file_source.h"
#include "capture/scene_source.h"

namespace smartcodec::bench {

/// What a recording should show, picture by picture at the source's own cadence.
class Reference {
  public:
    struct Moment {
        std::chrono::nanoseconds time{0};    ///< since the first picture
        LumaView luma;                       ///< valid until the next call, like `mask`
        std::span<const std::uint8_t> mask;  ///< what moves; a byte per pixel, no padding
    };

    virtual ~Reference() = default;
    /// Empty at the end. Throws std::runtime_error where the source breaks off.
    [[nodiscard]] virtual std::optional<Moment> next() = 0;
};

/// The scene without its noise, and what moves by its own account. `config.duration` must be given.
[[nodiscard]] std::unique_ptr<Reference> sceneReference(const SceneConfig& config);

/// The file as it is, up to `duration` if given, and what moves by MotionMask.
[[nodiscard]] std::unique_ptr<Reference> fileReference(const FileSourceConfig& config,
                                                       std::optional<std::chrono::nanoseconds> duration);

}  // namespace smartcodec::bench
