#include "bench/quality.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace smartcodec::bench {
namespace {

constexpr int kWidth = 80;
constexpr int kHeight = 64;

struct Grey {
    std::vector<std::uint8_t> data = std::vector<std::uint8_t>(kWidth * kHeight);

    template <class Paint>
    explicit Grey(const Paint& paint) {
        for (int y = 0; y < kHeight; ++y)
            for (int x = 0; x < kWidth; ++x)
                data[static_cast<std::size_t>(y * kWidth + x)] = static_cast<std::uint8_t>(paint(x, y));
    }
    [[nodiscard]] LumaView view() const { return {data.data(), kWidth, kHeight, kWidth}; }
};

int texture(int x, int y) {
    return 100 + (x * 7 + y * 13 + (x * y) % 11) % 60;
}

bool left(int x) {
    return x < kWidth / 2;
}

const Grey kLeftMoves([](int x, int) { return left(x) ? 255 : 0; });

Quality qualityOf(const Grey& reference, const Grey& shown, const Grey& mask = kLeftMoves) {
    QualityMeter meter;
    meter.add({.reference = reference.view(), .shown = shown.view(), .mask = mask.data});
    return meter.quality();
}

/// SSIM as its definition reads, of one pixel that is not near an edge.
double plainSsim(const Grey& a, const Grey& b, int x, int y) {
    double weights = 0;
    double meanA = 0;
    double meanB = 0;
    double squareA = 0;
    double squareB = 0;
    double product = 0;
    for (int dy = -5; dy <= 5; ++dy)
        for (int dx = -5; dx <= 5; ++dx) {
            const double weight = std::exp(-(dx * dx + dy * dy) / (2 * 1.5 * 1.5));
            const double va = a.data[static_cast<std::size_t>((y + dy) * kWidth + x + dx)];
            const double vb = b.data[static_cast<std::size_t>((y + dy) * kWidth + x + dx)];
            weights += weight;
            meanA += weight * va;
            meanB += weight * vb;
            squareA += weight * va * va;
            squareB += weight * vb * vb;
            product += weight * va * vb;
        }
    meanA /= weights;
    meanB /= weights;
    const double varianceA = squareA / weights - meanA * meanA;
    const double varianceB = squareB / weights - meanB * meanB;
    const double covariance = product / weights - meanA * meanB;
    const double c1 = 0.01 * 255 * 0.01 * 255;
    const double c2 = 0.03 * 255 * 0.03 * 255;
    return (2 * meanA * meanB + c1) * (2 * covariance + c2) /
           ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2));
}

TEST_SUITE("unit") {
    TEST_CASE("equal pictures are perfect") {
        const Grey picture(texture);
        const Quality quality = qualityOf(picture, picture);
        CHECK(*quality.movingPsnr == doctest::Approx(99));
        CHECK(*quality.restPsnr == doctest::Approx(99));
        CHECK(*quality.movingSsim == doctest::Approx(1));
        CHECK(*quality.restSsim == doctest::Approx(1));
        CHECK(quality.movingShare == doctest::Approx(0.5));
    }

    TEST_CASE("a known error has its PSNR and only where it is") {
        const Grey reference(texture);
        const Grey shown([](int x, int y) { return texture(x, y) + (left(x) ? 5 : 0); });
        const Quality quality = qualityOf(reference, shown);
        CHECK(*quality.movingPsnr == doctest::Approx(10 * std::log10(255.0 * 255 / 25)));
        CHECK(*quality.restPsnr == doctest::Approx(99));
    }

    TEST_CASE("errors are pooled over pictures") {
        const Grey reference(texture);
        const Grey shown([](int x, int y) { return texture(x, y) + 6; });
        QualityMeter meter;
        meter.add({.reference = reference.view(), .shown = reference.view(), .mask = kLeftMoves.data});
        meter.add({.reference = reference.view(), .shown = shown.view(), .mask = kLeftMoves.data, .ssim = false});
        CHECK(*meter.quality().restPsnr == doctest::Approx(10 * std::log10(255.0 * 255 / 18)));
        CHECK(*meter.quality().restSsim == doctest::Approx(1));
        CHECK(meter.quality().pictures == 2);
    }

    TEST_CASE("SSIM is what its definition says at every pixel") {
        const Grey a(texture);
        const Grey b([](int x, int y) { return texture(x, y) * 3 / 4 + (x * 31 + y * 17) % 23; });
        // One pixel at a time, on both sides of a seam between bands of rows.
        for (const int y : {20, 42, 43, 44, 47, 48, 49, 53}) {
            const Grey mask([y](int px, int py) { return px == 40 && py == y ? 255 : 0; });
            CHECK(*qualityOf(a, b, mask).movingSsim == doctest::Approx(plainSsim(a, b, 40, y)).epsilon(1e-4));
        }
    }

    TEST_CASE("where nothing moves there is no figure for what moves") {
        const Grey picture(texture);
        const Grey nothing([](int, int) { return 0; });
        const Quality quality = qualityOf(picture, picture, nothing);
        CHECK_FALSE(quality.movingPsnr);
        CHECK_FALSE(quality.movingSsim);
        CHECK(quality.movingShare == 0);
    }

    TEST_CASE("rows may be longer than the picture is wide") {
        const Grey picture(texture);
        const Grey mask([](int x, int) { return x < 20 ? 255 : 0; });
        LumaView view = picture.view();
        view.width = kWidth - 8;
        std::vector<std::uint8_t> narrow;
        for (int y = 0; y < kHeight; ++y)
            narrow.insert(narrow.end(), mask.data.begin() + y * kWidth, mask.data.begin() + y * kWidth + view.width);
        QualityMeter meter;
        meter.add({.reference = view, .shown = view, .mask = narrow});
        CHECK(*meter.quality().movingSsim == doctest::Approx(1));
        CHECK(meter.quality().movingShare == doctest::Approx(20.0 / (kWidth - 8)));
    }
}

}  // namespace
}  // namespace smartcodec::bench
