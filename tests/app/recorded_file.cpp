#include "tests/app/recorded_file.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
}

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace smartcodec::test {

namespace {

struct CloseInput {
    void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
struct FreeCodec {
    void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FreePacket {
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};

using Input = std::unique_ptr<AVFormatContext, CloseInput>;
using Decoder = std::unique_ptr<AVCodecContext, FreeCodec>;

[[noreturn]] void fail(const std::string& path, const std::string& step, int error) {
    char text[AV_ERROR_MAX_STRING_SIZE] = {};
    av_strerror(error, text, sizeof text);
    throw std::runtime_error(path + ": " + step + ": " + text);
}

Input openInput(const std::string& path) {
    AVFormatContext* context = nullptr;
    if (const int error = avformat_open_input(&context, path.c_str(), nullptr, nullptr); error < 0)
        fail(path, "opening", error);
    Input input(context);
    if (const int error = avformat_find_stream_info(input.get(), nullptr); error < 0)
        fail(path, "probing", error);
    return input;
}

Decoder openDecoder(const std::string& path, const AVStream& stream) {
    const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
    Decoder decoder(avcodec_alloc_context3(codec));
    avcodec_parameters_to_context(decoder.get(), stream.codecpar);
    decoder->err_recognition = AV_EF_EXPLODE;
    if (const int error = avcodec_open2(decoder.get(), codec, nullptr); error < 0)
        fail(path, "opening the decoder", error);
    return decoder;
}

/// Seconds; of a raw stream, which has no times, far below 0.
double endOf(const AVStream& stream) {
    return (static_cast<double>(stream.start_time) + static_cast<double>(stream.duration)) * av_q2d(stream.time_base);
}

class Reader {
  public:
    explicit Reader(const std::string& path) : path_(path), input_(openInput(path)) {
        video_ = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
        if (video_ < 0)
            throw std::runtime_error(path + ": holds no video");
        const AVStream& stream = *input_->streams[video_];
        decoder_ = openDecoder(path, stream);
        unit_ = av_q2d(stream.time_base);
        file_.width = stream.codecpar->width;
        file_.height = stream.codecpar->height;
        file_.videoEnd = endOf(stream);
        for (unsigned i = 0; i < input_->nb_streams; ++i) {
            const AVStream& other = *input_->streams[i];
            if (other.codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
                continue;
            ++file_.audioTracks;
            file_.audioEnd = std::max(file_.audioEnd, endOf(other));
        }
    }

    /// With `toDamage` what cannot be decoded is the end.
    RecordedFile read(bool toDamage) {
        const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
        while (av_read_frame(input_.get(), packet.get()) >= 0) {
            if (packet->stream_index == video_ && toDamage && !isTaken(*packet))
                break;
            if (packet->stream_index == video_ && !toDamage)
                takeVideo(*packet);
            else if (packet->stream_index != video_)
                file_.audioSizes.push_back(static_cast<std::size_t>(packet->size));
            av_packet_unref(packet.get());
        }
        decode(nullptr);
        return std::move(file_);
    }

  private:
    void takeVideo(const AVPacket& packet) {
        file_.videoPackets.push_back({static_cast<double>(packet.pts) * unit_, static_cast<std::size_t>(packet.size)});
        if ((packet.flags & AV_PKT_FLAG_KEY) != 0)
            file_.keyTimes.push_back(static_cast<double>(packet.pts) * unit_);
        decode(&packet);
    }

    bool isTaken(const AVPacket& packet) {
        try {
            takeVideo(packet);
            return true;
        } catch (const std::runtime_error&) {
            file_.videoEnd = static_cast<double>(packet.pts) * unit_;
            return false;
        }
    }

    void decode(const AVPacket* packet) {
        if (const int error = avcodec_send_packet(decoder_.get(), packet); error < 0)
            fail(path_, "decoding", error);
        const std::unique_ptr<AVFrame, FreeFrame> frame(av_frame_alloc());
        int result = 0;
        while ((result = avcodec_receive_frame(decoder_.get(), frame.get())) >= 0)
            file_.times.push_back(static_cast<double>(frame->best_effort_timestamp) * unit_);
        if (result != AVERROR(EAGAIN) && result != AVERROR_EOF)
            fail(path_, "decoding", result);
    }

    std::string path_;
    Input input_;
    Decoder decoder_;
    int video_ = -1;
    double unit_ = 0;
    RecordedFile file_;
};

}  // namespace

RecordedFile readRecording(const std::string& path) {
    av_log_set_level(AV_LOG_QUIET);  // what matters is thrown
    return Reader(path).read(false);
}

RecordedFile readUntilDamage(const std::string& path) {
    av_log_set_level(AV_LOG_QUIET);
    return Reader(path).read(true);
}

}  // namespace smartcodec::test
