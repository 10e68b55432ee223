#include "capture/libcamera_pictures.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace smartcodec {

PixelFormat ours(const libcamera::PixelFormat& format) {
    return {format.fourcc()};
}

Size ours(const libcamera::Size& size) {
    return {static_cast<int>(size.width), static_cast<int>(size.height)};
}

libcamera::Size theirs(Size size) {
    return {static_cast<unsigned>(size.width), static_cast<unsigned>(size.height)};
}

Color colorOf(const std::optional<libcamera::ColorSpace>& space) {
    using libcamera::ColorSpace;
    Color color;
    if (!space)
        return color;
    switch (space->primaries) {
        case ColorSpace::Primaries::Smpte170m:
            color.primaries = 6;
            break;
        case ColorSpace::Primaries::Rec709:
            color.primaries = 1;
            break;
        case ColorSpace::Primaries::Rec2020:
            color.primaries = 9;
            break;
        default:
            break;
    }
    switch (space->transferFunction) {
        case ColorSpace::TransferFunction::Linear:
            color.transfer = 8;
            break;
        case ColorSpace::TransferFunction::Srgb:
            color.transfer = 13;
            break;
        case ColorSpace::TransferFunction::Rec709:
            color.transfer = 1;
            break;
    }
    switch (space->ycbcrEncoding) {
        case ColorSpace::YcbcrEncoding::Rec601:
            color.matrix = 6;
            break;
        case ColorSpace::YcbcrEncoding::Rec709:
            color.matrix = 1;
            break;
        case ColorSpace::YcbcrEncoding::Rec2020:
            color.matrix = 9;
            break;
        default:
            break;
    }
    color.fullRange = space->range == ColorSpace::Range::Full;
    return color;
}

MappedLibcameraBuffer::MappedLibcameraBuffer(const libcamera::FrameBuffer& buffer) {
    for (const auto& plane : buffer.planes()) {
        const std::size_t end = std::size_t{plane.offset} + plane.length;
        const auto known =
            std::find_if(areas_.begin(), areas_.end(), [&](const Area& a) { return a.fd == plane.fd.get(); });
        if (known == areas_.end())
            areas_.push_back({plane.fd.get(), end, {}});
        else
            known->bytes = std::max(known->bytes, end);
    }
    for (Area& area : areas_)
        // one that the processor must not see stays unmapped: whoever has to see it will say what is wrong
        area.memory = PaddedMapping(area.fd, area.bytes, true);
}

std::byte* MappedLibcameraBuffer::at(int fd, std::size_t offset) const {
    const auto area = std::find_if(areas_.begin(), areas_.end(), [&](const Area& a) { return a.fd == fd; });
    return area->memory ? area->memory.data() + offset : nullptr;
}

Picture pictureOf(const libcamera::StreamConfiguration& stream, const libcamera::FrameBuffer& buffer,
                  const MappedLibcameraBuffer& mapped) {
    Picture picture;
    picture.format = ours(stream.pixelFormat);
    picture.size = ours(stream.size);
    picture.writable = true;
    const auto& planes = buffer.planes();
    const auto count = std::max<std::size_t>(1, static_cast<std::size_t>(planeCount(picture.format)));
    if (planes.size() < count)
        throw std::runtime_error("the camera's " + name(picture.format) + " pictures have " +
                                 std::to_string(planes.size()) + " planes where there should be " +
                                 std::to_string(count));
    for (std::size_t i = 0; i < count; ++i) {
        Plane& plane = picture.planes[i];
        plane.dmabuf = planes[i].fd.get();
        plane.offsetBytes = planes[i].offset;
        // libcamera states the first plane's alone; in its formats the others' follow from how many samples they hold
        plane.strideBytes = stream.stride;
        if (i > 0 && count == 3)
            plane.strideBytes /= 2;
        plane.data = mapped.at(plane.dmabuf, plane.offsetBytes);
        picture.writable = picture.writable && plane.data;
    }
    return picture;
}

std::vector<CameraFormat> cameraFormats(const libcamera::StreamConfiguration& stream) {
    std::vector<CameraFormat> formats;
    for (const libcamera::PixelFormat& format : stream.formats().pixelformats()) {
        CameraFormat described{ours(format), {}};
        for (const libcamera::Size& size : stream.formats().sizes(format))
            described.sizes.push_back(ours(size));
        formats.push_back(std::move(described));
    }
    if (formats.empty())  // of pipelines that list none, what they propose
        formats.push_back({ours(stream.pixelFormat), {ours(stream.size)}});
    return formats;
}

}  // namespace smartcodec
