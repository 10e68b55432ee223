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
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "capture/libav_handles.h"
#include "mux/mp4_options.h"

namespace smartcodec {
namespace {

/// libavformat collects this much before it hands bytes to the file.
constexpr int kBufferBytes = 256 << 10;

/// Upper bounds of the index ("moov") that is written last, per packet: sample size 4, decode time step 8, presentation
/// offset 8, key frame 4, chunk offset 8, chunk length 12, dependency and roll groups 8 (ISO/IEC 14496-12).
constexpr std::uint64_t kIndexBytesPerPacket = 52;
/// In its fragment's head: what it has there itself, and the track's share if it were alone.
constexpr std::uint64_t kFragmentBytesPerPacket = 80;
/// And for everything in it that does not grow: headers, parameter sets, edit lists, muxer's name.
constexpr std::uint64_t kIndexBytes = 64 << 10;

/// A fragment ends with the packet that makes it this long: half of what a killed recorder may lose, since as much
/// again may be under way.
constexpr double kFragmentSeconds = 0.5;

#if LIBAVFORMAT_VERSION_MAJOR >= 61
using WrittenByte = const std::uint8_t;
#else
using WrittenByte = std::uint8_t;
#endif

struct FreeFormat {
    void operator()(AVFormatContext* context) const noexcept { avformat_free_context(context); }
};

using FormatContext = std::unique_ptr<AVFormatContext, FreeFormat>;

struct FreeDynamicBuffer {
    void operator()(AVIOContext* context) const noexcept {
        std::uint8_t* bytes = nullptr;
        avio_close_dyn_buf(context, &bytes);
        av_free(bytes);
    }
};

struct FreeAvio {
    void operator()(AVIOContext* context) const noexcept {
        av_freep(&context->buffer);
        avio_context_free(&context);
    }
};

/// What libavformat's byte stream ends in: where samples are collected, a buffer that is to be written at `from`; at
/// the end, the file; else, nothing. In a file nothing that lies before `from` is touched. It never tells libavformat
/// of an error, which would make it drop all that follows: the first error is kept for us, and nothing comes behind it.
struct Sink {
    std::vector<std::byte>* buffer = nullptr;
    OutputFile* file = nullptr;
    std::uint64_t from = 0;
    std::uint64_t position = 0;
    std::uint64_t size = 0;
    std::error_code error;

    static int write(void* opaque, WrittenByte* data, int count) {
        auto& sink = *static_cast<Sink*>(opaque);
        const std::span<const std::byte> bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(count)));
        if (sink.position >= sink.from)
            sink.take(bytes);
        sink.position += bytes.size();
        sink.size = std::max(sink.size, sink.position);
        return count;
    }

    void take(std::span<const std::byte> bytes) {
        if (buffer) {
            buffer->resize(std::max<std::size_t>(buffer->size(), position - from + bytes.size()));
            std::memcpy(buffer->data() + (position - from), bytes.data(), bytes.size());
        } else if (file && !error) {
            error = file->writeAt(position, bytes);
        }
    }

