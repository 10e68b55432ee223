#include "mux/mp4_container.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/libav_handles.h"

namespace smartcodec {
namespace {

/// libavformat collects this much before it hands bytes to the file.
constexpr int kBufferBytes = 256 << 10;

/// Upper bounds of the index ("moov") that is written last, per packet: sample size 4, decode time step 8, presentation
/// offset 8, key frame 4, chunk offset 8, chunk length 12, dependency and roll groups 8 (ISO/IEC 14496-12).
constexpr std::uint64_t kIndexBytesPerPacket = 52;
/// And for everything in it that does not grow: headers, parameter sets, edit lists, muxer's name.
constexpr std::uint64_t kIndexBytes = 64 << 10;

#if LIBAVFORMAT_VERSION_MAJOR >= 61
using WrittenByte = const std::uint8_t;
#else
using WrittenByte = std::uint8_t;
#endif

struct FreeFormat {
    void operator()(AVFormatContext* context) const noexcept { avformat_free_context(context); }
};

struct FreeAvio {
    void operator()(AVIOContext* context) const noexcept {
        av_freep(&context->buffer);
        avio_context_free(&context);
    }
};

/// What libavformat's byte stream ends in. It never tells libavformat of an error, which would make it drop all that
/// follows: the first error is kept for us, and the index, written later, still gets its chance.
struct Sink {
    OutputFile* file = nullptr;
    std::uint64_t position = 0;
    std::error_code error;

    static int write(void* opaque, WrittenByte* data, int size) {
        auto& sink = *static_cast<Sink*>(opaque);
        const std::error_code error =
            sink.file->writeAt(sink.position, std::as_bytes(std::span(data, static_cast<std::size_t>(size))));
        if (error && !sink.error)
            sink.error = error;
        sink.position += static_cast<std::uint64_t>(size);
        return size;
    }

    static std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
        auto& sink = *static_cast<Sink*>(opaque);
        switch (whence & ~AVSEEK_FORCE) {
            case AVSEEK_SIZE:
                return static_cast<std::int64_t>(sink.file->sizeBytes());
            case SEEK_SET:
                break;
            case SEEK_CUR:
                offset += static_cast<std::int64_t>(sink.position);
                break;
            case SEEK_END:
                offset += static_cast<std::int64_t>(sink.file->sizeBytes());
                break;
            default:
                return AVERROR(EINVAL);
        }
        sink.position = static_cast<std::uint64_t>(offset);
        return offset;
    }
};

void setDisplayMatrix(AVStream& stream, int rotation) {
    constexpr std::size_t kMatrixBytes = 9 * sizeof(std::int32_t);
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    AVPacketSideData* side =
        av_packet_side_data_new(&stream.codecpar->coded_side_data, &stream.codecpar->nb_coded_side_data,
                                AV_PKT_DATA_DISPLAYMATRIX, kMatrixBytes, 0);
    std::uint8_t* bytes = side ? side->data : nullptr;
#else
    std::uint8_t* bytes = av_stream_new_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, kMatrixBytes);
#endif
    std::array<std::int32_t, 9> matrix{};
    av_display_rotation_set(matrix.data(), rotation);
    std::memcpy(avAllocated(bytes), matrix.data(), kMatrixBytes);
}

AVStream& addVideo(AVFormatContext& format, const FileConfig& config) {
    if (config.codec == Codec::Fwht)
        throw std::runtime_error("cannot record to '" + config.path + "': MP4 does not hold fwht; give FILE.fwht");
    if (config.parameterSets.empty())
        throw std::runtime_error("cannot record to '" + config.path + "': the encoder gave no parameter sets");
    AVStream& stream = *avAllocated(avformat_new_stream(&format, nullptr));
    AVCodecParameters& parameters = *stream.codecpar;
    parameters.codec_type = AVMEDIA_TYPE_VIDEO;
    parameters.codec_id = config.codec == Codec::H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
    // hvc1, not libavformat's own choice hev1: some players take nothing else.
    parameters.codec_tag = config.codec == Codec::H264 ? MKTAG('a', 'v', 'c', '1') : MKTAG('h', 'v', 'c', '1');
    parameters.format = AV_PIX_FMT_YUV420P;
    parameters.width = config.size.width;
    parameters.height = config.size.height;
    parameters.field_order = AV_FIELD_PROGRESSIVE;
    parameters.color_primaries = static_cast<AVColorPrimaries>(config.color.primaries);
    parameters.color_trc = static_cast<AVColorTransferCharacteristic>(config.color.transfer);
    parameters.color_space = static_cast<AVColorSpace>(config.color.matrix);
    parameters.color_range = config.color.fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    parameters.chroma_location = static_cast<AVChromaLocation>(config.color.chromaLocation);
    if (config.sampleAspect.known())
        parameters.sample_aspect_ratio = {config.sampleAspect.numerator, config.sampleAspect.denominator};
    stream.sample_aspect_ratio = parameters.sample_aspect_ratio;
    if (config.frameRate.known())
        stream.avg_frame_rate = {config.frameRate.numerator, config.frameRate.denominator};
    stream.time_base = {1, static_cast<int>(VideoTimeline::kTicksPerSecond)};
    stream.disposition = AV_DISPOSITION_DEFAULT;

    const std::size_t size = config.parameterSets.size();
    auto* extradata = static_cast<std::uint8_t*>(avAllocated(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE)));
    std::memcpy(extradata, config.parameterSets.data(), size);
    parameters.extradata = extradata;
    parameters.extradata_size = static_cast<int>(size);
    if (config.rotation != 0)
        setDisplayMatrix(stream, config.rotation);
    return stream;
}

