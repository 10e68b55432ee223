#include "bench/motion_mask.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace smartcodec::bench {
namespace {

constexpr std::chrono::nanoseconds kLag = std::chrono::milliseconds(200);
constexpr double kSigmas = 3;
/// Compression in the source leaves no noise and still no two pictures alike.
constexpr double kLeastDifference = 4;
constexpr int kNoiseEvery = 10;            // pictures
constexpr double kNoiseMemory = 0.8;       // share of the old estimate
constexpr int kBrightnessStep = 8;         // pixels between samples
constexpr double kMadOfGaussian = 0.6745;  // median of |x| for a standard deviation of 1

/// Median of the differences' absolute values, between whole numbers by share.
double medianOfHistogram(const std::array<std::uint64_t, 256>& histogram) {
    std::uint64_t total = 0;
    for (const std::uint64_t count : histogram)
        total += count;
    double below = 0;
    const double half = static_cast<double>(total) / 2;
    for (std::size_t value = 0; value < histogram.size(); ++value) {
        const auto count = static_cast<double>(histogram[value]);
        if (below + count >= half && count > 0)
            // |difference| of a rounded value v stands for (v - 1/2, v + 1/2); that of 0 for (0, 1/2).
            return value == 0 ? 0.5 * (half - below) / count
                              : static_cast<double>(value) - 0.5 + (half - below) / count;
        below += count;
    }
    return 0;
}

double brightnessRatio(const cv::Mat& picture, const cv::Mat& other) {
    std::vector<float> ratios;
    for (int y = 0; y < picture.rows; y += kBrightnessStep)
        for (int x = 0; x < picture.cols; x += kBrightnessStep)
            ratios.push_back((picture.at<std::uint8_t>(y, x) + 1.0F) / (other.at<std::uint8_t>(y, x) + 1.0F));
    const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
    std::nth_element(ratios.begin(), middle, ratios.end());
    return static_cast<double>(*middle);
}

cv::Mat square(int side) {
    return cv::Mat::ones(side, side, CV_8UC1);
}

}  // namespace

std::span<const std::uint8_t> MotionMask::update(const LumaView& view, std::chrono::nanoseconds time) {
    // OpenCV has no constant matrices; nothing writes to it.
    const cv::Mat picture(view.height, view.width, CV_8UC1, const_cast<std::uint8_t*>(view.data),
                          static_cast<std::size_t>(view.strideBytes));
    if (pictures_++ % kNoiseEvery == 1 && !earlier_.empty())
        measureNoise(picture);

    // The newest picture that is at least the lag old; until there is one, the oldest.
    while (earlier_.size() > 1 && earlier_[1].time <= time - kLag)
        earlier_.pop_front();
    mask_.create(picture.size(), CV_8UC1);
    if (earlier_.empty()) {
        mask_.setTo(0);
    } else {
        cv::Mat other;
        cv::convertScaleAbs(earlier_.front().picture, other, brightnessRatio(picture, earlier_.front().picture));
        cv::absdiff(picture, other, other);
        cv::blur(other, other, {5, 5});
        cv::threshold(other, mask_, std::max(kLeastDifference, kSigmas * sigma_), 255, cv::THRESH_BINARY);
        cv::morphologyEx(mask_, mask_, cv::MORPH_OPEN, square(3));
        cv::morphologyEx(mask_, mask_, cv::MORPH_CLOSE, square(9));
        cv::dilate(mask_, mask_, square(9));
    }
    earlier_.push_back({time, picture.clone()});
    return {mask_.data, mask_.total()};
}

void MotionMask::measureNoise(const cv::Mat& picture) {
    cv::Mat difference;
    cv::absdiff(picture, earlier_.back().picture, difference);
    std::array<std::uint64_t, 256> histogram{};
    for (int y = 0; y < difference.rows; ++y)
        for (int x = 0; x < difference.cols; ++x)
            ++histogram[difference.at<std::uint8_t>(y, x)];
    const double sigma = medianOfHistogram(histogram) / kMadOfGaussian / std::sqrt(2.0);
    sigma_ = sigma_ > 0 ? kNoiseMemory * sigma_ + (1 - kNoiseMemory) * sigma : sigma;
}

}  // namespace smartcodec::bench
