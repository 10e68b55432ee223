#include <linux/videodev2.h>

extern "C" {
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "capture/libav_handles.h"
#include "tests/support/emulated_v4l2_coder.h"

namespace smartcodec::emulated {
namespace {

/// The libraries code at constant quality with this QP throughout; what a picture and its blocks are to have instead
/// goes in as offsets, which act at once and reach both libraries the same way. They take offsets only with adaptive
/// quantisation, which is hence on, but too weak to act by itself.
constexpr int kBaseQp = 26;
constexpr int kQpRange = 51;  // libav's offset of 1 stands for the whole range
constexpr AVRational kTimeBase{1, 1000};

int checked(int result, const char* step) {
    if (result < 0)
        throw std::runtime_error(std::string("emulated encoder: ") + step + ": " + libavError(result));
    return result;
}

/// Parameter sets are all that is wanted of extradata: x264 adds a message about itself.
std::vector<std::byte> withoutMessages(std::span<const std::byte> data, bool hevc) {
    std::vector<std::byte> kept;
    const auto startCode = [&](std::size_t at) {
        return at + 3 < data.size() && data[at] == std::byte{0} && data[at + 1] == std::byte{0} &&
               data[at + 2] == std::byte{1};
    };
    for (std::size_t at = 0; at < data.size(); ++at) {
        if (!startCode(at))
            continue;
        std::size_t end = at + 3;
        while (end < data.size() && !startCode(end))
            ++end;
        const std::size_t next = end;
        while (end > at + 3 && end < data.size() && data[end - 1] == std::byte{0})
            --end;
        const auto header = static_cast<unsigned>(data[at + 3]);
        const unsigned type = hevc ? header >> 1 & 63 : header & 31;
        if (hevc ? type >= 32 && type <= 34 : type == 7 || type == 8) {
            kept.push_back(std::byte{0});
            kept.insert(kept.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                        data.begin() + static_cast<std::ptrdiff_t>(end));
        }
        at = next - 1;
    }
    return kept;
}

void copyPlane(const RawPicture& picture, std::size_t plane, AVFrame& to) {
    const int shift = plane == 0 ? 0 : 1;
    const auto columns = static_cast<std::size_t>((picture.size.width + shift) >> shift);
    const int rows = (picture.size.height + shift) >> shift;
    for (int row = 0; row < rows; ++row) {
        const std::byte* from = picture.planes[plane] + static_cast<std::size_t>(row) * picture.strides[plane];
        std::uint8_t* out = to.data[plane] + row * to.linesize[plane];
        if (plane == 0 || picture.chromaStep == 1)
            std::memcpy(out, from, columns);
        else
            for (std::size_t column = 0; column < columns; ++column)
                out[column] = static_cast<std::uint8_t>(from[column * picture.chromaStep]);
    }
}

class LibavCoder final : public Coder {
  public:
    explicit LibavCoder(const CoderSetup& setup) : size_(setup.size), hevc_(setup.fourcc == V4L2_PIX_FMT_HEVC) {
        silenceLibav();
        const char* name = hevc_ ? "libx265" : "libx264";
        const AVCodec* codec = avcodec_find_encoder_by_name(name);
        if (!codec)
            throw std::runtime_error(std::string("emulated encoder: libavcodec has no ") + name);
        context_.reset(avAllocated(avcodec_alloc_context3(codec)));
        context_->width = size_.width;
        context_->height = size_.height;
        context_->pix_fmt = AV_PIX_FMT_YUV420P;
        context_->time_base = kTimeBase;
        context_->framerate = {30, 1};
        context_->thread_count = 1;
        context_->gop_size = 1 << 30;  // key frames are decided outside
        context_->max_b_frames = 0;
        context_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
        // the same whatever the size and the rate; other parameter sets on demand
        const std::string level = std::to_string(51 + static_cast<int>(setup.variant % 2));
        set("preset", "ultrafast");
        set("tune", "zerolatency");
        set("forced-idr", "1");
        set("crf", std::to_string(kBaseQp));
        if (hevc_)
            set("x265-params",
                "log-level=none:pools=none:frame-threads=1:info=0:keyint=-1:open-gop=0:scenecut=0:cutree=0:"
                "qcomp=1:ipratio=1:aq-mode=1:aq-strength=0.01:qg-size=16:level-idc=" +
                    level);
        else
            set("x264-params", "scenecut=0:qcomp=1:ipratio=1:aq-mode=1:aq-strength=0.01:mbtree=0:level=" + level);
        checked(avcodec_open2(context_.get(), codec, nullptr), name);
        sets_ = withoutMessages(
            std::as_bytes(std::span(context_->extradata, static_cast<std::size_t>(context_->extradata_size))), hevc_);
        frame_.reset(avAllocated(av_frame_alloc()));
        frame_->format = context_->pix_fmt;
        frame_->width = size_.width;
        frame_->height = size_.height;
        checked(av_frame_get_buffer(frame_.get(), 0), "a picture");
        packet_.reset(avAllocated(av_packet_alloc()));
    }

    std::span<const std::byte> encode(const RawPicture& picture, const CodingOrder& order) override {
        checked(av_frame_make_writable(frame_.get()), "a picture");
        for (std::size_t plane = 0; plane < 3; ++plane)
            copyPlane(picture, plane, *frame_);
        frame_->pts = static_cast<std::int64_t>(order.number);
        frame_->pict_type = order.keyFrame ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        attachOffsets(order);
        checked(avcodec_send_frame(context_.get(), frame_.get()), "coding a picture");
        av_packet_unref(packet_.get());
        checked(avcodec_receive_packet(context_.get(), packet_.get()), "a coded picture");
        return std::as_bytes(std::span(packet_->data, static_cast<std::size_t>(packet_->size)));
    }

    [[nodiscard]] std::span<const std::byte> parameterSets() const override { return sets_; }

  private:
    void set(const char* option, const std::string& value) {
        checked(av_opt_set(context_->priv_data, option, value.c_str(), 0), option);
    }

    void addRegion(int left, int right, int row, int delta) {
        regions_.push_back({.self_size = sizeof(AVRegionOfInterest),
                            .top = row * 16,
                            .bottom = std::min(row * 16 + 16, size_.height),
                            .left = left * 16,
                            .right = std::min(right * 16, size_.width),
                            .qoffset = {delta, kQpRange}});
    }

    void attachOffsets(const CodingOrder& order) {
        av_frame_remove_side_data(frame_.get(), AV_FRAME_DATA_REGIONS_OF_INTEREST);
        const auto offset = [&](std::int8_t delta) { return std::clamp(order.qp + delta, 0, kQpRange) - kBaseQp; };
        regions_.clear();
        if (order.deltas.empty()) {
            regions_.push_back({.self_size = sizeof(AVRegionOfInterest),
                                .top = 0,
                                .bottom = size_.height,
                                .left = 0,
                                .right = size_.width,
                                .qoffset = {offset(0), kQpRange}});
        } else {
            const int columns = (size_.width + 15) / 16;
            for (int row = 0; row < (size_.height + 15) / 16; ++row) {
                const auto deltas =
                    order.deltas.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns));
                for (int left = 0, right = 0; left < columns; left = right) {
                    const std::int8_t delta = deltas[static_cast<std::size_t>(left)];
                    while (right < columns && deltas[static_cast<std::size_t>(right)] == delta)
                        ++right;
                    addRegion(left, right, row, offset(delta));
                }
            }
        }
        const std::size_t bytes = regions_.size() * sizeof regions_[0];
        AVFrameSideData* side =
            avAllocated(av_frame_new_side_data(frame_.get(), AV_FRAME_DATA_REGIONS_OF_INTEREST, bytes));
        std::memcpy(side->data, regions_.data(), bytes);
    }

    Size size_;
    bool hevc_;
    AvCodecContext context_;
    AvFrame frame_;
    AvPacket packet_;
    std::vector<std::byte> sets_;
    std::vector<AVRegionOfInterest> regions_;
};

}  // namespace

std::unique_ptr<Coder> makeLibavCoder(const CoderSetup& setup) {
    return std::make_unique<LibavCoder>(setup);
}

}  // namespace smartcodec::emulated
