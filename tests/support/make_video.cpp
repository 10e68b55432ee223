#include "tests/support/make_video.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <stdexcept>

#include "capture/libav_handles.h"

namespace smartcodec::test {
namespace {

int checked(int result, const std::string& step) {
    if (result < 0)
        throw std::runtime_error("makeVideo: " + step + ": " + libavError(result));
    return result;
}

AVDictionary* dictionary(const std::vector<std::pair<std::string, std::string>>& options) {
    AVDictionary* result = nullptr;
    for (const auto& [key, value] : options)
        checked(av_dict_set(&result, key.c_str(), value.c_str(), 0), "option " + key);
    return result;
}

AvCodecContext openable(const std::string& name, const AVCodec** codec) {
    *codec = avcodec_find_encoder_by_name(name.c_str());
    if (!*codec)
        throw std::runtime_error("makeVideo: libavcodec has no encoder " + name);
    return AvCodecContext(avAllocated(avcodec_alloc_context3(*codec)));
}

void open(AVCodecContext& context, const AVCodec* codec, AVDictionary* options) {
    const int result = avcodec_open2(&context, codec, &options);
    av_dict_free(&options);
    checked(result, std::string("opening ") + codec->name);
}

/// One track of the file: its encoder and its place in the container.
class Track {
  public:
    Track(AVFormatContext& file, AvCodecContext encoder) : file_(file), encoder_(std::move(encoder)) {
        stream_ = avAllocated(avformat_new_stream(&file, nullptr));
        stream_->time_base = encoder_->time_base;
        checked(avcodec_parameters_from_context(stream_->codecpar, encoder_.get()), "copying parameters");
        // the encoder's tag names the pixel format for MKV; in AVI none means RGB as Windows has it, bottom row first
        if (encoder_->codec_id == AV_CODEC_ID_RAWVIDEO && std::string(file.oformat->name) == "avi")
            stream_->codecpar->codec_tag = 0;
    }

    AVCodecContext& encoder() { return *encoder_; }
    AVStream& stream() { return *stream_; }

    /// Null: no more.
    void encode(const AVFrame* frame) {
        checked(avcodec_send_frame(encoder_.get(), frame), "encoding");
        AvPacket packet(avAllocated(av_packet_alloc()));
        while (avcodec_receive_packet(encoder_.get(), packet.get()) >= 0) {
            if (packet->duration == 0 && encoder_->codec_type == AVMEDIA_TYPE_VIDEO)
                packet->duration = av_rescale_q(1, av_inv_q(encoder_->framerate), encoder_->time_base);
            av_packet_rescale_ts(packet.get(), encoder_->time_base, stream_->time_base);
            packet->stream_index = stream_->index;
            checked(av_interleaved_write_frame(&file_, packet.get()), "writing a packet");
        }
    }

