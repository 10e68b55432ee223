#include "tests/support/emulated_v4l2_checksum.h"

#include <cstring>
#include <vector>

namespace smartcodec::emulated {
namespace {

constexpr std::uint32_t kFnvBasis = 2166136261u;
constexpr std::uint32_t kFnvPrime = 16777619u;

}  // namespace

// Out of the picture by a copy, which the thread sanitizer sees: the loops it does not.
std::uint32_t checksum(const RawPicture& picture) {
    std::uint32_t hash = kFnvBasis;
    std::vector<std::byte> samples;
    for (std::size_t plane = 0; plane < 3; ++plane) {
        const int shift = plane == 0 ? 0 : 1;
        const std::size_t step = plane == 0 ? 1 : picture.chromaStep;
        const auto columns = static_cast<std::size_t>((picture.size.width + shift) >> shift);
        const auto rows = static_cast<std::size_t>((picture.size.height + shift) >> shift);
        samples.resize((columns - 1) * step + 1);
        for (std::size_t row = 0; row < rows; ++row) {
            std::memcpy(samples.data(), picture.planes[plane] + row * picture.strides[plane], samples.size());
            for (std::size_t at = 0; at < samples.size(); at += step)
                hash = (hash ^ static_cast<std::uint32_t>(samples[at])) * kFnvPrime;
        }
    }
    return hash;
}

std::uint32_t checksum(std::span<const std::int8_t> deltas) {
    if (deltas.empty())
        return 0;
    std::uint32_t hash = kFnvBasis;
    for (const std::int8_t delta : deltas)
        hash = (hash ^ static_cast<std::uint8_t>(delta)) * kFnvPrime;
    return hash == 0 ? 1 : hash;
}

}  // namespace smartcodec::emulated
