#include "analysis/stabiliser_planes.h"

#include <algorithm>
#include <cstring>

namespace smartcodec::stabiliser {
namespace {

void copyRows(const View& in, int width, int height, std::uint8_t* out, std::ptrdiff_t outStrideBytes) {
    for (int y = 0; y < height; ++y)
        std::memcpy(out + y * outStrideBytes, in.row(y), static_cast<std::size_t>(width));
}

}  // namespace

void PlanarPicture::loadStrip(const StabiliserConfig& config, const YuvView& in, int top) {
    // Mirrored, not repeated: repeated samples would share their noise. Rows within the strip only: those above it may
    // have been written already.
    const auto mirrored = [](int at, int first, int size) {
        return at < size ? at : size - 1 - (at - size) % (size - first);
    };
    const auto mirrorEdge = [](std::uint8_t* row, int width) {
        std::reverse_copy(row + width - std::min(width, kMargin), row + width, row + width);
    };
    for (int y = 0; y < kArea; ++y) {
        std::uint8_t* row = planes_[0].at(0, y);
        std::memcpy(row, in.luma + mirrored(top + y, top, config.height) * in.lumaStrideBytes,
                    static_cast<std::size_t>(config.width));
        mirrorEdge(row, config.width);
    }
    const int width = config.width / 2;
    for (int y = 0; y < kArea / 2; ++y) {
        const std::ptrdiff_t offset = mirrored(top / 2 + y, top / 2, config.height / 2) * in.chromaStrideBytes;
        std::uint8_t* cb = planes_[1].at(0, y);
        std::uint8_t* cr = planes_[2].at(0, y);
        if (config.layout == ChromaLayout::Planar) {
            std::memcpy(cb, in.chroma[0] + offset, static_cast<std::size_t>(width));
            std::memcpy(cr, in.chroma[1] + offset, static_cast<std::size_t>(width));
        } else {
            const std::uint8_t* pairs = in.chroma[0] + offset;
            for (int x = 0; x < width; ++x) {
                cb[x] = pairs[2 * x];
                cr[x] = pairs[2 * x + 1];
            }
        }
        mirrorEdge(cb, width);
        mirrorEdge(cr, width);
    }
}

void PlanarPicture::storeStrip(const StabiliserConfig& config, int top, const YuvView& out) const {
    const int rows = std::min(kArea, config.height - top), width = config.width / 2;
    copyRows(planes_[0].view(0, top), config.width, rows, out.luma + top * out.lumaStrideBytes, out.lumaStrideBytes);
    for (int y = 0; y < rows / 2; ++y) {
        const std::uint8_t* cb = planes_[1].view(0, top / 2 + y).data;
        const std::uint8_t* cr = planes_[2].view(0, top / 2 + y).data;
        const std::ptrdiff_t offset = (top / 2 + y) * out.chromaStrideBytes;
        if (config.layout == ChromaLayout::Planar) {
            std::memcpy(out.chroma[0] + offset, cb, static_cast<std::size_t>(width));
            std::memcpy(out.chroma[1] + offset, cr, static_cast<std::size_t>(width));
        } else {
            std::uint8_t* pairs = out.chroma[0] + offset;
            for (int x = 0; x < width; ++x) {
                pairs[2 * x] = cb[x];
                pairs[2 * x + 1] = cr[x];
            }
        }
    }
}

}  // namespace smartcodec::stabiliser
