#include "capture/file_source.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "capture/buffer_depot.h"
#include "capture/frame_pool.h"
#include "capture/libav_handles.h"
#include "capture/limits.h"
#include "capture/media_file.h"
#include "capture/picture_converter.h"
#include "capture/stream_timeline.h"

namespace smartcodec {
namespace {

using std::chrono::nanoseconds;

constexpr AVRational kNanoseconds{1, 1'000'000'000};
/// Times beyond are faults of the file; sums with them must not overflow.
constexpr nanoseconds kFarthest = std::chrono::hours(24 * 366 * 50);
/// A frame that lasts longer is one too: its duration is then taken from the frame rate.
constexpr nanoseconds kLongestFrame = std::chrono::hours(24);
/// And so is a longer packet of audio: they take milliseconds, uncompressed audio a second.
constexpr nanoseconds kLongestAudio = std::chrono::minutes(1);
/// Video packets without a picture after which a file counts as undecodable: a cut recording may begin with a
/// whole group of pictures that has lost its key frame, 10 s at 100 frames per second.
constexpr int kPacketsForFirstPicture = 1000;
/// Audio packets kept until the video has come to their time. A file that is interleaved worse gets them delivered
/// early instead; no such file should cost memory.
constexpr std::size_t kHeldPackets = 256;
/// The last frame's end is not known to the frame in every container, and audio frames stick out a little. Files that
/// are shorter by less are known by their size.
constexpr nanoseconds kMissingEnd = std::chrono::seconds(1);

/// A decoder's picture on loan.
class DecodedPicture final : public BufferDepot<DecodedPicture>::Lent {
  public:
    DecodedPicture() : frame_(avAllocated(av_frame_alloc())) {}
    [[nodiscard]] ::AVFrame& frame() { return *frame_; }

  private:
    void clear() noexcept override { av_frame_unref(frame_.get()); }

    AvFrame frame_;
};

std::optional<nanoseconds> timeOf(std::int64_t time, AVRational base) {
    if (time == AV_NOPTS_VALUE)
        return {};
    const nanoseconds result(av_rescale_q(time, base, kNanoseconds));
    if (result > kFarthest || result < -kFarthest)
        return {};
    return result;
}

/// Zero where the file says nothing, or says more than `longest`.
StreamTimeline::Duration durationOf(std::int64_t ticks, AVRational base, nanoseconds longest) {
    constexpr std::int64_t kPerSecond = StreamTimeline::Duration::period::den;
    if (ticks <= 0 || ticks > av_rescale_q(longest.count(), kNanoseconds, base))
        return StreamTimeline::Duration::zero();
    return StreamTimeline::Duration(av_rescale(ticks * base.num, kPerSecond, base.den));
}

std::int64_t durationTicks(const ::AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame.duration;
#else
    return frame.pkt_duration;
#endif
}

int even(double side) {
    return static_cast<int>(std::lround(side / 2)) * 2;
}

/// The size asked for; throws std::runtime_error where that is none.
Size outputSize(const FileSourceConfig& config, Size source) {
    for (const auto& [what, side] : {std::pair{"width", config.width}, std::pair{"height", config.height}}) {
        if (side && *side % 2 != 0)
            throw std::runtime_error(std::string("the ") + what + " asked for, " + std::to_string(*side) +
                                     ", is odd, but 4:2:0 pictures have even sizes; use " + std::to_string(*side - 1));
    }
    Size size = source;
    if (config.width && config.height)
        size = {*config.width, *config.height};
    else if (config.width)
        size = {*config.width, even(static_cast<double>(*config.width) * source.height / source.width)};
    else if (config.height)
        size = {even(static_cast<double>(*config.height) * source.width / source.height), *config.height};
    if (size != source)
        checkSize("the picture size asked for", size);
    return size;
}

/// Scaling to another shape changes the shape of a pixel, so that the picture is shown in the shape it had. What
/// rounding to even sizes does to it (under a hundredth) is left alone.
Ratio outputAspect(AVRational aspect, Size source, Size size) {
    Ratio kept{aspect.num, aspect.den};
    if (!kept.known())
        kept = {};
    const double stretch =
        static_cast<double>(source.width) * size.height / (static_cast<double>(source.height) * size.width);
    if (std::abs(stretch - 1) < 0.01)
        return kept;
    const AVRational before = kept.known() ? AVRational{kept.numerator, kept.denominator} : AVRational{1, 1};
    AVRational after{};
    av_reduce(&after.num, &after.den, static_cast<std::int64_t>(before.num) * source.width * size.height,
              static_cast<std::int64_t>(before.den) * source.height * size.width, 1 << 16);
    return {after.num, after.den};
}

CopiedTrack copiedTrack(const AVStream& stream) {
    CopiedTrack track{
        {avAllocated(avcodec_parameters_alloc()), [](AVCodecParameters* p) { avcodec_parameters_free(&p); }}, {}};
    if (const int result = avcodec_parameters_copy(track.parameters.get(), stream.codecpar); result < 0)
        throw std::runtime_error("copying the description of an audio track: " + libavError(result));
    track.parameters->codec_tag = 0;  // the name of the codec in the container it came from
    const AVDictionaryEntry* language = av_dict_get(stream.metadata, "language", nullptr, 0);
    if (language && std::string(language->value) != "und")
        track.language = language->value;
    return track;
}

/// Reads, decodes, and hands on. The first picture is decoded by the constructor: only it tells size, format and time.
class FileSource final : public Source {
  public:
    explicit FileSource(const FileSourceConfig& config);

    const SourceInfo& info() const override { return info_; }
    Status run(SourceSink& sink, std::stop_token stop) override;

  private:
    struct Track {
        const AVStream* stream;
        StreamTimeline times;
    };

    bool decodeNext();
    bool feedDecoder();
    void describe(const FileSourceConfig& config);
    bool deliverPicture(SourceSink& sink);
    bool deliverAudio(SourceSink& sink, std::optional<nanoseconds> until);
    Packet audioPacket(AvPacket packet, std::size_t track);
    Frame::Description place();
    Status ending() const;

    MediaFile file_;
    AvCodecContext decoder_;
    AvPacket packet_{avAllocated(av_packet_alloc())};
    AvFrame decoded_{avAllocated(av_frame_alloc())};
    SourceInfo info_;
    std::shared_ptr<BufferDepot<DecodedPicture>> loans_ = std::make_shared<BufferDepot<DecodedPicture>>();
    std::optional<FramePool> pool_;
    std::optional<PictureConverter> converter_;

    StreamTimeline videoTimes_;
    nanoseconds lead_{0};                // the part of the file's duration before its first picture
    std::optional<nanoseconds> origin_;  // of the file's times; nothing while no picture had one
    std::vector<Track> tracks_;
    struct HeldPacket {
        AvPacket packet;
        std::size_t track;
    };
    std::deque<HeldPacket> held_;
    std::uint64_t sequence_ = 0;
    int packetsDecoded_ = 0;
    nanoseconds end_{0};  // of everything delivered
    bool draining_ = false;
    bool damaged_ = false;  // what the decoder gave last
    Status failure_;
};

FileSource::FileSource(const FileSourceConfig& config) : file_(config.path), decoder_(file_.openDecoder()) {
    for (const AVStream* stream : file_.audio())
        tracks_.push_back({stream, {}});
    if (!decodeNext())
        throw std::runtime_error(failure_.ok()
                                     ? "input file " + config.path +
                                           ": none of its pictures could be decoded; it is damaged, or no video"
                                     : failure_.message());
    describe(config);
}

void FileSource::describe(const FileSourceConfig& config) {
    const std::string picture = "the picture of input file " + config.path;
    checkSize(picture, {decoded_->width, decoded_->height});
    const Size source = evenSize(*decoded_);
    info_.name = std::filesystem::path(config.path).filename().string();
    info_.format = directFormat(*decoded_).value_or(kYuv420);
    info_.size = outputSize(config, source);
    info_.frameRate = file_.frameRate();
    info_.color = outputColor(*decoded_, info_.size);
    const AVRational aspect =
        file_.video().sample_aspect_ratio.num > 0 ? file_.video().sample_aspect_ratio : decoded_->sample_aspect_ratio;
    info_.sampleAspect = outputAspect(aspect, source, info_.size);
    info_.rotation = file_.rotation();
    info_.duration = file_.duration();
    if (file_.durationFromZero())
        lead_ = std::max(timeOf(decoded_->best_effort_timestamp, file_.video().time_base).value_or(lead_), lead_);
    if (info_.duration)
        *info_.duration = std::max(*info_.duration - lead_, nanoseconds{0});
    info_.notes = file_.notes();
    for (const AVStream* stream : file_.audio())
        info_.copiedTracks.push_back(copiedTrack(*stream));
    // so that what libswscale does not read is refused before anything has been created
    if (!directFormat(*decoded_) || info_.size != source) {
        pool_.emplace(info_.format, info_.size);
        converter_.emplace(info_.format, info_.size, info_.color);
        const Frame trial = pool_->make({});
        if (const Status converted = converter_->convert(*decoded_, trial->picture); !converted.ok())
            throw std::runtime_error("input file " + config.path + ": " + converted.message());
    }
}

/// The next picture into `decoded_`; false at the end, whatever made it end.
bool FileSource::decodeNext() {
    for (;;) {
        const int result = avcodec_receive_frame(decoder_.get(), decoded_.get());
        if (result >= 0) {
            // the last picture that was coded need not be the last that is shown
            damaged_ =
                (draining_ && damaged_) || decoded_->flags & AV_FRAME_FLAG_CORRUPT || decoded_->decode_error_flags != 0;
            return true;
        }
        if (result == AVERROR_EOF)
            return false;
        if (result == AVERROR(EAGAIN)) {
            if (!feedDecoder())
                return false;
        } else if (result == AVERROR(ENOMEM)) {
            failure_ = Status::failure("decoding " + file_.path() + ": " + libavError(result));
            return false;
        } else {
            damaged_ = true;  // one picture is lost; the next may be whole
        }
    }
}

/// Gives the decoder a packet, or the end; keeps what comes of other tracks on the way. False: stop.
bool FileSource::feedDecoder() {
    for (;;) {
        switch (file_.read(*packet_)) {
            case MediaFile::Reading::Stopped:
                return false;
            case MediaFile::Reading::End:
                if (std::exchange(draining_, true))
                    return false;
                (void)avcodec_send_packet(decoder_.get(), nullptr);  // cannot fail: draining begins once
                return true;
            case MediaFile::Reading::Packet:
                break;
        }
        if (packet_->stream_index != file_.video().index) {
            const auto track = std::find_if(tracks_.begin(), tracks_.end(), [this](const Track& t) {
                return t.stream->index == packet_->stream_index;
            });
            AvPacket held(avAllocated(av_packet_alloc()));
            av_packet_move_ref(held.get(), packet_.get());
            held_.push_back({std::move(held), static_cast<std::size_t>(track - tracks_.begin())});
            continue;
        }
        const int result = avcodec_send_packet(decoder_.get(), packet_.get());
        av_packet_unref(packet_.get());
        if (result == AVERROR(ENOMEM)) {
            failure_ = Status::failure("decoding " + file_.path() + ": " + libavError(result));
            return false;
        }
        if (result < 0)
            damaged_ = true;
        return sequence_ > 0 || ++packetsDecoded_ <= kPacketsForFirstPicture;
    }
}

/// Time, duration and number of the picture in `decoded_`.
Frame::Description FileSource::place() {
    const AVRational base = file_.video().time_base;
    std::optional<nanoseconds> time = timeOf(decoded_->best_effort_timestamp, base);
    if (time && !origin_)
        origin_ = *time - end_;  // a file whose first pictures have no times gets them counted from zero
    if (time)
        *time -= *origin_;

    StreamTimeline::Duration duration = durationOf(durationTicks(*decoded_), base, kLongestFrame);
    if (duration == duration.zero()) {
        // repeat_pict counts the fields that are shown longer than the rate says
        const AVRational interval{info_.frameRate.denominator, info_.frameRate.numerator};
        duration = durationOf(2 + std::max(decoded_->repeat_pict, 0), interval, kLongestFrame) / 2;
    }
    Frame::Description description;
    const nanoseconds placed = videoTimes_.place(time, duration);
    description.time = CaptureTime(placed);
    description.duration = std::chrono::floor<nanoseconds>(duration);
    description.sequence = sequence_++;
    end_ = std::max(end_, placed + description.duration);
    return description;
}

bool FileSource::deliverPicture(SourceSink& sink) {
    Frame::Description description = place();
    if (!deliverAudio(sink, description.time.time_since_epoch()))
        return false;
    if (directFormat(*decoded_) == info_.format && evenSize(*decoded_) == info_.size) {
        DecodedPicture& loan = loans_->lend([] { return std::make_unique<DecodedPicture>(); });
        av_frame_move_ref(&loan.frame(), decoded_.get());
        description.picture = directPicture(loan.frame());
        return sink.deliver(Frame(loan, description));
    }
    if (!pool_)
        pool_.emplace(info_.format, info_.size);
    if (!converter_)
        converter_.emplace(info_.format, info_.size, info_.color);
    Frame frame = pool_->make(description);
    failure_ = converter_->convert(*decoded_, frame->picture);
    av_frame_unref(decoded_.get());
    return failure_.ok() && sink.deliver(std::move(frame));
}

Packet FileSource::audioPacket(AvPacket packet, std::size_t track) {
    const AVRational base = tracks_[track].stream->time_base;
    std::optional<nanoseconds> time = timeOf(packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts, base);
    if (time)
        *time -= origin_.value_or(nanoseconds{0});
    const StreamTimeline::Duration duration = durationOf(packet->duration, base, kLongestAudio);
    Packet result;
    result.data = std::as_bytes(std::span(packet->data, static_cast<std::size_t>(packet->size)));
    result.stream = static_cast<int>(track) + 1;
    result.presentation = CaptureTime(tracks_[track].times.place(time, duration));
    result.decode = result.presentation;  // audio is not reordered
    result.duration = std::chrono::floor<nanoseconds>(duration);
    result.keyFrame = packet->flags & AV_PKT_FLAG_KEY;
    result.owner = Packet::Owner(packet.release(), [](void* owned) {
        auto* freed = static_cast<::AVPacket*>(owned);
        av_packet_free(&freed);
    });
    return result;
}

/// Hands on the audio up to that time (all of it, if none is given), and what is more than may be kept.
bool FileSource::deliverAudio(SourceSink& sink, std::optional<nanoseconds> until) {
    while (!held_.empty()) {
        HeldPacket& next = held_.front();
        const AVRational base = tracks_[next.track].stream->time_base;
        const std::optional<nanoseconds> time = timeOf(next.packet->pts, base);
        const bool later = until && time && *time - origin_.value_or(nanoseconds{0}) > *until;
        if (later && held_.size() <= kHeldPackets)
            return true;
        // what an edit list hides may be needed to start the decoder, before the beginning; never later
        const bool hidden =
            next.packet->flags & AV_PKT_FLAG_DISCARD && time && *time > origin_.value_or(nanoseconds{0});
        HeldPacket taken = std::move(next);
        held_.pop_front();
        if (hidden)
            continue;
        Packet packet = audioPacket(std::move(taken.packet), taken.track);
        end_ = std::max(end_, packet.presentation.time_since_epoch() + packet.duration);
        if (!sink.deliver(std::move(packet)))
            return false;
    }
    return true;
}

/// How it went, once there are no more pictures.
Status FileSource::ending() const {
    if (!failure_.ok())
        return failure_;
    const auto seconds = [](nanoseconds time) {
        std::string text = std::to_string(std::chrono::duration<double>(time).count());
        return text.substr(0, text.find('.') + 3) + " s";
    };
    const std::string brokeOff = "input file " + file_.path() + " breaks off after " + seconds(end_);
    if (file_.readError() != 0)
        return Status::failure(brokeOff + ": " + libavError(file_.readError()) + "; what could be read is recorded");
    if (const std::uint64_t missing = file_.missingBytes(); missing > 0)
        return Status::failure(brokeOff + ": its last " + std::to_string(missing) +
                               " bytes are missing; what could be read is recorded");
    if (const auto declared = file_.declaredDuration(); declared && lead_ + end_ + kMissingEnd < *declared)
        return Status::failure(brokeOff + " of the " + seconds(*declared - lead_) +
                               " that its header promises; what could be read is recorded");
    if (damaged_ || file_.endsInMidPicture())
        return Status::failure(brokeOff + " in mid-picture; what could be decoded is recorded");
    return {};
}

Status FileSource::run(SourceSink& sink, std::stop_token stop) {
    file_.stopOn(stop);
    do {
        if (stop.stop_requested())
            return {};
        if (!deliverPicture(sink))
            return failure_;
    } while (decodeNext());
    if (stop.stop_requested())
        return {};
    if (!deliverAudio(sink, {}))
        return {};
    return ending();
}

}  // namespace

std::unique_ptr<Source> openFile(const FileSourceConfig& config) {
    return std::make_unique<FileSource>(config);
}

}  // namespace smartcodec