    static std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
        auto& sink = *static_cast<Sink*>(opaque);
        switch (whence & ~AVSEEK_FORCE) {
            case AVSEEK_SIZE:
                return static_cast<std::int64_t>(sink.size);
            case SEEK_SET:
                break;
            case SEEK_CUR:
                offset += static_cast<std::int64_t>(sink.position);
                break;
            case SEEK_END:
                offset += static_cast<std::int64_t>(sink.size);
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

/// A start code of three bytes becomes a length of four, and no NAL unit with its start code is shorter than four.
std::uint64_t grown(std::uint64_t packetBytes) {
    return packetBytes + packetBytes / 4;
}

void initialise(AVFormatContext& format, const Mp4Options::Wanted& wanted, const std::string& path) {
    Mp4Options options(wanted);
    const int result = avformat_init_output(&format, options.dictionary());
    if (result < 0)
        throw std::runtime_error("cannot record to '" + path + "': MP4 refuses the tracks: " + libavError(result));
}

FormatContext newMp4() {
    AVFormatContext* format = nullptr;
    avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr);
    FormatContext owned(avAllocated(format));
    // Decode times before zero are what edit lists are for; nothing may be shifted to avoid them.
    format->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    return owned;
}

/// By Packet::stream; null: MP4 has no place for that track. They belong to `format`.
std::vector<AVStream*> addTracks(AVFormatContext& format, const FileConfig& config) {
    std::vector<AVStream*> streams{&addVideo(format, config)};
    for (const CopiedTrack& track : config.copiedTracks)
        streams.push_back(addCopied(format, track));
    return streams;
}

/// What a fragmented file of these tracks begins with.
std::vector<std::byte> fragmentedHead(const FileConfig& config) {
    AVIOContext* buffer = nullptr;
    if (avio_open_dyn_buf(&buffer) < 0)
        throw std::bad_alloc();
    const std::unique_ptr<AVIOContext, FreeDynamicBuffer> owner(buffer);
    const FormatContext format = newMp4();
    format->pb = buffer;
    (void)addTracks(*format, config);
    // The edit lists are ours: what they say is not known here.
    initialise(*format,
               {.ticksPerSecond = VideoTimeline::kTicksPerSecond,
                .flags = "+empty_moov+default_base_moof",
                .editLists = false},
               config.path);
    const int result = avformat_write_header(format.get(), nullptr);
    if (result < 0)
        throw std::runtime_error("cannot begin '" + config.path + "': " + libavError(result));
    std::uint8_t* data = nullptr;
    const int size = avio_get_dyn_buf(buffer, &data);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
    return {bytes.begin(), bytes.end()};
}

}  // namespace

struct Mp4Container::Libav {
    Sink sink;
    std::unique_ptr<AVIOContext, FreeAvio> bytes;
    FormatContext format;
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
    libav_->format = newMp4();
    AVFormatContext* format = libav_->format.get();
    format->pb = libav_->bytes.get();
    format->flags |= AVFMT_FLAG_CUSTOM_IO;

    libav_->streams = addTracks(*format, config);
    for (std::size_t i = 0; i < config.copiedTracks.size(); ++i) {
        const CopiedTrack& track = config.copiedTracks[i];
        if (const AVStream* stream = libav_->streams[i + 1])
            copied_.push_back({.stream = static_cast<int>(i) + 1,
                               .ticksPerSecond = stream->codecpar->sample_rate,
                               .prerollTicks = preroll(*stream->codecpar)});
        else
            leftOut_.push_back(std::string("MP4 cannot hold a sound track of type ") +
                               avcodec_get_name(track.parameters->codec_id) + "; it is left out of '" + path_ + "'");
    }

    initialise(*format, {.ticksPerSecond = VideoTimeline::kTicksPerSecond}, path_);
    shifts_.resize(format->nb_streams);
    head_ = fragmentedHead(config);
}

Mp4Container::~Mp4Container() = default;

void Mp4Container::start(std::unique_ptr<OutputFile> file) {
    file_ = std::move(file);
    path_ = file_->path();
    if (const std::error_code error = file_->reserve(neededBytes(0)))
        throw std::system_error(error, "cannot begin '" + path_ + "'; make room or record to another disk");
    libav_->sink.from = std::numeric_limits<std::uint64_t>::max();
    const int result = avformat_write_header(libav_->format.get(), nullptr);
    if (result < 0)
        throw std::runtime_error("cannot begin '" + path_ + "': " + libavError(result));
}

std::int64_t Mp4Container::codecTicks(const Packet& packet) const {
    const AVStream* stream = libav_->streams.at(static_cast<std::size_t>(packet.stream));
    return stream ? av_get_audio_frame_duration2(stream->codecpar, static_cast<int>(packet.data.size())) : 0;
}

