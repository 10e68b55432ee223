#include "encoder/software_encoder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "capture/libav_handles.h"
#include "capture/mapping.h"
#include "encoder/cap_governor.h"
#include "encoder/chroma_splitter.h"
#include "encoder/frame_timeline.h"
#include "encoder/qp_pooling.h"
#include "encoder/qp_regions.h"
#include "encoder/rate_limit.h"
#include "encoder/x264_options.h"
#include "encoder/x265_options.h"

namespace smartcodec {

namespace {

// A new fixed rate that takes a restart is worth one with a key frame that comes anyway, or for a fall by so much; not
// more often than this.
constexpr double kChangeWorthRestart = 0.1;
constexpr double kExcessWorthRestart = 0.8;
constexpr std::chrono::seconds kRestartPause{1};

[[nodiscard]] const char* libraryName(Codec codec) {
    return codec == Codec::H264 ? "libx264" : "libx265";
}

[[nodiscard]] std::string describe(const EncoderConfig& config) {
    return std::string("opening ") + libraryName(config.codec) + " for " + std::to_string(config.size.width) + "x" +
           std::to_string(config.size.height) + " at " + std::to_string(config.frameRate.numerator) + "/" +
           std::to_string(config.frameRate.denominator) + " frames per second: ";
}

/// Refuses what the libraries would refuse without saying why.
void validate(const EncoderConfig& config) {
    if (config.codec != Codec::H264 && config.codec != Codec::Hevc)
        throw std::runtime_error(std::string("the software encoder codes h264 and hevc, not ") + name(config.codec) +
                                 ": for that one a V4L2 encoder is needed, such as the kernel's vicodec");
    const auto refuse = [&](const std::string& reason) { throw std::runtime_error(describe(config) + reason); };
    if (const std::string reason = whyNotEncodable(config); !reason.empty())
        refuse(reason);
    if (config.format != kNv12 && config.format != kYuv420)
        refuse("it takes NV12 and YU12 pictures, not " + name(config.format));
    if (config.lookaheadFrames && (*config.lookaheadFrames < 0 || *config.lookaheadFrames > 250))
        refuse("a look-ahead of " + std::to_string(*config.lookaheadFrames) + " frames is outside 0..250");
}

struct Opening {
    X264Timing timing = X264Timing::Even;
    std::optional<Bitrate> fixedRate = {};  ///< instead of EncoderConfig::constantBitrate, which stays the peak
};

AvCodecContext openContext(const EncoderConfig& config, const Opening& opening = {}) {
    silenceLibav();
    validate(config);
    const AVCodec* codec = avcodec_find_encoder_by_name(libraryName(config.codec));
    if (!codec)
        throw std::runtime_error(describe(config) + "this libavcodec was built without it; install one that has it");
    AvCodecContext context(avAllocated(avcodec_alloc_context3(codec)));
    context->width = config.size.width;
    context->height = config.size.height;
    context->pix_fmt = config.format == kNv12 && config.codec == Codec::H264 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
    context->framerate = {config.frameRate.numerator, config.frameRate.denominator};
    context->time_base = {config.frameRate.denominator, config.frameRate.numerator};
    if (config.sampleAspect.known())
        context->sample_aspect_ratio = {config.sampleAspect.numerator, config.sampleAspect.denominator};
    context->color_primaries = static_cast<AVColorPrimaries>(config.color.primaries);
    context->color_trc = static_cast<AVColorTransferCharacteristic>(config.color.transfer);
    context->colorspace = static_cast<AVColorSpace>(config.color.matrix);
    context->color_range = config.color.fullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    context->chroma_sample_location = static_cast<AVChromaLocation>(config.color.chromaLocation);
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    context->thread_count = 0;  // as many as the library thinks fit
    if (config.codec == Codec::H264)
        setX264Options(*context, config, opening.timing);
    else
        setX265Options(*context, config);
    if (opening.fixedRate)
        context->bit_rate = opening.fixedRate->bitsPerSecond;
    if (const int result = avcodec_open2(context.get(), codec, nullptr); result < 0)
        throw std::runtime_error(describe(config) + libavError(result) + "; try another size, frame rate or bit rate");
    return context;
}

/// The stream's own parameter sets, except that H.264's do not claim a fixed frame rate: libx264 writes that it has one
/// when told that frames are evenly spaced, but frames are dropped before it. A twin without that flag lends its own.
std::vector<std::byte> readParameterSets(const EncoderConfig& config) {
    const AvCodecContext twin = openContext(config, {.timing = X264Timing::Variable});
    const auto bytes = std::as_bytes(std::span(twin->extradata, static_cast<std::size_t>(twin->extradata_size)));
    return {bytes.begin(), bytes.end()};
}

/// A picture for as long as libavcodec looks at it.
struct Lease {
    Frame frame;
    Mapping mapping;
};

/// Wraps the frame's planes without copying. The AVFrame holds the lease and drops it with its last reference. Fails
/// where dmabufs cannot be mapped.
Status wrapPlanes(AVFrame& out, Frame frame) {
    auto lease = std::make_unique<Lease>();
    if (Status mapped = lease->mapping.open(frame->picture, Mapping::Access::Read); !mapped.ok())
        return mapped;
    lease->frame = std::move(frame);
    const Picture& picture = lease->mapping.picture();
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(planeCount(picture.format)); ++plane) {
        out.data[plane] = reinterpret_cast<std::uint8_t*>(picture.planes[plane].data);
        out.linesize[plane] = static_cast<int>(picture.planes[plane].strideBytes);
    }
    const std::size_t lumaBytes = picture.planes[0].strideBytes * static_cast<std::size_t>(picture.size.height);
    const auto drop = [](void* opaque, std::uint8_t*) { delete static_cast<Lease*>(opaque); };
    out.buf[0] = avAllocated(av_buffer_create(out.data[0], lumaBytes, drop, lease.get(), AV_BUFFER_FLAG_READONLY));
    static_cast<void>(lease.release());  // the buffer owns it now
    return {};
}

void attachRegions(AVFrame& frame, std::span<const QpRegion> regions) {
    AVFrameSideData* sideData = avAllocated(
        av_frame_new_side_data(&frame, AV_FRAME_DATA_REGIONS_OF_INTEREST, regions.size() * sizeof(AVRegionOfInterest)));
    constexpr int kQpRange = 51;  // libav's offset of 1 stands for the whole QP range
    for (std::size_t i = 0; i < regions.size(); ++i) {
        const QpRegion& region = regions[i];
        const AVRegionOfInterest roi{
            .self_size = sizeof(AVRegionOfInterest),
            .top = region.top,
            .bottom = region.bottom,
            .left = region.left,
            .right = region.right,
            .qoffset = {region.delta, kQpRange},
        };
        std::memcpy(sideData->data + i * sizeof(roi), &roi, sizeof(roi));
    }
}

class SoftwareEncoder final : public Encoder {
  public:
    explicit SoftwareEncoder(const EncoderConfig& config)
        : config_(config),
          parameterSets_(readParameterSets(config)),
          context_(openContext(config)),
          frame_(avAllocated(av_frame_alloc())),
          timeline_(config.frameRate),
          governor_(config.constantBitrate.value_or(config.maxBitrate)),
          limit_(config.constantBitrate.value_or(config.maxBitrate)),
          regions_(config.size) {
        capabilities_.name = libraryName(config.codec);
        capabilities_.bitrateWhileRunning = config.codec == Codec::H264 && !config.constantBitrate;
        if (config.format == kNv12 && config.codec == Codec::Hevc)
            chromaSplitter_.emplace(config.size);
    }

