#include "tests/encoder/encoder_fixture.h"

#include <doctest/doctest.h>

extern "C" {
#include <libavutil/video_enc_params.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "capture/libav_handles.h"

namespace smartcodec::test {

namespace {

DecodedPicture convert(const ::AVFrame& frame, CaptureTime presentation) {
    DecodedPicture out;
    out.presentation = presentation;
    out.size = {frame.width, frame.height};
    out.intra = frame.pict_type == AV_PICTURE_TYPE_I;
    out.bidirectional = frame.pict_type == AV_PICTURE_TYPE_B;
    for (int y = 0; y < frame.height; ++y)
        out.luma.insert(out.luma.end(), frame.data[0] + y * frame.linesize[0],
                        frame.data[0] + y * frame.linesize[0] + frame.width);
    const int cornerX = frame.width / 2 - 1;
    const int cornerY = frame.height / 2 - 1;
    out.cornerCb = frame.data[1][cornerY * frame.linesize[1] + cornerX];
    out.cornerCr = frame.data[2][cornerY * frame.linesize[2] + cornerX];
    out.color = {frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range == AVCOL_RANGE_JPEG,
                 frame.chroma_location};
    out.sampleAspect = {frame.sample_aspect_ratio.num, frame.sample_aspect_ratio.den};
    if (const AVFrameSideData* data = av_frame_get_side_data(&frame, AV_FRAME_DATA_VIDEO_ENC_PARAMS)) {
        auto* parameters = reinterpret_cast<AVVideoEncParams*>(data->data);
        for (unsigned i = 0; i < parameters->nb_blocks; ++i)
            out.blockQp.push_back(parameters->qp + av_video_enc_params_block(parameters, i)->delta_qp);
        if (!out.blockQp.empty())
            out.meanQp =
                std::accumulate(out.blockQp.begin(), out.blockQp.end(), 0.0) / static_cast<double>(out.blockQp.size());
    }
    return out;
}

}  // namespace

EncoderConfig smallConfig(Codec codec) {
    EncoderConfig config;
    config.codec = codec;
    config.format = kYuv420;
    config.size = kSmall;
    config.frameRate = {25, 1};
    return config;
}

CaptureTime at(int number, double framesPerSecond) {
    return CaptureTime(std::chrono::nanoseconds(std::llround(number * 1e9 / framesPerSecond)));
}

Input calm(int number) {
    Input in;
    in.time = at(number);
    in.parameters.bitrate = kMax;
    return in;
}

std::vector<Packet> encodeRun(Encoder& encoder, const EncoderConfig& config, int count,
                              const std::function<Input(int)>& input) {
    FramePool pool(config.format, config.size);
    std::vector<Packet> packets;
    const auto collect = [&] {
        while (std::optional<Packet> packet = encoder.takePacket())
            packets.push_back(std::move(*packet));
    };
    for (int number = 0; number < count; ++number) {
        const Input in = input(number);
        Frame::Description description;
        description.time = in.time;
        Frame frame = pool.make(description);
        paint(frame->picture, number, in.recipe);
        const Status status = encoder.encode(std::move(frame), in.parameters);
        REQUIRE_MESSAGE(status.ok(), status.message());
        collect();
    }
    const Status status = encoder.drain();
    REQUIRE_MESSAGE(status.ok(), status.message());
    collect();
    return packets;
}

std::vector<DecodedPicture> decodeAll(Codec codec, std::span<const std::byte> parameterSets,
                                      const std::vector<Packet>& packets) {
    const AVCodec* decoder = avcodec_find_decoder(codec == Codec::H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC);
    REQUIRE(decoder);
    AvCodecContext context(avAllocated(avcodec_alloc_context3(decoder)));
    context->extradata = static_cast<std::uint8_t*>(av_mallocz(parameterSets.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    std::memcpy(context->extradata, parameterSets.data(), parameterSets.size());
    context->extradata_size = static_cast<int>(parameterSets.size());
    context->export_side_data |= AV_CODEC_EXPORT_DATA_VIDEO_ENC_PARAMS;
    context->err_recognition = AV_EF_EXPLODE;
    context->thread_count = 1;
    REQUIRE(avcodec_open2(context.get(), decoder, nullptr) == 0);

    std::vector<DecodedPicture> pictures;
    AvFrame frame(avAllocated(av_frame_alloc()));
    const auto receive = [&] {
        while (avcodec_receive_frame(context.get(), frame.get()) == 0)
            pictures.push_back(convert(*frame, CaptureTime(std::chrono::nanoseconds(frame->pts))));
    };
    for (const Packet& packet : packets) {
        AvPacket in(avAllocated(av_packet_alloc()));
        REQUIRE(av_new_packet(in.get(), static_cast<int>(packet.data.size())) == 0);
        std::memcpy(in->data, packet.data.data(), packet.data.size());
        in->pts = packet.presentation.time_since_epoch().count();
        in->dts = packet.decode.time_since_epoch().count();
        REQUIRE(avcodec_send_packet(context.get(), in.get()) == 0);
        receive();
    }
    REQUIRE(avcodec_send_packet(context.get(), nullptr) == 0);
    receive();
    return pictures;
}

double meanError(const DecodedPicture& picture, const Picture& truth, int column, int row) {
    double sum = 0;
    for (int y = row * 16; y < row * 16 + 16; ++y)
        for (int x = column * 16; x < column * 16 + 16; ++x) {
            const int wanted = static_cast<int>(
                truth.planes[0]
                    .data[static_cast<std::size_t>(y) * truth.planes[0].strideBytes + static_cast<std::size_t>(x)]);
            sum += std::abs(wanted - picture.luma[static_cast<std::size_t>(y * picture.size.width + x)]);
        }
    return sum / 256;
}

double bitrateBetween(const std::vector<Packet>& packets, CaptureTime from, CaptureTime to) {
    double bits = 0;
    for (const Packet& packet : packets)
        if (packet.presentation >= from && packet.presentation < to)
            bits += static_cast<double>(packet.data.size()) * 8;
    return bits / std::chrono::duration<double>(to - from).count();
}

double peakBitrate(const std::vector<Packet>& packets, std::chrono::nanoseconds window) {
    double peak = 0;
    for (const Packet& first : packets)
        peak = std::max(peak, bitrateBetween(packets, first.presentation, first.presentation + window));
    return peak;
}

}  // namespace smartcodec::test