/// Null if MP4 has no place for such a track.
AVStream* addCopied(AVFormatContext& format, const CopiedTrack& track) {
    const AVCodecParameters& from = *track.parameters;
    if (from.codec_type != AVMEDIA_TYPE_AUDIO || from.sample_rate <= 0 ||
        avformat_query_codec(format.oformat, from.codec_id, FF_COMPLIANCE_EXPERIMENTAL) != 1)
        return nullptr;
    AVStream& stream = *avAllocated(avformat_new_stream(&format, nullptr));
    if (const int error = avcodec_parameters_copy(stream.codecpar, &from); error < 0)
        throw std::runtime_error("cannot copy a sound track: " + libavError(error));
    stream.codecpar->codec_tag = 0;  // another container's tag means nothing here
    stream.time_base = {1, from.sample_rate};
    stream.disposition = AV_DISPOSITION_DEFAULT;
    if (!track.language.empty())
        av_dict_set(&stream.metadata, "language", track.language.c_str(), 0);
    return &stream;
}

/// In samples. Codecs of overlapping windows need the packet before; Opus says how much it needs; samples that stand
/// for themselves need nothing.
std::int64_t preroll(const AVCodecParameters& parameters) {
    if (av_get_exact_bits_per_sample(parameters.codec_id) > 0)
        return 0;
    return std::max(1, parameters.seek_preroll);
}

void freeOwner(void* opaque, std::uint8_t*) {
    delete static_cast<Packet::Owner*>(opaque);
}

/// Hands the packet's bytes to libav without a copy.
void moveInto(AVPacket& to, Packet packet) {
    auto owner = std::make_unique<Packet::Owner>(std::move(packet.owner));
    // libav's type has no const; the flag says it.
    auto* data = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(packet.data.data()));
    to.buf = avAllocated(av_buffer_create(data, packet.data.size(), freeOwner, owner.get(), AV_BUFFER_FLAG_READONLY));
    (void)owner.release();  // now the buffer's
    to.data = data;
    to.size = static_cast<int>(packet.data.size());
    to.flags = packet.keyFrame ? AV_PKT_FLAG_KEY : 0;
}

}  // namespace

struct Mp4Container::Libav {
    Sink sink;
    std::unique_ptr<AVIOContext, FreeAvio> bytes;
    std::unique_ptr<AVFormatContext, FreeFormat> format;
    AvPacket packet;
    std::vector<AVStream*> streams;  // by Packet::stream; null: left out. Belong to `format`
};

Mp4Container::Mp4Container(const FileConfig& config) : path_(config.path), libav_(std::make_unique<Libav>()) {
    silenceLibav();
    auto* buffer = static_cast<unsigned char*>(avAllocated(av_malloc(kBufferBytes)));
    libav_->bytes.reset(avio_alloc_context(buffer, kBufferBytes, 1, &libav_->sink, nullptr, Sink::write, Sink::seek));
    if (!libav_->bytes) {
        av_free(buffer);
        throw std::bad_alloc();
    }
    libav_->packet.reset(avAllocated(av_packet_alloc()));
    AVFormatContext* format = nullptr;
    avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr);
    libav_->format.reset(avAllocated(format));
    format->pb = libav_->bytes.get();
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    // Decode times before zero are what edit lists are for; nothing may be shifted to avoid them.
    format->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;

    libav_->streams.push_back(&addVideo(*format, config));
    for (std::size_t i = 0; i < config.copiedTracks.size(); ++i) {
        const CopiedTrack& track = config.copiedTracks[i];
        AVStream* stream = addCopied(*format, track);
        libav_->streams.push_back(stream);
        if (stream)
            copied_.push_back({.stream = static_cast<int>(i) + 1,
                               .ticksPerSecond = stream->codecpar->sample_rate,
                               .prerollTicks = preroll(*stream->codecpar)});
        else
            leftOut_.push_back(std::string("MP4 cannot hold a sound track of type ") +
                               avcodec_get_name(track.parameters->codec_id) + "; it is left out of '" + path_ + "'");
    }

    AVDictionary* options = nullptr;
    av_dict_set_int(&options, "video_track_timescale", VideoTimeline::kTicksPerSecond, 0);
    // The default of 1000 would round the edit list, and so the end of the recording, to milliseconds.
    av_dict_set_int(&options, "movie_timescale", VideoTimeline::kTicksPerSecond, 0);
    av_dict_set(&options, "use_editlist", "1", 0);
    // The range belongs in the file even where the colours are not known.
    av_dict_set(&options, "movflags", "+write_colr", 0);
    const int result = avformat_init_output(format, &options);
    av_dict_free(&options);
    if (result < 0)
        throw std::runtime_error("cannot record to '" + path_ + "': MP4 refuses the tracks: " + libavError(result));
}