Status Mp4Container::write(TimedPacket timed) {
    if (!status_.ok())
        return status_;
    const std::size_t bytes = timed.packet.data.size();
    if (const Status room = reserve(bytes); !room.ok())
        return room;
    const AVStream& stream = *libav_->streams.at(static_cast<std::size_t>(timed.packet.stream));
    const double unit = 1.0 / (timed.packet.stream == 0 ? static_cast<double>(VideoTimeline::kTicksPerSecond)
                                                        : static_cast<double>(stream.codecpar->sample_rate));
    const double begin = static_cast<double>(timed.decode) * unit;
    if (pending_.empty())
        pendingSince_ = begin;
    const double end = begin + static_cast<double>(timed.step) * unit;
    pending_.push_back(std::move(timed));
    pendingBytes_ += grown(bytes);
    ++packets_;
    return end - pendingSince_ >= kFragmentSeconds ? flush() : status_;
}

Status Mp4Container::flush() {
    if (broken_)
        return storeFragment();
    if (pending_.empty())
        return status_;
    std::vector<FragmentRun> runs;
    const std::size_t tracks = libav_->format->nb_streams;
    for (std::size_t track = 0; track < tracks; ++track) {
        const auto isOfTrack = [&](const TimedPacket& timed) { return trackOf(timed.packet) == track; };
        const auto first = std::ranges::find_if(pending_, isOfTrack);
        if (first == pending_.end())
            continue;
        if (fragments_ == 0)
            shifts_[track] = std::max<std::int64_t>(0, -first->decode);
        runs.push_back({.trackId = static_cast<std::uint32_t>(track + 1), .shift = shifts_[track], .samples = {}});
    }
    if (fragments_ == 0)
        placeHead();
    makeFragment(runs);
    return storeFragment();
}

/// With the first fragment, since the edit lists are known then.
void Mp4Container::placeHead() {
    head_ = completeHead(head_, shifts_);
    placeholder_ = placeholderOffset(head_);
    end_ = head_.size();
}

void Mp4Container::makeFragment(std::vector<FragmentRun>& runs) {
    const std::size_t headerBytes = fragmentHeaderBytes(runs.size(), pending_.size());
    fragment_.assign(headerBytes, std::byte{});
    Sink& sink = libav_->sink;
    sink.buffer = &fragment_;
    sink.from = end_;
    avio_seek(libav_->bytes.get(), static_cast<std::int64_t>(end_ + headerBytes), SEEK_SET);
    fragmentVideo_ = {};
    for (FragmentRun& run : runs) {
        run.offsetBytes = position() - end_;
        for (TimedPacket& timed : pending_) {
            if (trackOf(timed.packet) + 1 != run.trackId)
                continue;
            if (run.trackId == 1)
                fragmentVideo_.add(timed.packet.data.size());
            run.samples.push_back(shape(timed));
        }
    }
    avio_flush(libav_->bytes.get());
    sink.buffer = nullptr;
    sink.from = std::numeric_limits<std::uint64_t>::max();
    pending_.clear();
    pendingBytes_ = 0;
    writeFragmentHeader(++fragments_, runs, fragment_);
}

/// The index has it already: until it is in the file there can be none.
Status Mp4Container::storeFragment() {
    std::error_code error;
    if (fragments_ == 1)
        error = file_->writeAt(0, head_);
    if (!error)
        error = file_->writeAt(end_, fragment_);
    broken_ = static_cast<bool>(error);
    if (error)
        return fail("cannot write to '" + path_ + "': " + error.message() + "; check the disk or record to another one",
                    error);
    end_ += fragment_.size();
    videoPackets_ += fragmentVideo_.packets;
    videoBytes_ += fragmentVideo_.bytes;
    return status_;
}

