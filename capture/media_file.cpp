#include "capture/media_file.h"

#include <fcntl.h>
#include <unistd.h>

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "capture/limits.h"
#include "capture/stated_size.h"

namespace smartcodec {
namespace {

using std::chrono::nanoseconds;

constexpr AVRational kNanoseconds{1, 1'000'000'000};
constexpr const char* kGiveVideo = "give a video file (MP4, MKV, AVI, MPEG, raw H.264, Y4M, ...)";
/// Read errors in a row after which a file counts as broken off: a damaged stretch is passed sooner, a missing end
/// never.
constexpr int kReadRetries = 64;
/// Rates outside are artefacts of a container's clock (90000 "frames" per second), not of a camera.
constexpr double kMinFrameRate = 0.01;
constexpr double kMaxFrameRate = 1000;

void checkPath(const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status))
        throw std::system_error(error ? error : std::make_error_code(std::errc::no_such_file_or_directory),
                                "cannot open input file " + path + " (check the path)");
    if (std::filesystem::is_directory(status))
        throw std::runtime_error("input " + path + " is a folder; " + kGiveVideo);
    if (faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0)
        throw std::system_error(errno, std::generic_category(),
                                "cannot read input file " + path + " (check its permissions, chmod +r)");
    if (std::filesystem::is_regular_file(status) && std::filesystem::file_size(path, error) == 0 && !error)
        throw std::runtime_error("input file " + path + " is empty; " + kGiveVideo);
}

int stopRequested(void* stop) {
    return static_cast<const std::stop_token*>(stop)->stop_requested();
}

/// Text drawn as pictures: what libavformat makes of text files whose name or contents it does not know better.
bool isTextArt(AVCodecID codec) {
    return codec == AV_CODEC_ID_ANSI || codec == AV_CODEC_ID_BINTEXT || codec == AV_CODEC_ID_XBIN ||
           codec == AV_CODEC_ID_IDF;
}

/// Whether the MP4 muxer takes a track. Only setting one up tells: beside its table of codecs it has conditions on
/// rates, experimental codecs and so on. Nothing is written anywhere but into a buffer in memory.
bool fitsMp4(const AVCodecParameters& parameters) {
    AVFormatContext* raw = nullptr;
    if (avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr) < 0)
        return false;
    const std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> mp4(raw, &avformat_free_context);
    if (avformat_query_codec(mp4->oformat, parameters.codec_id, FF_COMPLIANCE_NORMAL) != 1)
        return false;
    AVStream* stream = avformat_new_stream(mp4.get(), nullptr);
    if (!stream || avcodec_parameters_copy(stream->codecpar, &parameters) < 0)
        return false;
    stream->codecpar->codec_tag = 0;
    stream->time_base = {1, std::max(parameters.sample_rate, 1)};
    if (avio_open_dyn_buf(&mp4->pb) < 0)
        return false;
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "empty_moov+delay_moov",
                0);  // such a file needs no seeking, as the buffer cannot
    const int result = avformat_init_output(mp4.get(), &options);
    av_dict_free(&options);
    std::uint8_t* written = nullptr;
    avio_close_dyn_buf(mp4->pb, &written);
    av_free(written);
    mp4->pb = nullptr;
    return result >= 0;
}

const std::uint8_t* displayMatrix(const AVStream& stream) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData* side = av_packet_side_data_get(
        stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return side && side->size >= 9 * sizeof(std::int32_t) ? side->data : nullptr;
#else
    std::size_t size = 0;
    const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return data && size >= 9 * sizeof(std::int32_t) ? data : nullptr;
#endif
}

std::optional<nanoseconds> inNanoseconds(std::int64_t time, AVRational base) {
    if (time == AV_NOPTS_VALUE || time <= 0)
        return {};
    return nanoseconds(av_rescale_q(time, base, kNanoseconds));
}

}  // namespace