Mp4Container::~Mp4Container() = default;

void Mp4Container::start(std::unique_ptr<OutputFile> file) {
    file_ = std::move(file);
    path_ = file_->path();
    libav_->sink.file = file_.get();
    if (const Status room = reserve(0); !room.ok())
        throw std::runtime_error(room.message());
    const int result = avformat_write_header(libav_->format.get(), nullptr);
    if (result < 0)
        throw std::runtime_error("cannot begin '" + path_ + "': " + libavError(result));
    avio_flush(libav_->bytes.get());
    if (const Status disk = checkDisk(); !disk.ok())
        throw std::runtime_error(disk.message());
}

std::int64_t Mp4Container::codecTicks(const Packet& packet) const {
    const AVStream* stream = libav_->streams.at(static_cast<std::size_t>(packet.stream));
    return stream ? av_get_audio_frame_duration2(stream->codecpar, static_cast<int>(packet.data.size())) : 0;
}

Status Mp4Container::write(TimedPacket timed) {
    if (!status_.ok())
        return status_;
    if (const Status room = reserve(timed.packet.data.size()); !room.ok())
        return room;
    const bool video = timed.packet.stream == 0;
    const std::size_t size = timed.packet.data.size();
    const AVStream& stream = *libav_->streams.at(static_cast<std::size_t>(timed.packet.stream));
    // The muxer may have chosen another clock than it was asked for.
    const AVRational from{1, static_cast<int>(video ? VideoTimeline::kTicksPerSecond : stream.codecpar->sample_rate)};
    AVPacket& packet = *libav_->packet;
    moveInto(packet, std::move(timed.packet));
    packet.stream_index = stream.index;
    packet.pts = timed.presentation;
    packet.dts = timed.decode;
    packet.duration = timed.duration;
    av_packet_rescale_ts(&packet, from, stream.time_base);
    const int result = av_write_frame(libav_->format.get(), &packet);
    av_packet_unref(&packet);
    ++packets_;
    if (result < 0)
        return fail("cannot write to '" + path_ + "': " + libavError(result));
    const Status disk = checkDisk();
    if (disk.ok() && video) {
        ++videoPackets_;
        videoBytes_ += size;
    }
    return disk;
}

Status Mp4Container::finish() {
    const int result = av_write_trailer(libav_->format.get());
    avio_flush(libav_->bytes.get());
    const Status disk = checkDisk();
    if (disk.ok() && result < 0)
        (void)fail("cannot finish '" + path_ + "': " + libavError(result));
    const std::error_code closed = file_->close();
    if (closed && status_.ok())
        (void)fail("cannot finish '" + path_ + "': " + closed.message());
    size_ = file_->sizeBytes();
    libav_->sink.file = nullptr;
    file_.reset();
    return status_;
}

std::uint64_t Mp4Container::indexBytes() const {
    std::uint64_t extradata = 0;
    for (const AVStream* stream : libav_->streams)
        extradata += stream ? static_cast<std::uint64_t>(stream->codecpar->extradata_size) : 0;
    return kIndexBytes + 2 * extradata + (packets_ + 1) * kIndexBytesPerPacket;
}

Status Mp4Container::reserve(std::size_t packetBytes) {
    const auto position = static_cast<std::uint64_t>(std::max<std::int64_t>(0, avio_tell(libav_->bytes.get())));
    // A start code of three bytes becomes a length of four, and no NAL unit with its start code is shorter than four.
    const std::uint64_t grown = packetBytes + packetBytes / 4;
    if (const std::error_code error = file_->reserve(position + grown + indexBytes()))
        return fail("cannot write more to '" + path_ + "': " + error.message() +
                    "; make room or record to another disk");
    return {};
}

Status Mp4Container::checkDisk() {
    if (libav_->sink.error && status_.ok())
        return fail("cannot write to '" + path_ + "': " + libav_->sink.error.message() +
                    "; check the disk or record to another one");
    return status_;
}

Status Mp4Container::fail(const std::string& message) {
    status_ = Status::failure(message);
    return status_;
}

}  // namespace smartcodec