  private:
    AVFormatContext& file_;
    AvCodecContext encoder_;
    AVStream* stream_ = nullptr;
};

void setRotation(AVStream& stream, int degreesClockwise) {
    std::array<std::int32_t, 9> matrix{};
    av_display_rotation_set(matrix.data(), degreesClockwise);
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    AVPacketSideData* side =
        av_packet_side_data_new(&stream.codecpar->coded_side_data, &stream.codecpar->nb_coded_side_data,
                                AV_PKT_DATA_DISPLAYMATRIX, sizeof matrix, 0);
    std::memcpy(avAllocated(side)->data, matrix.data(), sizeof matrix);
#else
    std::memcpy(avAllocated(av_stream_new_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, sizeof matrix)), matrix.data(),
                sizeof matrix);
#endif
}

AvCodecContext videoEncoder(const VideoRecipe& recipe, const AVFormatContext& file) {
    const AVCodec* codec = nullptr;
    AvCodecContext context = openable(recipe.codec, &codec);
    context->width = recipe.size.width;
    context->height = recipe.size.height;
    context->pix_fmt = av_get_pix_fmt(recipe.pixelFormat.c_str());
    if (context->pix_fmt == AV_PIX_FMT_NONE)
        throw std::runtime_error("makeVideo: no pixel format " + recipe.pixelFormat);
    context->framerate = {recipe.frameRate.numerator, recipe.frameRate.denominator};
    context->time_base = recipe.times.empty() ? av_inv_q(context->framerate) : AVRational{1, 1000};
    context->sample_aspect_ratio = {recipe.sampleAspect.numerator, recipe.sampleAspect.denominator};
    context->color_primaries = static_cast<AVColorPrimaries>(recipe.color.primaries);
    context->color_trc = static_cast<AVColorTransferCharacteristic>(recipe.color.transfer);
    context->colorspace = static_cast<AVColorSpace>(recipe.color.matrix);
    context->chroma_sample_location = static_cast<AVChromaLocation>(recipe.color.chromaLocation);
    if (recipe.color.fullRange)
        context->color_range = AVCOL_RANGE_JPEG;
    context->gop_size = 5;
    context->thread_count = 1;
    context->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    if (file.oformat->flags & AVFMT_GLOBALHEADER)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (recipe.codec == "libx264") {
        checked(av_opt_set(context->priv_data, "preset", "veryfast", 0), "preset");
        checked(av_opt_set(context->priv_data, "crf", "10", 0), "crf");
    }
    open(*context, codec, dictionary(recipe.codecOptions));
    return context;
}

AvCodecContext audioEncoder(const VideoRecipe& recipe, const AVFormatContext& file) {
    const AVCodec* codec = nullptr;
    AvCodecContext context = openable(recipe.audioCodec, &codec);
    context->sample_rate = recipe.sampleRate;
    context->time_base = {1, recipe.sampleRate};
    const AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    checked(av_channel_layout_copy(&context->ch_layout, &mono), "channel layout");
    // whichever format the encoder takes, the tone is written as one of these two
    context->sample_fmt =
        recipe.audioCodec.starts_with("pcm_s16") || recipe.audioCodec == "flac" || recipe.audioCodec == "libopus"
            ? AV_SAMPLE_FMT_S16
            : AV_SAMPLE_FMT_FLTP;
    if (recipe.audioCodec == "libmp3lame")
        context->sample_fmt = AV_SAMPLE_FMT_S16P;
    context->bit_rate = 64000;
    context->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (file.oformat->flags & AVFMT_GLOBALHEADER)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    open(*context, codec, nullptr);
    return context;
}

/// Paints with full chroma, then lets libswscale make the pixel format, changing neither matrix nor range.
class Painter {
  public:
    explicit Painter(const VideoRecipe& recipe, AVPixelFormat format)
        : recipe_(recipe), canvas_(avAllocated(av_frame_alloc())) {
        const bool rgb = av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB || format == AV_PIX_FMT_PAL8;
        packed_ = rgb;
        canvas_->format = rgb ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV444P;
        canvas_->width = recipe.size.width;
        canvas_->height = recipe.size.height;
        checked(av_frame_get_buffer(canvas_.get(), 0), "canvas");
        // rows of the full size would be touched beyond the picture by libswscale where sizes are odd; it clips itself
        sws_.reset(sws_getContext(canvas_->width, canvas_->height, static_cast<AVPixelFormat>(canvas_->format),
                                  canvas_->width, canvas_->height, format,
                                  SWS_POINT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr));
        if (!sws_)
            throw std::runtime_error("makeVideo: libswscale cannot make " + recipe.pixelFormat);
        const int* table = sws_getCoefficients(SWS_CS_DEFAULT);
        sws_setColorspaceDetails(sws_.get(), table, 0, table, 0, 0, 1 << 16, 1 << 16);
    }

    void paint(int number, AVFrame& target) {
        checked(av_frame_make_writable(canvas_.get()), "canvas");
        for (int y = 0; y < canvas_->height; ++y) {
            for (int x = 0; x < canvas_->width; ++x) {
                const int grey = greyOf(number);
                const Pixel pixel = recipe_.paint ? recipe_.paint(number, x, y)
                                    : packed_     ? Pixel{grey, grey, grey}
                                                  : Pixel{grey, 128, 128};
                for (std::size_t i = 0; i < 3; ++i) {
                    std::uint8_t* row = canvas_->data[packed_ ? 0 : i] + y * canvas_->linesize[packed_ ? 0 : i];
                    row[packed_ ? 3 * x + static_cast<int>(i) : x] = static_cast<std::uint8_t>(pixel[i]);
                }
            }
        }
        sws_scale(sws_.get(), canvas_->data, canvas_->linesize, 0, canvas_->height, target.data, target.linesize);
    }

