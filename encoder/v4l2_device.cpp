#include "encoder/v4l2_device.h"

#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace smartcodec {

namespace {

constexpr std::uint32_t kMostEntries = 256;  // of a driver's list: one that never ends must not hang the program

[[nodiscard]] std::string text(const __u8* bytes, std::size_t size) {
    const auto* characters = reinterpret_cast<const char*>(bytes);
    return {characters, strnlen(characters, size)};
}

struct EnumeratedFormat {
    std::uint32_t fourcc = 0;
    bool compressed = false;
    bool ownFrameRate = false;
};

[[nodiscard]] std::vector<EnumeratedFormat> enumerateFormats(const V4l2Device& device, std::uint32_t bufferType) {
    std::vector<EnumeratedFormat> formats;
    for (std::uint32_t index = 0; index < kMostEntries; ++index) {
        v4l2_fmtdesc description{};
        description.index = index;
        description.type = bufferType;
        if (const int error = device.ioctl(VIDIOC_ENUM_FMT, description)) {
            if (error != EINVAL && error != ENOTTY)  // the end of the list, and no list
                throw std::system_error(error, std::generic_category(),
                                        "asking " + device.path() + " for its formats (VIDIOC_ENUM_FMT)");
            break;
        }
        formats.push_back({
            .fourcc = description.pixelformat,
            .compressed = (description.flags & V4L2_FMT_FLAG_COMPRESSED) != 0,
            .ownFrameRate = (description.flags & V4L2_FMT_FLAG_ENC_CAP_FRAME_INTERVAL) != 0,
        });
    }
    return formats;
}

/// Coded as a sequence of pictures. Stills are no video: nothing predicts from one to the next.
[[nodiscard]] bool isVideo(const EnumeratedFormat& format) {
    constexpr std::uint32_t kStills[] = {V4L2_PIX_FMT_JPEG, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_PJPG};
    return format.compressed && std::ranges::find(kStills, format.fourcc) == std::end(kStills);
}

void readSizes(const V4l2Device& device, V4l2CodedFormat& format) {
    const auto extend = [&](std::uint32_t width, std::uint32_t height) {
        const Size size{static_cast<int>(width), static_cast<int>(height)};
        if (format.largest == Size{})
            format.smallest = format.largest = size;
        format.smallest = {std::min(format.smallest.width, size.width), std::min(format.smallest.height, size.height)};
        format.largest = {std::max(format.largest.width, size.width), std::max(format.largest.height, size.height)};
    };
    for (std::uint32_t index = 0; index < kMostEntries; ++index) {
        v4l2_frmsizeenum sizes{};
        sizes.index = index;
        sizes.pixel_format = format.fourcc;
        if (device.ioctl(VIDIOC_ENUM_FRAMESIZES, sizes) != 0)
            return;
        if (sizes.type != V4L2_FRMSIZE_TYPE_DISCRETE) {  // a range is the whole answer
            extend(sizes.stepwise.min_width, sizes.stepwise.min_height);
            extend(sizes.stepwise.max_width, sizes.stepwise.max_height);
            return;
        }
        extend(sizes.discrete.width, sizes.discrete.height);
    }
}

/// Makes `fourcc` the coded format, since raw formats are listed for that one alone.
void selectCodedFormat(const V4l2Device& device, std::uint32_t bufferType, bool multiplanar, std::uint32_t fourcc) {
    v4l2_format format{};
    format.type = bufferType;
    if (device.ioctl(VIDIOC_G_FMT, format) != 0)
        return;
    if (multiplanar)
        format.fmt.pix_mp.pixelformat = fourcc;
    else
        format.fmt.pix.pixelformat = fourcc;
    static_cast<void>(device.ioctl(VIDIOC_S_FMT, format));  // refused: the list is that of another format, near enough
}

void readFormats(const V4l2Device& device, V4l2EncoderNode& node, bool multiplanar) {
    const std::uint32_t bitstreamType = v4l2BitstreamType(multiplanar);
    const std::uint32_t frameType = v4l2FrameType(multiplanar);
    for (const EnumeratedFormat& coded : enumerateFormats(device, bitstreamType)) {
        if (!isVideo(coded))
            continue;
        V4l2CodedFormat format;
        format.fourcc = coded.fourcc;
        format.ownFrameRate = coded.ownFrameRate;
        selectCodedFormat(device, bitstreamType, multiplanar, coded.fourcc);
        for (const EnumeratedFormat& raw : enumerateFormats(device, frameType))
            if (!raw.compressed)
                format.rawFormats.push_back(raw.fourcc);
        if (format.rawFormats.empty())
            continue;
        readSizes(device, format);
        node.formats.push_back(std::move(format));
    }
    node.multiplanar = multiplanar;
}

}  // namespace

