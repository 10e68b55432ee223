#pragma once

#include <memory>

#include "capture/camera_formats.h"
#include "capture/frame.h"
#include "capture/status.h"

namespace smartcodec {

/// Makes 4:2:0 pictures, of the same size or smaller, of those that a camera delivers in another format. Thread-bound.
class CameraConverter {
  public:
    /// `color` is the camera's. Throws std::runtime_error without a decoder for the format.
    CameraConverter(const ChosenFormat& from, const Color& color, Size size);
    ~CameraConverter();

    /// The colours of what comes out.
    [[nodiscard]] const Color& color() const;

    /// A picture from a pool, with `description`'s time and all else. `bytes`: of the first plane that are used. Empty
    /// for a compressed picture that is damaged; throws std::runtime_error for what will fail again.
    [[nodiscard]] Frame convert(const Picture& picture, std::size_t bytes, const Frame::Description& description);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace smartcodec