    [[nodiscard]] const EncoderCapabilities& capabilities() const override { return capabilities_; }
    [[nodiscard]] std::span<const std::byte> parameterSets() const override { return parameterSets_; }
    Status encode(Frame frame, const EncodeParameters& parameters) override;
    Status drain() override;
    [[nodiscard]] std::optional<Packet> takePacket() override;

  private:
    [[nodiscard]] Status check(const Frame& frame, const QpMap* map) const;
    int applyCap(Bitrate requested, CaptureTime time);
    [[nodiscard]] Status keepFixedRate(bool keyFrame, CaptureTime time);
    [[nodiscard]] Status restart(Bitrate rate);
    [[nodiscard]] Status collect();
    [[nodiscard]] Status finishPacket(AvPacket packet);
    [[nodiscard]] std::int64_t decodeNumber(const AVPacket& packet);
    [[nodiscard]] std::string attempt(const char* what) const {
        return std::string(what) + " frame " + std::to_string(framesIn_) + " with " + capabilities_.name + ": ";
    }

    EncoderConfig config_;
    EncoderCapabilities capabilities_;
    std::vector<std::byte> parameterSets_;
    AvCodecContext context_;
    AvFrame frame_;  // used again for every picture
    std::optional<ChromaSplitter> chromaSplitter_;
    FrameTimeline timeline_;
    CapGovernor governor_;
    RateLimit limit_;
    QpRegionBuilder regions_;
    std::optional<CaptureTime> restarted_;  // for another fixed rate
    std::deque<Bitrate> capsInside_;  // of the frames whose packets are not out yet, near enough: they come reordered
    std::deque<Packet> ready_;
    std::int64_t framesIn_ = 0;
    std::int64_t packetsOut_ = 0;
};

Status SoftwareEncoder::check(const Frame& frame, const QpMap* map) const {
    const auto refuse = [&](const std::string& reason) { return Status::failure(attempt("encoding") + reason); };
    if (!frame)
        return refuse("the frame is empty");
    const Picture& picture = frame->picture;
    if (picture.format != config_.format || picture.size != config_.size)
        return refuse("it is a " + name(picture.format) + " picture of " + std::to_string(picture.size.width) + "x" +
                      std::to_string(picture.size.height) + ", the encoder was opened for " + name(config_.format) +
                      " of " + std::to_string(config_.size.width) + "x" + std::to_string(config_.size.height));
    if (const std::string reason = whyUnfit(map, config_.size); !reason.empty())
        return refuse(reason);
    return {};
}

int SoftwareEncoder::applyCap(Bitrate requested, CaptureTime time) {
    if (requested.bitsPerSecond <= 0)
        requested = config_.maxBitrate;
    const Bitrate cap = std::clamp(requested, kMinBitrate, config_.maxBitrate);
    const Bitrate allowed = std::max(kMinBitrate, limit_.allowed());
    if (config_.codec == Codec::Hevc)
        return governor_.offset(std::min(cap, allowed), time);
    // The library applies a new cap to whatever it codes next, which with look-ahead are frames that came in earlier:
    // a rising cap helps them too, a falling one waits until the last frame decided under the higher one is out.
    capsInside_.push_back(cap);
    const Bitrate inForce = std::ranges::max(capsInside_);
    // It counts time in frames of the nominal rate: what comes in a burst has to share one second's bits.
    const double bits = static_cast<double>(std::min(inForce, allowed).bitsPerSecond) * timeline_.spacing();
    context_->rc_max_rate = std::max(kMinBitrate.bitsPerSecond, static_cast<std::int64_t>(bits));
    return 0;
}

/// The library keeps the rate in frames of the nominal rate, which is right until they come closer together.
Status SoftwareEncoder::keepFixedRate(bool keyFrame, CaptureTime time) {
    const Bitrate rate = std::min(*config_.constantBitrate, limit_.allowed());
    const double bits = static_cast<double>(rate.bitsPerSecond) * timeline_.spacing();
    const std::int64_t wanted = std::max(kMinBitrate.bitsPerSecond, static_cast<std::int64_t>(bits));
    if (config_.codec == Codec::H264) {
        context_->bit_rate = context_->rc_max_rate = wanted;
        return {};
    }
    // libx265 would make up for an offset on the QP map, and has no other way to be told while it runs.
    const double change = static_cast<double>(wanted) / static_cast<double>(context_->bit_rate);
    const bool pausing = restarted_ && time - *restarted_ < kRestartPause;
    if (pausing || (change > kExcessWorthRestart && (!keyFrame || std::abs(change - 1) < kChangeWorthRestart)))
        return {};
    restarted_ = time;
    return restart({wanted});
}

/// Goes on in a new stream of the same parameter sets, whose first frame is a key frame by itself.
Status SoftwareEncoder::restart(Bitrate rate) {
    if (Status status = drain(); !status.ok())
        return status;
    context_.reset();  // its threads first: both at once would take twice the memory
    context_ = openContext(config_, {.fixedRate = rate});  // the peak as before: the level goes by it
    return {};
}

Status SoftwareEncoder::encode(Frame frame, const EncodeParameters& parameters) {
    if (Status status = check(frame, parameters.qpMap); !status.ok())
        return status;
    const CaptureTime time = frame->time;
    const std::optional<std::int64_t> number = timeline_.add(time);
    if (!number)
        return Status::failure(attempt("encoding") + "its capture time is not after that of the frame before");
    int qpOffset = 0;
    if (!config_.constantBitrate)
        qpOffset = applyCap(parameters.bitrate, time);
    else if (Status status = keepFixedRate(parameters.keyFrame, time); !status.ok())
        return status;

    av_frame_unref(frame_.get());
    frame_->format = context_->pix_fmt;
    frame_->width = config_.size.width;
    frame_->height = config_.size.height;
    frame_->pts = *number;
    frame_->color_range = context_->color_range;
    frame_->sample_aspect_ratio = context_->sample_aspect_ratio;
    frame_->pict_type = parameters.keyFrame ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    static const QpMap kNoMap;
    std::span<const QpRegion> regions = regions_.build(parameters.qpMap ? *parameters.qpMap : kNoMap, qpOffset);
    // x265 sets up room for offsets with the first picture it sees and, given none, applies those of an earlier one.
    const QpRegion wholePicture{.right = config_.size.width, .bottom = config_.size.height};
    if (regions.empty() && config_.codec == Codec::Hevc)
        regions = std::span(&wholePicture, 1);
    if (!regions.empty())
        attachRegions(*frame_, regions);
    if (const Status wrapped = wrapPlanes(*frame_, std::move(frame)); !wrapped.ok()) {
        av_frame_unref(frame_.get());
        return Status::failure(attempt("encoding") + wrapped.message());
    }
    if (chromaSplitter_) {
        Plane interleaved;
        interleaved.data = reinterpret_cast<std::byte*>(frame_->data[1]);
        interleaved.strideBytes = static_cast<std::size_t>(frame_->linesize[1]);
        const SplitChroma chroma = chromaSplitter_->split(interleaved);
        frame_->data[1] = chroma.cb;
        frame_->data[2] = chroma.cr;
        frame_->linesize[1] = frame_->linesize[2] = chroma.strideBytes;
    }
    const int result = avcodec_send_frame(context_.get(), frame_.get());
    av_frame_unref(frame_.get());  // the libraries keep a copy of their own
    if (result < 0)
        return Status::failure(attempt("encoding") + libavError(result));
    ++framesIn_;
    return collect();
}

Status SoftwareEncoder::drain() {
    if (const int result = avcodec_send_frame(context_.get(), nullptr); result < 0 && result != AVERROR_EOF)
        return Status::failure(attempt("draining after") + libavError(result));
    return collect();
}

Status SoftwareEncoder::collect() {
    while (true) {
        AvPacket packet(avAllocated(av_packet_alloc()));
        const int result = avcodec_receive_packet(context_.get(), packet.get());
        if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
            return {};
        if (result < 0)
            return Status::failure(attempt("receiving a packet after") + libavError(result));
        if (Status status = finishPacket(std::move(packet)); !status.ok())
            return status;
    }
}

/// Place in decoding order, less than 0 in front of the first frame. libx265 leaves it undefined in a video of fewer
/// frames than decoding runs ahead, because it learns that lead from the frame which ends it; so it is counted here.
std::int64_t SoftwareEncoder::decodeNumber(const AVPacket& packet) {
    return config_.codec == Codec::Hevc ? packetsOut_++ - x265DecodingDelay(config_) : packet.dts;
}

Status SoftwareEncoder::finishPacket(AvPacket packet) {
    const std::int64_t decode = decodeNumber(*packet);
    const auto times = timeline_.packetTimes(packet->pts, decode);
    if (!times)
        return Status::failure(attempt("receiving a packet after") + "it is numbered " + std::to_string(packet->pts) +
                               "/" + std::to_string(decode) + ", which is no frame inside the encoder");
    const auto bytes = static_cast<std::size_t>(packet->size);
    limit_.packet(bytes, times->presentation);
    governor_.packet(bytes, times->presentation);
    if (!capsInside_.empty())
        capsInside_.pop_front();
    Packet out;
    out.data = std::as_bytes(std::span(packet->data, static_cast<std::size_t>(packet->size)));
    out.presentation = times->presentation;
    out.decode = times->decode;
    out.keyFrame = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    out.owner = Packet::Owner(packet.release(), [](void* owned) {
        auto* libavPacket = static_cast<AVPacket*>(owned);
        av_packet_free(&libavPacket);
    });
    ready_.push_back(std::move(out));
    return {};
}

std::optional<Packet> SoftwareEncoder::takePacket() {
    if (ready_.empty())
        return std::nullopt;
    Packet packet = std::move(ready_.front());
    ready_.pop_front();
    return packet;
}

}  // namespace

std::unique_ptr<Encoder> openSoftwareEncoder(const EncoderConfig& config) {
    return std::make_unique<SoftwareEncoder>(config);
}

}  // namespace smartcodec
