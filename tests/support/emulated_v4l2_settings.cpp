#include "tests/support/emulated_v4l2_settings.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/support/v4l2_uapi.h"

namespace smartcodec::emulated {
namespace {

int blocks(int pixels) {
    return (pixels + 15) / 16;
}

/// A map with one delta per block of `blockPixels` as one per 16x16 block.
std::vector<std::int8_t> spreadMap(std::span<const std::byte> payload, int blockPixels, Size size) {
    const int columns = (size.width + blockPixels - 1) / blockPixels;
    std::vector<std::int8_t> deltas;
    for (int row = 0; row < blocks(size.height); ++row)
        for (int column = 0; column < blocks(size.width); ++column) {
            const int from = row * 16 / blockPixels * columns + column * 16 / blockPixels;
            deltas.push_back(static_cast<std::int8_t>(payload[static_cast<std::size_t>(from)]));
        }
    return deltas;
}

struct Rectangle {
    v4l2_rect pixels;
    int delta;
};

/// Rounded outward to the codec's blocks; the first wins.
std::vector<std::int8_t> drawRectangles(std::span<const Rectangle> rectangles, int blockPixels, Size size) {
    std::vector<std::int8_t> deltas(static_cast<std::size_t>(blocks(size.width) * blocks(size.height)));
    std::vector<bool> taken(deltas.size());
    for (const auto& [pixels, delta] : rectangles) {
        const int left = std::max(pixels.left, 0) / blockPixels * blockPixels / 16;
        const int top = std::max(pixels.top, 0) / blockPixels * blockPixels / 16;
        const auto end = [&](int from, std::uint32_t length, int most) {
            const int outward = (from + static_cast<int>(length) + blockPixels - 1) / blockPixels * blockPixels / 16;
            return std::min(outward, blocks(most));
        };
        for (int row = top; row < end(pixels.top, pixels.height, size.height); ++row)
            for (int column = left; column < end(pixels.left, pixels.width, size.width); ++column) {
                const auto at = static_cast<std::size_t>(row * blocks(size.width) + column);
                if (!taken[at])
                    deltas[at] = static_cast<std::int8_t>(std::clamp(delta, -51, 51));
                taken[at] = true;
            }
    }
    return deltas;
}

/// A map of zeros asks for nothing.
std::vector<std::int8_t> orNone(std::vector<std::int8_t> deltas) {
    if (std::ranges::all_of(deltas, [](std::int8_t delta) { return delta == 0; }))
        deltas.clear();
    return deltas;
}

template <class Set>
Set read(std::span<const std::byte> payload) {
    Set set{};
    std::memcpy(&set, payload.data(), std::min(sizeof set, payload.size()));
    return set;
}

std::vector<std::int8_t> drawImx(const uapi::ImxRoi& roi, int blockPixels, Size size) {
    std::vector<Rectangle> rectangles;
    for (std::size_t i = 0; i < std::min<std::size_t>(roi.regions, uapi::kImxRoiRegions); ++i)
        if (roi.region[i].enable)
            rectangles.push_back({roi.region[i].rect, roi.region[i].qpDelta});
    return orNone(drawRectangles(rectangles, blockPixels, size));
}

std::vector<std::int8_t> drawJetson(const uapi::JetsonRoi& roi, int blockPixels, Size size) {
    std::vector<Rectangle> rectangles;
    for (std::size_t i = 0; i < std::min<std::size_t>(roi.regions, uapi::kJetsonRoiRegions); ++i)
        rectangles.push_back({roi.region[i].rect, roi.region[i].qpDelta});
    return orNone(drawRectangles(rectangles, blockPixels, size));
}

}  // namespace

Settings::Settings(const V4l2Personality& personality, const Controls& controls)
    : personality_(personality), controls_(controls) {
    begin();
}

void Settings::force(std::uint32_t id, std::int64_t value) {
    // two names for one setting (bcm2835-codec)
    if (id == V4L2_CID_MPEG_VIDEO_H264_I_PERIOD || id == V4L2_CID_MPEG_VIDEO_GOP_SIZE) {
        id = V4L2_CID_MPEG_VIDEO_GOP_SIZE;
        gop_ = value;
    }
    inForce_[id] = value;
}

void Settings::forceAttached() {
    for (const auto& [id, value] : std::exchange(attached_, {}))
        force(id, value);
    if (attachedFrameRate_)
        frameRateInForce_ = *std::exchange(attachedFrameRate_, std::nullopt);
}

void Settings::change(const ControlChange& change, std::uint32_t coded, Size size) {
    const V4l2PersonalityControl& control = *change.control;
    if (control.effect == V4l2Effect::None)
        return;
    const bool hevc = coded == V4L2_PIX_FMT_HEVC;
    if (control.id == uapi::kCidRoiMbDeltaQp) {
        next_.deltas = orNone(spreadMap(change.payload, hevc ? 32 : 16, size));
        return;
    }
    if (control.id == uapi::kCidImxRoi) {
        standing_ = drawImx(read<uapi::ImxRoi>(change.payload), hevc ? 64 : 16, size);
        return;
    }
    if (control.id == uapi::kCidJetsonRoi) {
        const auto roi = read<uapi::JetsonRoi>(change.payload);
        if (roiEnabled_)
            byBuffer_[roi.configStore] = drawJetson(roi, hevc ? 64 : 16, size);
        return;
    }
    if (control.id == uapi::kCidJetsonRoiEnable) {
        roiEnabled_ = change.payload.at(0) != std::byte{0};
        return;
    }
    if (control.id == V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME) {
        (control.effect == V4l2Effect::NextBuffer ? next_.keyFrame : keyFrame_) = true;
        return;
    }
    switch (control.effect) {
        case V4l2Effect::Live:
            force(control.id, change.value);
            if (control.id == V4L2_CID_MPEG_VIDEO_BITRATE)
                forceAttached();
            break;
        case V4l2Effect::NextBuffer:
            next_.values[control.id] = change.value;
            break;
        case V4l2Effect::WithBitrate:
            attached_[control.id] = change.value;
            break;
        case V4l2Effect::Static:
            if (control.id == V4L2_CID_MPEG_VIDEO_GOP_SIZE)
                gop_ = change.value;
            break;
        case V4l2Effect::None:
            break;
    }
}

void Settings::setFrameRate(double framesPerSecond) {
    frameRate_ = framesPerSecond;
    if (personality_.frameRateEffect == V4l2Effect::Live)
        frameRateInForce_ = framesPerSecond;
    else if (personality_.frameRateEffect == V4l2Effect::NextBuffer)
        next_.frameRate = framesPerSecond;
    else if (personality_.frameRateEffect == V4l2Effect::WithBitrate)
        attachedFrameRate_ = framesPerSecond;
}

void Settings::begin() {
    attached_.clear();
    attachedFrameRate_.reset();
    standing_.clear();
    keyFrame_ = false;
    frameRateInForce_ = frameRate_;
    for (const V4l2PersonalityControl& control : personality_.controls)
        inForce_[control.id] = control.effect == V4l2Effect::None
                                   ? control.byDefault
                                   : controls_.value(control.id).value_or(control.byDefault);
    if (gop_)
        inForce_[V4L2_CID_MPEG_VIDEO_GOP_SIZE] = *gop_;
}

Latched Settings::latch(std::uint32_t index) {
    Latched latched = std::exchange(next_, {});
    if (auto mine = byBuffer_.extract(index))
        latched.deltas = std::move(mine.mapped());
    return latched;
}

std::int64_t Settings::value(std::uint32_t id, std::int64_t otherwise) const {
    const auto found = inForce_.find(id);
    return found == inForce_.end() ? otherwise : found->second;
}

std::int64_t Settings::byCodec(std::uint32_t coded, std::uint32_t h264, std::uint32_t hevc,
                               std::int64_t otherwise) const {
    return value(coded == V4L2_PIX_FMT_HEVC ? hevc : h264, otherwise);
}

StreamSettings Settings::apply(Latched& latched, std::uint32_t coded) {
    for (const auto& [id, value] : latched.values)
        force(id, value);
    if (latched.frameRate)
        frameRateInForce_ = *latched.frameRate;
    latched.keyFrame |= std::exchange(keyFrame_, false);
    if (latched.deltas.empty())
        latched.deltas = standing_;

    StreamSettings settings;
    settings.frameRate = frameRateInForce_;
    settings.gopSize = value(V4L2_CID_MPEG_VIDEO_GOP_SIZE, 0);
    if (coded == V4L2_PIX_FMT_FWHT) {
        settings.keyQp = static_cast<int>(value(V4L2_CID_FWHT_I_FRAME_QP, 20));
        settings.otherQp = static_cast<int>(value(V4L2_CID_FWHT_P_FRAME_QP, 20));
        return settings;
    }
    settings.lowestQp =
        static_cast<int>(byCodec(coded, V4L2_CID_MPEG_VIDEO_H264_MIN_QP, V4L2_CID_MPEG_VIDEO_HEVC_MIN_QP, 0));
    settings.highestQp =
        static_cast<int>(byCodec(coded, V4L2_CID_MPEG_VIDEO_H264_MAX_QP, V4L2_CID_MPEG_VIDEO_HEVC_MAX_QP, 51));
    settings.keyQp =
        static_cast<int>(byCodec(coded, V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, V4L2_CID_MPEG_VIDEO_HEVC_I_FRAME_QP, 26));
    settings.otherQp = static_cast<int>(
        byCodec(coded, V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, V4L2_CID_MPEG_VIDEO_HEVC_P_FRAME_QP, settings.keyQp));
    if (value(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1) != 0)
        settings.bitrate = value(V4L2_CID_MPEG_VIDEO_BITRATE, 0);
    settings.joinedHeader = value(V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME) ==
                            V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME;
    const bool repeats = personality_.repeatsParameterSets || (personality_.repeatsWhenJoined && settings.joinedHeader);
    settings.repeatParameterSets = value(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0) != 0 ||
                                   value(V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR, 0) != 0 || repeats;
    return settings;
}

}  // namespace smartcodec::emulated
