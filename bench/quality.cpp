#include "bench/quality.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace smartcodec::bench {
namespace {

constexpr int kWindow = 11;
constexpr int kHalfWindow = kWindow / 2;
constexpr double kWindowSigma = 1.5;
constexpr float kC1 = 0.01F * 255 * 0.01F * 255;
constexpr float kC2 = 0.03F * 255 * 0.03F * 255;

/// Rows handled at a time, so that the ten pictures in between stay in the cache.
constexpr int kBandRows = 48;

/// What is called perfect: no difference at all has no PSNR.
constexpr double kBestPsnr = 99;

cv::Mat rows(const LumaView& view, int first, int last) {
    // OpenCV has no constant matrices; nothing writes to it.
    auto* data = const_cast<std::uint8_t*>(view.row(first));
    return {last - first, view.width, CV_8UC1, data, static_cast<std::size_t>(view.strideBytes)};
}

cv::Mat blurred(const cv::Mat& picture) {
    cv::Mat result;
    cv::GaussianBlur(picture, result, {kWindow, kWindow}, kWindowSigma, kWindowSigma, cv::BORDER_REFLECT_101);
    return result;
}

/// The four blurred pictures that SSIM is made of; the two variances occur only as their sum.
struct Moments {
    cv::Mat meanA;
    cv::Mat meanB;
    cv::Mat squares;  // a * a + b * b
    cv::Mat product;

    Moments(const cv::Mat& bytesA, const cv::Mat& bytesB) {
        cv::Mat a;
        cv::Mat b;
        bytesA.convertTo(a, CV_32F);
        bytesB.convertTo(b, CV_32F);
        meanA = blurred(a);
        meanB = blurred(b);
        squares = blurred(a.mul(a) + b.mul(b));
        product = blurred(a.mul(b));
    }

    [[nodiscard]] float ssim(int row, int column) const {
        const float a = meanA.at<float>(row, column);
        const float b = meanB.at<float>(row, column);
        const float means = a * a + b * b;
        const float variances = squares.at<float>(row, column) - means;
        const float covariance = product.at<float>(row, column) - a * b;
        return ((2 * a * b + kC1) * (2 * covariance + kC2)) / ((means + kC1) * (variances + kC2));
    }
};

}  // namespace

void QualityMeter::add(const Pair& pair) {
    assert(pair.reference.width == pair.shown.width && pair.reference.height == pair.shown.height);
    assert(pair.mask.size() ==
           static_cast<std::size_t>(pair.reference.width) * static_cast<std::size_t>(pair.reference.height));
    addSquaredError(pair);
    if (pair.ssim)
        addSsim(pair);
    ++pictures_;
}

void QualityMeter::addSquaredError(const Pair& pair) {
    const int width = pair.reference.width;
    std::uint64_t sums[2] = {0, 0};
    std::uint64_t moving = 0;
    for (int y = 0; y < pair.reference.height; ++y) {
        const std::uint8_t* a = pair.reference.row(y);
        const std::uint8_t* b = pair.shown.row(y);
        const std::uint8_t* mask = pair.mask.data() + static_cast<std::ptrdiff_t>(y) * width;
        std::uint32_t all = 0;  // a row of 8192 differences of 255 fits
        std::uint32_t inside = 0;
        std::uint32_t count = 0;
        for (int x = 0; x < width; ++x) {
            const int difference = a[x] - b[x];
            const auto square = static_cast<std::uint32_t>(difference * difference);
            const std::uint32_t moves = mask[x] != 0 ? 1 : 0;
            all += square;
            inside += square * moves;
            count += moves;
        }
        sums[0] += inside;
        sums[1] += all - inside;
        moving += count;
    }
    squaredError_.moving.value += static_cast<double>(sums[0]);
    squaredError_.moving.pixels += moving;
    squaredError_.rest.value += static_cast<double>(sums[1]);
    squaredError_.rest.pixels += pair.mask.size() - moving;
}

void QualityMeter::addSsim(const Pair& pair) {
    const int width = pair.reference.width;
    const int height = pair.reference.height;
    for (int top = 0; top < height; top += kBandRows) {
        const int bottom = std::min(top + kBandRows, height);
        const int first = std::max(0, top - kHalfWindow);
        const int last = std::min(height, bottom + kHalfWindow);
        const Moments moments(rows(pair.reference, first, last), rows(pair.shown, first, last));
        for (int y = top; y < bottom; ++y) {
            const std::uint8_t* mask = pair.mask.data() + static_cast<std::ptrdiff_t>(y) * width;
            double inside = 0;
            double all = 0;
            std::uint64_t count = 0;
            for (int x = 0; x < width; ++x) {
                const double value = moments.ssim(y - first, x);
                all += value;
                if (mask[x] != 0) {
                    inside += value;
                    ++count;
                }
            }
            ssim_.moving.value += inside;
            ssim_.moving.pixels += count;
            ssim_.rest.value += all - inside;
            ssim_.rest.pixels += static_cast<std::uint64_t>(width) - count;
        }
    }
}

Quality QualityMeter::quality() const {
    const auto psnr = [](const Sum& sum) -> std::optional<double> {
        if (sum.pixels == 0)
            return std::nullopt;
        const double error = sum.value / static_cast<double>(sum.pixels);
        return error > 0 ? std::min(kBestPsnr, 10 * std::log10(255.0 * 255.0 / error)) : kBestPsnr;
    };
    const auto mean = [](const Sum& sum) -> std::optional<double> {
        if (sum.pixels == 0)
            return std::nullopt;
        return sum.value / static_cast<double>(sum.pixels);
    };
    Quality quality{.movingPsnr = psnr(squaredError_.moving),
                    .restPsnr = psnr(squaredError_.rest),
                    .movingSsim = mean(ssim_.moving),
                    .restSsim = mean(ssim_.rest),
                    .pictures = pictures_};
    const std::uint64_t pixels = squaredError_.moving.pixels + squaredError_.rest.pixels;
    if (pixels > 0)
        quality.movingShare = static_cast<double>(squaredError_.moving.pixels) / static_cast<double>(pixels);
    return quality;
}

}  // namespace smartcodec::bench
