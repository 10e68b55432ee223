#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <opencv2/core.hpp>
#include <span>

#include "analysis/luma_view.h"

namespace smartcodec::bench {

/// What moves in a video whose truth nobody knows: pixels whose surroundings (5x5, mean absolute difference) differ by
/// more than three standard deviations of the measured noise, and by more than 4 grey levels, from the picture 0.2 s
/// earlier, once that is made as bright as this one; specks up to 2 pixels wide removed, gaps up to 8 pixels wide
/// closed, grown by a rim of 4 pixels. It knows nothing of the program's own analysis. Thread-bound.
class MotionMask {
  public:
    /// Takes the next picture; times rise. A byte per pixel without padding, 255: moves. Valid until the next call.
    [[nodiscard]] std::span<const std::uint8_t> update(const LumaView& picture, std::chrono::nanoseconds time);

    /// Standard deviation of one sample, grey levels.
    [[nodiscard]] double noiseSigma() const { return sigma_; }

  private:
    struct Earlier {
        std::chrono::nanoseconds time;
        cv::Mat picture;
    };

    void measureNoise(const cv::Mat& picture);

    std::deque<Earlier> earlier_;
    cv::Mat mask_;
    double sigma_ = 0;
    int pictures_ = 0;
};

}  // namespace smartcodec::bench