  private:
    const VideoRecipe& recipe_;
    AvFrame canvas_;
    AvSws sws_;
    bool packed_ = false;
};

std::chrono::duration<double> timeOf(const VideoRecipe& recipe, int number) {
    if (!recipe.times.empty())
        return recipe.times.at(static_cast<std::size_t>(number));
    return std::chrono::duration<double>(number / recipe.frameRate.value());
}

void encodePicture(Track& track, Painter& painter, const VideoRecipe& recipe, int number) {
    AvFrame frame(avAllocated(av_frame_alloc()));
    frame->format = track.encoder().pix_fmt;
    frame->width = recipe.size.width;
    frame->height = recipe.size.height;
    frame->color_range = track.encoder().color_range;
    frame->pts = recipe.times.empty() ? number : recipe.times.at(static_cast<std::size_t>(number)).count();
    checked(av_frame_get_buffer(frame.get(), 0), "picture");
    painter.paint(number, *frame);
    track.encode(frame.get());
}

/// One encoder frame of a 440 Hz tone from sample `start` on.
void encodeTone(Track& track, std::int64_t start, int samples) {
    AVCodecContext& encoder = track.encoder();
    AvFrame frame(avAllocated(av_frame_alloc()));
    frame->format = encoder.sample_fmt;
    frame->nb_samples = samples;
    frame->sample_rate = encoder.sample_rate;
    checked(av_channel_layout_copy(&frame->ch_layout, &encoder.ch_layout), "channel layout");
    checked(av_frame_get_buffer(frame.get(), 0), "samples");
    for (int i = 0; i < samples; ++i) {
        const double value =
            0.25 * std::sin(2 * std::numbers::pi * 440 * static_cast<double>(start + i) / encoder.sample_rate);
        if (encoder.sample_fmt == AV_SAMPLE_FMT_FLTP)
            reinterpret_cast<float*>(frame->data[0])[i] = static_cast<float>(value);
        else
            reinterpret_cast<std::int16_t*>(frame->data[0])[i] = static_cast<std::int16_t>(value * 32767);
    }
    frame->pts = start;
    track.encode(frame.get());
}

}  // namespace

void makeVideo(const VideoRecipe& recipe) {
    silenceLibav();
    AVFormatContext* raw = nullptr;
    checked(avformat_alloc_output_context2(&raw, nullptr, nullptr, recipe.path.c_str()), "container of " + recipe.path);
    AvOutputFormat file(raw);
    file->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    checked(avio_open(&file->pb, recipe.path.c_str(), AVIO_FLAG_WRITE), "creating " + recipe.path);

    std::unique_ptr<Track> video;
    std::unique_ptr<Track> audio;
    std::unique_ptr<Painter> painter;
    if (recipe.video) {
        video = std::make_unique<Track>(*file, videoEncoder(recipe, *file));
        video->stream().sample_aspect_ratio = video->encoder().sample_aspect_ratio;
        if (recipe.times.empty())
            video->stream().avg_frame_rate = video->encoder().framerate;
        if (recipe.rotation != 0)
            setRotation(video->stream(), recipe.rotation);
        painter = std::make_unique<Painter>(recipe, video->encoder().pix_fmt);
    }
    if (!recipe.audioCodec.empty()) {
        audio = std::make_unique<Track>(*file, audioEncoder(recipe, *file));
        if (!recipe.audioLanguage.empty())
            checked(av_dict_set(&audio->stream().metadata, "language", recipe.audioLanguage.c_str(), 0), "language");
    }

    AVDictionary* options = dictionary(recipe.muxerOptions);
    const int header = avformat_write_header(file.get(), &options);
    av_dict_free(&options);
    checked(header, "writing the header of " + recipe.path);

    const int samplesPerFrame = audio && audio->encoder().frame_size > 0 ? audio->encoder().frame_size : 1024;
    std::int64_t sample = 0;
    const auto toneUntil = [&](double seconds) {
        while (audio && static_cast<double>(sample) < seconds * recipe.sampleRate) {
            encodeTone(*audio, sample, samplesPerFrame);
            sample += samplesPerFrame;
        }
    };
    for (int number = 0; number < recipe.frames; ++number) {
        if (video)
            encodePicture(*video, *painter, recipe, number);
        toneUntil(timeOf(recipe, number).count() + 1 / recipe.frameRate.value());
    }
    if (video)
        video->encode(nullptr);
    if (audio)
        audio->encode(nullptr);
    checked(av_write_trailer(file.get()), "ending " + recipe.path);
}

}  // namespace smartcodec::test
