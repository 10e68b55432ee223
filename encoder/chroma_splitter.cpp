#include "encoder/chroma_splitter.h"

#include <cstddef>

namespace smartcodec {

ChromaSplitter::ChromaSplitter(Size size)
    : width_(size.width / 2),
      height_(size.height / 2),
      cb_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_)),
      cr_(cb_.size()) {}

SplitChroma ChromaSplitter::split(const Plane& interleaved) {
    const auto width = static_cast<std::size_t>(width_);
    for (std::size_t y = 0; y < static_cast<std::size_t>(height_); ++y) {
        const std::byte* in = interleaved.data + y * interleaved.strideBytes;
        std::uint8_t* cb = cb_.data() + y * width;
        std::uint8_t* cr = cr_.data() + y * width;
        for (std::size_t x = 0; x < width; ++x) {
            cb[x] = static_cast<std::uint8_t>(in[2 * x]);
            cr[x] = static_cast<std::uint8_t>(in[2 * x + 1]);
        }
    }
    return {cb_.data(), cr_.data(), width_};
}

}  // namespace smartcodec
