#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/frame.h"
#include "capture/frame_pool.h"

namespace smartcodec {

/// Pictures that cost an encoder about the same bits each at one quantiser: waves that move, with new noise in every
/// one. The same in every run.
class ProbePictures {
  public:
    enum class Content {
        Whole,
        LeftHalf,  ///< the right half is grey and costs next to nothing
    };

    explicit ProbePictures(Size size);

    /// kNv12. They go round: the one for `number` differs from those for the numbers around it.
    [[nodiscard]] const Picture& picture(Content content, std::size_t number) const;

  private:
    std::vector<Frame> whole_;
    std::vector<Frame> leftHalf_;
};

}  // namespace smartcodec
