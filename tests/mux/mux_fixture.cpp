#include "tests/mux/mux_fixture.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "capture/libav_handles.h"

namespace smartcodec::test {
namespace {

constexpr int kWidth = 64;
constexpr int kHeight = 48;
constexpr std::chrono::nanoseconds kNominal = std::chrono::milliseconds(40);

int checked(int result, const char* step) {
    if (result < 0)
        throw std::runtime_error(std::string(step) + ": " + libavError(result));
    return result;
}

std::vector<std::byte> bytesOf(const std::uint8_t* data, int size) {
    const auto* begin = reinterpret_cast<const std::byte*>(data);
    return {begin, begin + size};
}

void paint(AVFrame& frame, std::int64_t number, bool noisy) {
    std::uint32_t random = static_cast<std::uint32_t>(number) * 2654435761U + 1;
    for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
            random = random * 1664525U + 1013904223U;
            const std::int64_t ramp = 3 * x + 2 * y + 5 * number;
            frame.data[0][y * frame.linesize[0] + x] =
                noisy ? static_cast<std::uint8_t>(random >> 24) : static_cast<std::uint8_t>(16 + ramp % 200);
        }
    }
    for (int plane = 1; plane < 3; ++plane)
        for (int y = 0; y < kHeight / 2; ++y)
            std::memset(frame.data[plane] + y * frame.linesize[plane], 128, kWidth / 2);
}

template <class Take>
void receive(AVCodecContext& context, const AVFrame* frame, const Take& take) {
    checked(avcodec_send_frame(&context, frame), "encoding");
    AvPacket packet(avAllocated(av_packet_alloc()));
    while (true) {
        const int result = avcodec_receive_packet(&context, packet.get());
        if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
            return;
        checked(result, "encoding");
        take(*packet);
        av_packet_unref(packet.get());
    }
}

Packet packetOf(const std::vector<std::byte>& bytes) {
    // libav reads a little past the end; its own packets have the padding.
    auto owned = std::make_unique<std::vector<std::byte>>(bytes);
    owned->resize(bytes.size() + AV_INPUT_BUFFER_PADDING_SIZE);
    Packet packet;
    packet.data = {owned->data(), bytes.size()};
    packet.owner = Packet::Owner(owned.release(), [](void* p) { delete static_cast<std::vector<std::byte>*>(p); });
    return packet;
}

int rotationOf(const AVStream& stream) {
    const std::uint8_t* matrix = nullptr;
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData* side = av_packet_side_data_get(
        stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    matrix = side ? side->data : nullptr;
#else
    matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
#endif
    if (!matrix)
        return 0;
    // libavutil counts counterclockwise here.
    const double angle = -av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
    return (static_cast<int>(std::lround(angle)) + 360) % 360;
}

}  // namespace

Packet Clip::packet(std::size_t index) const {
    const Coded& coded = packets.at(index);
    Packet packet = packetOf(coded.bytes);
    packet.presentation = coded.presentation;
    packet.decode = coded.decode;
    packet.keyFrame = coded.keyFrame;
    return packet;
}

Clip encode(const ClipRecipe& recipe) {
    silenceLibav();
    const bool h264 = recipe.codec == Codec::H264;
    const AVCodec* codec = avcodec_find_encoder_by_name(h264 ? "libx264" : "libx265");
    if (!codec)
        throw std::runtime_error("libavcodec lacks libx264 or libx265; install ffmpeg's libavcodec59 or newer");
    AvCodecContext context(avAllocated(avcodec_alloc_context3(codec)));
    context->width = kWidth;
    context->height = kHeight;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = {1, 25};
    context->framerate = {25, 1};
    context->gop_size = recipe.keyFrameEvery;
    context->max_b_frames = recipe.bFrames;
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(context->priv_data, "preset", "ultrafast", 0);
    av_opt_set(context->priv_data, "forced-idr", "1", 0);
    const std::string b = std::to_string(recipe.bFrames);
    av_opt_set(context->priv_data, h264 ? "x264-params" : "x265-params",
               h264 ? "b-adapt=0:scenecut=0" : ("b-adapt=0:scenecut=0:log-level=none:pools=none:bframes=" + b).c_str(),
               0);
    checked(avcodec_open2(context.get(), codec, nullptr), "opening the encoder");

    Clip clip;
    clip.codec = recipe.codec;
    clip.parameterSets = bytesOf(context->extradata, context->extradata_size);
    const auto timeOf = [&recipe](std::int64_t number) {
        return number >= 0 ? recipe.times.at(static_cast<std::size_t>(number)) : recipe.times.at(0) + number * kNominal;
    };
    const auto take = [&](const AVPacket& packet) {
        // libx265 leaves the decode time of a video of one picture undefined.
        const std::int64_t dts = recipe.times.size() == 1 ? packet.pts : packet.dts;
        clip.packets.push_back({bytesOf(packet.data, packet.size), timeOf(packet.pts), timeOf(dts),
                                (packet.flags & AV_PKT_FLAG_KEY) != 0});
    };
    AvFrame frame(avAllocated(av_frame_alloc()));
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = kWidth;
    frame->height = kHeight;
    checked(av_frame_get_buffer(frame.get(), 0), "allocating a picture");
    for (std::size_t i = 0; i < recipe.times.size(); ++i) {
        checked(av_frame_make_writable(frame.get()), "allocating a picture");
        paint(*frame, static_cast<std::int64_t>(i), recipe.noisy);
        frame->pts = static_cast<std::int64_t>(i);
        receive(*context, frame.get(), take);
    }
    receive(*context, nullptr, take);
    return clip;
}