MediaFile::MediaFile(const std::string& path) : path_(path) {
    silenceLibav();
    checkPath(path_);
    open();
    chooseVideo();
    chooseAudio();
    readRotation();
    durationFromZero_ = !declaredDuration_ && headerDuration_;
    // the header's is the longest track's, which must be one that is read, or its end would be missed every time
    if (!declaredDuration_ && format_->nb_streams == 1 + audio_.size())
        declaredDuration_ = headerDuration_;
}

void MediaFile::open() {
    const LibavLog log;
    AVFormatContext* raw = avAllocated(avformat_alloc_context());
    raw->interrupt_callback = {stopRequested, &stop_};
    if (PipeInput::isPipe(path_)) {
        raw->pb = &pipe_.emplace(path_).context();
        // as libavformat does for files: what comes out of a pipe may be a list of addresses
        raw->protocol_whitelist = avAllocated(av_strdup("file,crypto,data"));
    }
    // with the protocol written out, a colon in the name does not make it an address
    if (const int result = avformat_open_input(&raw, ("file:" + path_).c_str(), nullptr, nullptr); result < 0) {
        const std::string why = log.explain(result);
        // libav has a limit of its own on sizes, and the only trace of it is in the log
        const bool tooLarge = why.starts_with("Picture size");
        const std::uint64_t missing = missingBytes();
        throw std::runtime_error("input file " + path_ + " is not a video that libavformat can read (" + why + "); " +
                                 (tooLarge ? "scale it down"
                                  : missing > 0
                                      ? "its last " + std::to_string(missing) + " bytes are missing: copy it again"
                                      : kGiveVideo));
    }
    format_.reset(raw);

    // what the header says, before libavformat fills gaps with estimates
    const std::int64_t headerDuration = format_->duration;
    std::vector<std::int64_t> trackDurations;
    for (unsigned i = 0; i < format_->nb_streams; ++i)
        trackDurations.push_back(format_->streams[i]->duration);

    if (const int result = avformat_find_stream_info(format_.get(), nullptr); result < 0)
        throw std::runtime_error("input file " + path_ + ": its tracks cannot be understood (" + log.explain(result) +
                                 "); it is damaged, or no video");
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        AVStream* stream = format_->streams[i];
        const bool stillPicture = stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS);
        if (!video_ && stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !stillPicture) {
            video_ = stream;
            if (i < trackDurations.size())
                declaredDuration_ = inNanoseconds(trackDurations[i], stream->time_base);
        }
    }
    headerDuration_ = inNanoseconds(headerDuration, AV_TIME_BASE_Q);
}

void MediaFile::chooseVideo() {
    if (!video_ || isTextArt(video_->codecpar->codec_id)) {
        bool audio = false;
        for (unsigned i = 0; i < format_->nb_streams; ++i)
            audio = audio || format_->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        if (video_)
            throw std::runtime_error("input file " + path_ + " is text, not a video; " + kGiveVideo);
        throw std::runtime_error("input file " + path_ + (audio ? " holds audio only" : " has no video track") + "; " +
                                 kGiveVideo);
    }
    for (unsigned i = 0; i < format_->nb_streams; ++i)
        format_->streams[i]->discard = AVDISCARD_ALL;
    video_->discard = AVDISCARD_DEFAULT;
    // unknown until a picture has been decoded in some formats
    if (const AVCodecParameters& coded = *video_->codecpar; coded.width > 0 && coded.height > 0)
        checkSize("the picture of input file " + path_, {coded.width, coded.height});
}

void MediaFile::chooseAudio() {
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
        AVStream* stream = format_->streams[i];
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        if (fitsMp4(*stream->codecpar)) {
            stream->discard = AVDISCARD_DEFAULT;
            audio_.push_back(stream);
        } else {
            notes_.push_back("audio track " + std::to_string(i) + " (" + avcodec_get_name(stream->codecpar->codec_id) +
                             ") of " + path_ + " is left out: MP4 cannot hold it; convert it to AAC to keep it");
        }
    }
}

