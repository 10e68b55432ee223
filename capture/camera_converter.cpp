#include "capture/camera_converter.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "capture/frame_pool.h"
#include "capture/libav_handles.h"
#include "capture/mapping.h"
#include "capture/picture_converter.h"

namespace smartcodec {

namespace {

AvCodecContext openMjpeg() {
    const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    if (!codec)
        throw std::runtime_error("the camera delivers Motion JPEG, and libavcodec was built without its decoder");
    AvCodecContext context(avAllocated(avcodec_alloc_context3(codec)));
    context->thread_count = 1;                 // a picture comes out when it goes in
    context->err_recognition = AV_EF_EXPLODE;  // else what is missing of a picture is made up, and comes out as whole
    if (const int result = avcodec_open2(context.get(), codec, nullptr); result < 0)
        throw std::runtime_error("opening libavcodec's Motion JPEG decoder: " + libavError(result));
    return context;
}

void tag(::AVFrame& frame, const Color& color) {
    frame.color_primaries = static_cast<AVColorPrimaries>(color.primaries);
    frame.color_trc = static_cast<AVColorTransferCharacteristic>(color.transfer);
    frame.colorspace = static_cast<AVColorSpace>(color.matrix);
    frame.color_range = color.fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    frame.chroma_location = static_cast<AVChromaLocation>(color.chromaLocation);
}

/// What outputColor needs to know of pictures before there is one.
Color colorOf(const ChosenFormat& from, const Color& color, Size size) {
    AvFrame like(avAllocated(av_frame_alloc()));
    like->format = from.conversion == CameraConversion::Decompressed ? AV_PIX_FMT_YUVJ422P : avPixelFormat(from.format);
    like->width = size.width;
    like->height = size.height;
    tag(*like, color);
    return outputColor(*like, size);
}

}  // namespace

struct CameraConverter::State {
    State(const ChosenFormat& chosen, const Color& cameraColor, Size size)
        : from(chosen),
          color(colorOf(chosen, cameraColor, size)),
          given(cameraColor),
          wrapped(avAllocated(av_frame_alloc())),
          decoded(avAllocated(av_frame_alloc())),
          packet(avAllocated(av_packet_alloc())),
          converter(kYuv420, size, color),
          pool(kYuv420, size) {
        if (from.conversion == CameraConversion::Decompressed)
            decoder = openMjpeg();
    }

    /// Null for a damaged picture.
    [[nodiscard]] const ::AVFrame* decode(const Picture& picture, std::size_t bytes) {
        // the decoder may read beyond the end; a camera's buffer may have nothing there
        compressed.resize(std::max(compressed.size(), bytes + AV_INPUT_BUFFER_PADDING_SIZE));
        std::memcpy(compressed.data(), picture.planes[0].data, bytes);
        std::fill_n(compressed.begin() + static_cast<std::ptrdiff_t>(bytes), AV_INPUT_BUFFER_PADDING_SIZE,
                    std::uint8_t{0});
        packet->data = compressed.data();
        packet->size = static_cast<int>(bytes);
        const bool sent = avcodec_send_packet(decoder.get(), packet.get()) >= 0;
        return sent && avcodec_receive_frame(decoder.get(), decoded.get()) >= 0 ? decoded.get() : nullptr;
    }

    [[nodiscard]] const ::AVFrame* wrap(const Picture& picture) {
        wrapped->format = avPixelFormat(picture.format);
        wrapped->width = picture.size.width;
        wrapped->height = picture.size.height;
        for (std::size_t i = 0; i < static_cast<std::size_t>(planeCount(picture.format)); ++i) {
            wrapped->data[i] = reinterpret_cast<std::uint8_t*>(picture.planes[i].data);
            wrapped->linesize[i] = static_cast<int>(picture.planes[i].strideBytes);
        }
        tag(*wrapped, given);
        return wrapped.get();
    }

    const ChosenFormat from;
    const Color color;
    const Color given;
    AvFrame wrapped;  // used again for every picture
    AvFrame decoded;
    AvPacket packet;
    AvCodecContext decoder;
    std::vector<std::uint8_t> compressed;
    PictureConverter converter;
    FramePool pool;
};

CameraConverter::CameraConverter(const ChosenFormat& from, const Color& color, Size size) {
    silenceLibav();
    state_ = std::make_unique<State>(from, color, size);
}
CameraConverter::~CameraConverter() = default;

const Color& CameraConverter::color() const {
    return state_->color;
}

Frame CameraConverter::convert(const Picture& picture, std::size_t bytes, const Frame::Description& description) {
    const bool compressed = state_->from.conversion == CameraConversion::Decompressed;
    Picture seen = picture;
    if (compressed) {  // to be mapped, it is a row of bytes
        seen.format = {DRM_FORMAT_R8};
        seen.size = {static_cast<int>(bytes), 1};
    }
    Mapping mapping;
    if (const Status mapped = mapping.open(seen, Mapping::Access::Read); !mapped.ok())
        throw std::runtime_error(mapped.message());
    const ::AVFrame* source = compressed ? state_->decode(mapping.picture(), bytes) : state_->wrap(mapping.picture());
    if (!source)
        return {};
    Frame frame = state_->pool.make(description);
    if (const Status status = state_->converter.convert(*source, frame->picture); !status.ok())
        throw std::runtime_error(status.message());
    return frame;
}

}  // namespace smartcodec