V4l2Device::V4l2Device(V4l2System& system, std::string path)
    : system_(system), path_(std::move(path)), descriptor_(system.open(path_.c_str())) {
    while (descriptor_ < 0 && errno == EINTR)
        descriptor_ = system.open(path_.c_str());
    if (descriptor_ < 0)
        throw std::system_error(errno, std::generic_category(), "opening " + path_);
}

V4l2Device::~V4l2Device() {
    if (descriptor_ >= 0)
        system_.close(descriptor_);
}

V4l2Device::V4l2Device(V4l2Device&& other) noexcept
    : system_(other.system_), path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

int V4l2Device::ioctl(unsigned long request, void* argument) const {
    while (system_.ioctl(descriptor_, request, argument) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

const V4l2CodedFormat* V4l2EncoderNode::find(std::uint32_t fourcc) const {
    const auto found = std::ranges::find(formats, fourcc, &V4l2CodedFormat::fourcc);
    return found == formats.end() ? nullptr : &*found;
}

std::optional<V4l2EncoderNode> describeEncoder(const V4l2Device& device) {
    v4l2_capability capability{};
    if (const int error = device.ioctl(VIDIOC_QUERYCAP, capability)) {
        if (error == ENOTTY || error == EINVAL)  // no V4L2 device
            return std::nullopt;
        throw std::system_error(error, std::generic_category(),
                                "asking " + device.path() + " what it is (VIDIOC_QUERYCAP)");
    }
    // `capabilities` is that of the whole device with all its nodes, `device_caps` that of this one.
    const std::uint32_t has =
        capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    // Drivers from before there was a bit for memory-to-memory have those of both directions.
    const auto both = [&](std::uint32_t capture, std::uint32_t output) { return (has & capture) && (has & output); };
    const bool multiplanar =
        (has & V4L2_CAP_VIDEO_M2M_MPLANE) || both(V4L2_CAP_VIDEO_CAPTURE_MPLANE, V4L2_CAP_VIDEO_OUTPUT_MPLANE);
    const bool singlePlanar = (has & V4L2_CAP_VIDEO_M2M) || both(V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_OUTPUT);
    if (!(has & V4L2_CAP_STREAMING) || !(multiplanar || singlePlanar))
        return std::nullopt;

    V4l2EncoderNode node;
    node.path = device.path();
    node.driver = text(capability.driver, sizeof(capability.driver));
    node.card = text(capability.card, sizeof(capability.card));
    node.bus = text(capability.bus_info, sizeof(capability.bus_info));
    if (multiplanar)
        readFormats(device, node, true);
    // Some say that they are multi-planar and list their formats under the other type (GStreamer tries both too).
    if (node.formats.empty())
        readFormats(device, node, false);
    if (node.formats.empty())
        return std::nullopt;
    return node;
}

std::vector<V4l2EncoderNode> findEncoders(V4l2System& system, std::vector<std::string>* skipped) {
    std::vector<V4l2EncoderNode> found;
    for (const std::string& path : system.nodes()) {
        try {
            const V4l2Device device(system, path);
            if (std::optional<V4l2EncoderNode> node = describeEncoder(device))
                found.push_back(std::move(*node));
        } catch (const std::system_error& error) {
            if (skipped)
                skipped->push_back(error.what());
        }
    }
    return found;
}

std::uint32_t v4l2Fourcc(Codec codec) {
    switch (codec) {
        case Codec::H264:
            return V4L2_PIX_FMT_H264;
        case Codec::Hevc:
            return V4L2_PIX_FMT_HEVC;
        case Codec::Fwht:
            break;
    }
    return V4L2_PIX_FMT_FWHT;
}

std::uint32_t v4l2FrameType(bool multiplanar) {
    return multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

std::uint32_t v4l2BitstreamType(bool multiplanar) {
    return multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

}  // namespace smartcodec
