#include "tests/support/camera_pattern.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "capture/camera_formats.h"
#include "capture/libav_handles.h"

extern "C" {
#include <libavutil/imgutils.h>
}

namespace smartcodec::test {

namespace {

int checked(int result, const char* step) {
    if (result < 0)
        throw std::runtime_error(std::string("drawing a camera's pattern: ") + step + ": " + libavError(result));
    return result;
}

/// A picture of the pattern in full colour resolution.
AvFrame draw(Size size, std::uint64_t phase) {
    AvFrame frame(avAllocated(av_frame_alloc()));
    frame->format = AV_PIX_FMT_YUV444P;
    frame->width = size.width;
    frame->height = size.height;
    frame->colorspace = AVCOL_SPC_SMPTE170M;
    checked(av_frame_get_buffer(frame.get(), 0), "memory");
    for (int y = 0; y < size.height; ++y) {
        for (int x = 0; x < size.width; ++x) {
            const PatternColor color = patternAt((x + 0.5) / size.width, (y + 0.5) / size.height, phase);
            const int samples[] = {color.luma, color.cb, color.cr};
            for (std::size_t plane = 0; plane < 3; ++plane)
                frame->data[plane][y * frame->linesize[plane] + x] = static_cast<std::uint8_t>(samples[plane]);
        }
    }
    return frame;
}

void convert(const ::AVFrame& from, AVPixelFormat format, bool fullRange, std::uint8_t* const* data,
             const int* strides) {
    const AvSws sws(avAllocated(
        sws_getContext(from.width, from.height, static_cast<AVPixelFormat>(from.format), from.width, from.height,
                       format, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr)));
    const int* matrix = sws_getCoefficients(SWS_CS_ITU601);
    (void)sws_setColorspaceDetails(sws.get(), matrix, 0, matrix, fullRange, 0, 1 << 16, 1 << 16);
    checked(sws_scale(sws.get(), from.data, from.linesize, 0, from.height, data, strides), "converting");
}

std::vector<std::byte> compress(const ::AVFrame& picture, std::size_t room) {
    const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    if (!codec)
        throw std::runtime_error("drawing a camera's pattern: libavcodec has no encoder of Motion JPEG");
    AvCodecContext encoder(avAllocated(avcodec_alloc_context3(codec)));
    encoder->width = picture.width;
    encoder->height = picture.height;
    encoder->pix_fmt = AV_PIX_FMT_YUVJ422P;
    encoder->color_range = AVCOL_RANGE_JPEG;
    encoder->time_base = {1, 30};
    encoder->flags |= AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = FF_QP2LAMBDA;
    checked(avcodec_open2(encoder.get(), codec, nullptr), "opening the encoder of Motion JPEG");
    AvFrame full(avAllocated(av_frame_alloc()));
    full->format = encoder->pix_fmt;
    full->width = picture.width;
    full->height = picture.height;
    full->color_range = AVCOL_RANGE_JPEG;
    full->quality = encoder->global_quality;
    checked(av_frame_get_buffer(full.get(), 0), "memory");
    convert(picture, AV_PIX_FMT_YUV422P, true, full->data, full->linesize);
    AvPacket packet(avAllocated(av_packet_alloc()));
    checked(avcodec_send_frame(encoder.get(), full.get()), "compressing");
    checked(avcodec_receive_packet(encoder.get(), packet.get()), "compressing");
    const auto* data = reinterpret_cast<const std::byte*>(packet->data);
    std::vector<std::byte> bytes(data, data + packet->size);
    if (bytes.size() > room)
        throw std::runtime_error("drawing a camera's pattern: the compressed picture is larger than its buffer");
    return bytes;
}

}  // namespace

PatternColor patternAt(double x, double y, std::uint64_t sequence) {
    const double left = static_cast<double>(sequence % kPatternPhases) / kPatternPhases;
    if (y >= 1.0 / 3 && y < 2.0 / 3 && x >= left && x < left + 1.0 / kPatternPhases)
        return kPatternBar;
    return kPatternQuarters[(y < 0.5 ? 0 : 2) + (x < 0.5 ? 0 : 1)];
}

PatternLayout patternLayout(PixelFormat format, Size size, std::size_t alignment) {
    PatternLayout layout{.format = format, .size = size};
    if (format == kMjpeg) {
        layout.bytes = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 2;
        return layout;
    }
    const int planes = planeCount(format);
    if (planes == 0 || avPixelFormat(format) < 0)
        throw std::runtime_error("drawing a camera's pattern: nothing is known of format " + name(format));
    const auto row = static_cast<std::size_t>(planeSizeBytes(format, size, 0).width);
    layout.strideBytes = (row + alignment - 1) / alignment * alignment;
    for (int i = 0; i < planes; ++i) {
        layout.offsets[static_cast<std::size_t>(i)] = layout.bytes;
        const std::size_t stride = i > 0 && planes == 3 ? layout.strideBytes / 2 : layout.strideBytes;
        layout.bytes += stride * static_cast<std::size_t>(planeSizeBytes(format, size, i).height);
    }
    return layout;
}

std::vector<std::vector<std::byte>> drawPattern(const PatternLayout& layout) {
    std::vector<std::vector<std::byte>> phases;
    for (std::uint64_t phase = 0; phase < kPatternPhases; ++phase) {
        const AvFrame picture = draw(layout.size, phase);
        if (layout.format == kMjpeg) {
            phases.push_back(compress(*picture, layout.bytes));
            continue;
        }
        std::vector<std::byte> bytes(layout.bytes + AV_INPUT_BUFFER_PADDING_SIZE);  // libswscale writes whole vectors
        std::array<std::uint8_t*, 4> data{};
        std::array<int, 4> strides{};
        const auto planes = static_cast<std::size_t>(planeCount(layout.format));
        for (std::size_t i = 0; i < planes; ++i) {
            data[i] = reinterpret_cast<std::uint8_t*>(bytes.data() + layout.offsets[i]);
            strides[i] = static_cast<int>(i > 0 && planes == 3 ? layout.strideBytes / 2 : layout.strideBytes);
        }
        convert(*picture, static_cast<AVPixelFormat>(avPixelFormat(layout.format)), false, data.data(), strides.data());
        bytes.resize(layout.bytes);
        phases.push_back(std::move(bytes));
    }
    return phases;
}

int differenceToPattern(const Picture& picture, std::uint64_t sequence, bool fullRange) {
    int largest = 0;
    // chroma is filtered over a few samples at edges of colour: those places are left out
    constexpr double kApart = 0.03;
    for (int row = 0; row < 24; ++row) {
        for (int column = 0; column < 32; ++column) {
            const double x = (column + 0.5) / 32;
            const double y = (row + 0.5) / 24;
            const PatternColor color = patternAt(x, y, sequence);
            const auto same = [&](double dx, double dy) {
                const PatternColor other = patternAt(x + dx, y + dy, sequence);
                return other.luma == color.luma && other.cb == color.cb && other.cr == color.cr;
            };
            if (!same(kApart, kApart) || !same(-kApart, kApart) || !same(kApart, -kApart) || !same(-kApart, -kApart))
                continue;
            const auto sample = [&](std::size_t plane, double scale, std::size_t step, std::size_t first) {
                const Plane& p = picture.planes[plane];
                const auto across = static_cast<std::size_t>(x * picture.size.width * scale);
                const auto down = static_cast<std::size_t>(y * picture.size.height * scale);
                return std::to_integer<int>(p.data[down * p.strideBytes + across * step + first]);
            };
            const bool planar = picture.format == kYuv420;
            const int cb = planar ? sample(1, 0.5, 1, 0) : sample(1, 0.5, 2, 0);
            const int cr = planar ? sample(2, 0.5, 1, 0) : sample(1, 0.5, 2, 1);
            const auto luma = [&](int value) { return fullRange ? (value - 16) * 255 / 219 : value; };
            const auto chroma = [&](int value) { return fullRange ? 128 + (value - 128) * 255 / 224 : value; };
            largest = std::max({largest, std::abs(sample(0, 1, 1, 0) - luma(color.luma)),
                                std::abs(cb - chroma(color.cb)), std::abs(cr - chroma(color.cr))});
        }
    }
    return largest;
}

}  // namespace smartcodec::test