void MediaFile::readRotation() {
    const std::uint8_t* side = displayMatrix(*video_);
    if (!side)
        return;
    std::array<std::int32_t, 9> matrix{};
    std::memcpy(matrix.data(), side, sizeof matrix);
    const double counterclockwise = av_display_rotation_get(matrix.data());
    if (std::isnan(counterclockwise))
        return;
    const int quarters = static_cast<int>(std::lround(-counterclockwise / 90));
    rotation_ = ((quarters % 4) + 4) % 4 * 90;
    const double determinant = static_cast<double>(matrix[0]) * matrix[4] - static_cast<double>(matrix[1]) * matrix[3];
    if (determinant < 0)
        notes_.push_back(path_ + " asks players to mirror its picture; that is not kept");
    if (std::abs(counterclockwise + quarters * 90) > 1)
        notes_.push_back(path_ + " asks players to turn its picture by " + std::to_string(-counterclockwise) +
                         " degrees; kept as " + std::to_string(rotation_));
}

FrameRate MediaFile::frameRate() const {
    for (const AVRational rate : {video_->avg_frame_rate, video_->r_frame_rate}) {
        if (rate.num > 0 && rate.den > 0 && av_q2d(rate) >= kMinFrameRate && av_q2d(rate) <= kMaxFrameRate)
            return {rate.num, rate.den};
    }
    return {25, 1};  // what libavformat takes for streams that say nothing
}

std::optional<nanoseconds> MediaFile::duration() const {
    return declaredDuration_ ? declaredDuration_ : inNanoseconds(format_->duration, AV_TIME_BASE_Q);
}

AvCodecContext MediaFile::openDecoder() const {
    const LibavLog log;
    const AVCodecParameters& coded = *video_->codecpar;
    const std::string what =
        "input file " + path_ + ": its video (" + avcodec_get_name(coded.codec_id) + ") cannot be decoded";
    const AVCodec* codec = avcodec_find_decoder(coded.codec_id);
    if (!codec)
        throw std::runtime_error(what + ": libavcodec has no decoder for it here; convert the file to H.264 first");
    AvCodecContext decoder(avAllocated(avcodec_alloc_context3(codec)));
    int result = avcodec_parameters_to_context(decoder.get(), &coded);
    if (result >= 0) {
        decoder->pkt_timebase = video_->time_base;
        decoder->thread_count = 0;  // one per core, and one
        // cropping to the very pixel rather than to what vector loads like
        decoder->flags |= AV_CODEC_FLAG_UNALIGNED;
        result = avcodec_open2(decoder.get(), codec, nullptr);
    }
    if (result < 0)
        throw std::runtime_error(what + ": " + log.explain(result) + "; convert the file to H.264 first");
    return decoder;
}

void MediaFile::stopOn(std::stop_token stop) {
    stop_ = std::move(stop);
    if (pipe_)
        pipe_->stopOn(stop_);
}

std::uint64_t MediaFile::missingBytes() const {
    std::error_code error;  // of what is no file: nothing is known
    const std::uint64_t there = std::filesystem::file_size(path_, error);
    const std::uint64_t stated = error ? 0 : statedSizeBytes(path_).value_or(0);
    return stated > there ? stated - there : 0;
}

MediaFile::Reading MediaFile::read(::AVPacket& packet) {
    for (int failures = 0;;) {
        const int result = av_read_frame(format_.get(), &packet);
        if (result >= 0) {
            const AVStream* stream = format_->streams[packet.stream_index];
            if (stream == video_ || std::find(audio_.begin(), audio_.end(), stream) != audio_.end()) {
                readError_ = 0;
                if (stream == video_)
                    endsInMidPicture_ = packet.flags & AV_PKT_FLAG_CORRUPT;
                return Reading::Packet;
            }
            av_packet_unref(&packet);
            continue;
        }
        if (stop_.stop_requested())
            return Reading::Stopped;
        if (result == AVERROR_EOF) {
            // an error of the disk looks like the end to most demuxers
            if (readError_ == 0 && format_->pb && format_->pb->error < 0 && format_->pb->error != AVERROR_EOF)
                readError_ = format_->pb->error;
            return Reading::End;
        }
        readError_ = result;
        if (++failures >= kReadRetries || result == AVERROR(ENOMEM))
            return Reading::End;
    }
}

}  // namespace smartcodec