/// Puts a packet into the form that it has in the file, and into the index.
FragmentSample Mp4Container::shape(TimedPacket& timed) {
    const bool video = timed.packet.stream == 0;
    const AVStream& stream = *libav_->streams.at(static_cast<std::size_t>(timed.packet.stream));
    // The muxer may have chosen another clock than it was asked for.
    const AVRational from{1, static_cast<int>(video ? VideoTimeline::kTicksPerSecond : stream.codecpar->sample_rate)};
    FragmentSample sample{.decode = av_rescale_q(timed.decode, from, stream.time_base),
                          .presentation = av_rescale_q(timed.presentation, from, stream.time_base),
                          .step = av_rescale_q(timed.step, from, stream.time_base),
                          .keyFrame = timed.packet.keyFrame};
    AVPacket& packet = *libav_->packet;
    moveInto(packet, std::move(timed.packet));
    packet.stream_index = stream.index;
    packet.pts = sample.presentation;
    packet.dts = sample.decode;
    packet.duration = av_rescale_q(timed.duration, from, stream.time_base);
    const std::uint64_t before = position();
    const int result = av_write_frame(libav_->format.get(), &packet);
    av_packet_unref(&packet);
    if (result < 0 && status_.ok())
        (void)fail("cannot write to '" + path_ + "': " + libavError(result));
    sample.bytes = static_cast<std::uint32_t>(position() - before);
    return sample;
}

Status Mp4Container::finish() {
    if (!broken_)
        (void)flush();
    if (end_ > 0 && !broken_)
        appendIndex();
    const std::error_code closed = file_->close();
    if (closed && status_.ok())
        (void)fail("cannot finish '" + path_ + "': " + closed.message(), closed);
    whole_ = whole_ && !closed;
    size_ = file_->sizeBytes();
    file_.reset();
    return status_;
}

/// In an order that leaves a whole file at every moment: the fragments count until the index is safe. That they do not
/// any more need not be safe itself: with them the file is as good.
void Mp4Container::appendIndex() {
    Sink& sink = libav_->sink;
    sink.file = file_.get();
    sink.from = end_;
    avio_seek(libav_->bytes.get(), static_cast<std::int64_t>(end_), SEEK_SET);
    const int result = av_write_trailer(libav_->format.get());
    avio_flush(libav_->bytes.get());
    sink.file = nullptr;
    std::error_code error = sink.error;
    if (!error && result >= 0)
        error = file_->sync();
    if (!error && result >= 0)
        error = file_->writeAt(placeholder_, mediaDataHeader(end_ - placeholder_));
    whole_ = !error && result >= 0;
    if (!whole_ && status_.ok())
        (void)fail("cannot finish '" + path_ + "': " + (error ? error.message() : libavError(result)), error);
}

std::size_t Mp4Container::trackOf(const Packet& packet) const {
    return static_cast<std::size_t>(libav_->streams.at(static_cast<std::size_t>(packet.stream))->index);
}

std::uint64_t Mp4Container::position() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, avio_tell(libav_->bytes.get())));
}

std::uint64_t Mp4Container::indexBytes() const {
    std::uint64_t extradata = 0;
    for (const AVStream* stream : libav_->streams)
        extradata += stream ? static_cast<std::uint64_t>(stream->codecpar->extradata_size) : 0;
    return kIndexBytes + 2 * extradata + (packets_ + 1) * kIndexBytesPerPacket;
}

/// For all that is there, another packet and the index.
std::uint64_t Mp4Container::neededBytes(std::size_t packetBytes) const {
    return end_ + (end_ == 0 ? head_.size() : 0) + pendingBytes_ + grown(packetBytes) +
           (pending_.size() + 1) * kFragmentBytesPerPacket + indexBytes();
}

Status Mp4Container::reserve(std::size_t packetBytes) {
    if (const std::error_code error = file_->reserve(neededBytes(packetBytes)))
        return fail(
            "cannot write more to '" + path_ + "': " + error.message() + "; make room or record to another disk",
            error);
    return {};
}

Status Mp4Container::fail(const std::string& message, const std::error_code& error) {
    status_ = Status::failure(message, error);
    return status_;
}

}  // namespace smartcodec
