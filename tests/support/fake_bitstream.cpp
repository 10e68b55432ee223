#include "tests/support/fake_bitstream.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/support/emulated_v4l2_checksum.h"

namespace smartcodec {

std::optional<FakePicture> parseFakePicture(std::span<const std::byte> data) {
    const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const std::size_t begin = text.find("picture=");
    if (begin == std::string_view::npos)
        return std::nullopt;
    // the parameter sets, which are in front of the picture, make its NAL unit the second or later
    std::size_t startCodes = 0;
    for (std::size_t at = 0; (at = text.find(std::string_view("\0\0\1", 3), at)) < begin; at += 3)
        ++startCodes;
    const std::string line(text.substr(begin, text.find('\n', begin) - begin));
    FakePicture picture{.parameterSets = startCodes > 1};
    int keyFrame = 0;
    const int fields = std::sscanf(line.c_str(),
                                   "picture=%" SCNu64 " key=%d qp=%d bitrate=%" SCNd64 " checksum=%" SCNx32
                                   " deltas=%d..%d map=%" SCNx32,
                                   &picture.number, &keyFrame, &picture.qp, &picture.bitrate, &picture.checksum,
                                   &picture.lowestDelta, &picture.highestDelta, &picture.mapChecksum);
    picture.keyFrame = keyFrame != 0;
    return fields == 8 ? std::optional(picture) : std::nullopt;
}

std::uint32_t fakeChecksum(const Picture& picture) {
    emulated::RawPicture raw{.size = picture.size};
    for (std::size_t i = 0; i < 3; ++i) {
        const Plane& plane = picture.planes[std::min<std::size_t>(i, picture.format == kNv12 ? 1 : 2)];
        raw.planes[i] = plane.data;
        raw.strides[i] = plane.strideBytes;
    }
    if (picture.format == kNv12) {
        raw.chromaStep = 2;
        raw.planes[2] = raw.planes[1] + 1;
    }
    return emulated::checksum(raw);
}

std::uint32_t fakeMapChecksum(std::span<const std::int8_t> deltas) {
    return emulated::checksum(deltas);
}

}  // namespace smartcodec