std::vector<CaptureTime> evenTimes(int count, std::chrono::nanoseconds interval) {
    std::vector<CaptureTime> times;
    for (int i = 0; i < count; ++i)
        times.push_back(kStart + i * interval);
    return times;
}

Packet Sound::packet(std::size_t index, CaptureTime begin) const {
    const Coded& coded = packets.at(index);
    Packet packet = packetOf(coded.bytes);
    packet.stream = 1;
    packet.presentation = packet.decode = begin + coded.time;
    packet.duration = coded.duration;
    packet.keyFrame = true;
    return packet;
}

Sound encodeSound(std::chrono::nanoseconds duration, const std::string& encoder) {
    silenceLibav();
    const AVCodec* codec = avcodec_find_encoder_by_name(encoder.c_str());
    if (!codec)
        throw std::runtime_error("libavcodec lacks the encoder " + encoder);
    AvCodecContext context(avAllocated(avcodec_alloc_context3(codec)));
    context->sample_rate = 48000;
    context->sample_fmt = encoder == "aac" ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_S16P;  // what each takes
    context->time_base = {1, 48000};
    context->ch_layout = AV_CHANNEL_LAYOUT_MONO;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    checked(avcodec_open2(context.get(), codec, nullptr), "opening the sound encoder");

    Sound sound;
    const auto nanoseconds = [](std::int64_t samples) {
        return std::chrono::nanoseconds(samples * 1'000'000'000 / 48000);
    };
    const auto take = [&](const AVPacket& packet) {
        sound.packets.push_back(
            {bytesOf(packet.data, packet.size), nanoseconds(packet.pts), nanoseconds(packet.duration)});
    };
    AvFrame frame(avAllocated(av_frame_alloc()));
    frame->format = context->sample_fmt;
    frame->nb_samples = context->frame_size > 0 ? context->frame_size : 1024;
    frame->sample_rate = 48000;
    checked(av_channel_layout_copy(&frame->ch_layout, &context->ch_layout), "describing the sound");
    checked(av_frame_get_buffer(frame.get(), 0), "allocating sound");
    const std::int64_t samples = duration.count() * 48 / 1'000'000;
    for (frame->pts = 0; frame->pts < samples; frame->pts += frame->nb_samples) {
        checked(av_frame_make_writable(frame.get()), "allocating sound");
        std::memset(frame->data[0], 0, static_cast<std::size_t>(frame->linesize[0]));
        receive(*context, frame.get(), take);
    }
    receive(*context, nullptr, take);

    AvCodecParameters parameters(avAllocated(avcodec_parameters_alloc()));
    checked(avcodec_parameters_from_context(parameters.get(), context.get()), "describing the sound");
    sound.tracks.push_back(
        {.parameters = {parameters.release(), [](AVCodecParameters* p) { avcodec_parameters_free(&p); }},
         .language = "deu"});
    return sound;
}

FileConfig configFor(const Clip& clip, const std::string& path) {
    return {.path = path,
            .codec = clip.codec,
            .size = {kWidth, kHeight},
            .frameRate = {25, 1},
            .color = {},
            .sampleAspect = {},
            .parameterSets = clip.parameterSets,
            .copiedTracks = {}};
}

void writeAll(FileWriter& writer, const Clip& clip) {
    for (std::size_t i = 0; i < clip.packets.size(); ++i)
        if (const Status status = writer.write(clip.packet(i)); !status.ok())
            throw std::runtime_error(status.message());
}

const bool kReadsReorderedDurations = LIBAVFORMAT_VERSION_MAJOR >= 60;

double ReadBack::Stream::packetsEnd() const {
    double end = 0;
    for (const Packet& packet : packets)
        if (!packet.discard)
            end = std::max(end, packet.pts + packet.duration);
    return end;
}

namespace {

void describe(const AVStream& from, ReadBack::Stream& to) {
    const AVCodecParameters& parameters = *from.codecpar;
    to.tag.assign(reinterpret_cast<const char*>(&parameters.codec_tag), 4);
    to.width = parameters.width;
    to.height = parameters.height;
    to.color = {.primaries = parameters.color_primaries,
                .transfer = parameters.color_trc,
                .matrix = parameters.color_space,
                .fullRange = parameters.color_range == AVCOL_RANGE_JPEG,
                .chromaLocation = parameters.chroma_location};
    to.sampleAspect = {from.sample_aspect_ratio.num, from.sample_aspect_ratio.den};
    to.rotation = rotationOf(from);
    to.extradataVersion = parameters.extradata_size > 0 ? parameters.extradata[0] : -1;
    if (const AVDictionaryEntry* language = av_dict_get(from.metadata, "language", nullptr, 0))
        to.language = language->value;
}

void decode(AVCodecContext& decoder, const AVPacket* packet, double unit, std::vector<double>& shown) {
    checked(avcodec_send_packet(&decoder, packet), "decoding");
    AvFrame frame(avAllocated(av_frame_alloc()));
    while (avcodec_receive_frame(&decoder, frame.get()) >= 0)
        shown.push_back(static_cast<double>(frame->pts) * unit);
}

}  // namespace

ReadBack readBack(const std::string& path) {
    silenceLibav();
    AVFormatContext* raw = nullptr;
    checked(avformat_open_input(&raw, path.c_str(), nullptr, nullptr), "opening the recording");
    const AvInputFormat format(raw);
    ReadBack result;
    result.streams.resize(format->nb_streams);
    for (unsigned i = 0; i < format->nb_streams; ++i)
        describe(*format->streams[i], result.streams[i]);
    checked(avformat_find_stream_info(format.get(), nullptr), "reading the recording");

    result.start = static_cast<double>(format->start_time) / AV_TIME_BASE;
    result.duration = static_cast<double>(format->duration) / AV_TIME_BASE;
    AvCodecContext decoder;
    for (unsigned i = 0; i < format->nb_streams; ++i) {
        const double unit = av_q2d(format->streams[i]->time_base);
        result.streams[i].start = static_cast<double>(format->streams[i]->start_time) * unit;
        result.streams[i].duration = static_cast<double>(format->streams[i]->duration) * unit;
        if (format->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        const AVCodec* codec = avcodec_find_decoder(format->streams[i]->codecpar->codec_id);
        decoder.reset(avAllocated(avcodec_alloc_context3(codec)));
        checked(avcodec_parameters_to_context(decoder.get(), format->streams[i]->codecpar), "opening the decoder");
        decoder->pkt_timebase = format->streams[i]->time_base;
        decoder->err_recognition = AV_EF_EXPLODE;
        decoder->thread_count = 1;
        checked(avcodec_open2(decoder.get(), codec, nullptr), "opening the decoder");
    }

    AvPacket packet(avAllocated(av_packet_alloc()));
    while (av_read_frame(format.get(), packet.get()) >= 0) {
        const double unit = av_q2d(format->streams[packet->stream_index]->time_base);
        ReadBack::Stream& stream = result.streams[static_cast<std::size_t>(packet->stream_index)];
        stream.packets.push_back({.pts = static_cast<double>(packet->pts) * unit,
                                  .dts = static_cast<double>(packet->dts) * unit,
                                  .duration = static_cast<double>(packet->duration) * unit,
                                  .keyFrame = (packet->flags & AV_PKT_FLAG_KEY) != 0,
                                  .discard = (packet->flags & AV_PKT_FLAG_DISCARD) != 0,
                                  .bytes = static_cast<std::size_t>(packet->size)});
        if (packet->stream_index == 0)
            decode(*decoder, packet.get(), unit, stream.shown);
        av_packet_unref(packet.get());
    }
    if (decoder)
        decode(*decoder, nullptr, av_q2d(format->streams[0]->time_base), result.streams[0].shown);
    return result;
}

}  // namespace smartcodec::test
